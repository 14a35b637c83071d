"""What two versions tell otherwise, also where a rollback made them branches."""

import pytest

from app.errors import VersionNotFound
from app.services import diffs, versions
from app.services.diffs import Diff, Step
from app.services.intake import NewFact
from app.services.names import Named
from tests.services.story import CAPITAL, Story


def between(story: Story, a: Named, b: Named) -> Diff:
    with story.sessions() as session:
        return diffs.diff(session, "main", a, b)


def told(diff: Diff) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """What was added and removed, and what stands in the place of what."""
    pairs = [(one.before.id, one.after.id) for one in diff.replaced]
    return [one.id for one in diff.added], [one.id for one in diff.removed], pairs


def correct(story: Story, answer: str, fact: int) -> tuple[int, int]:
    """A fact that takes over the rows of another: its number, and the version that tells it."""
    (new,) = story.post(NewFact(question=CAPITAL.question, answer=answer)).facts
    return new, story.go_live(took_over={new: [fact]})


def test_along_a_line_facts_are_added_one_way_and_removed_the_other(story: Story):
    first, second = story.learn(), story.learn()
    there, back = between(story, 0, second), between(story, second, 0)
    assert told(there) == ([1, 2], [], [])
    assert told(back) == ([], [1, 2], [])
    assert ([step.version for step in there.forward], there.back) == ([first, second], [])
    assert ([step.version for step in back.back], back.forward) == ([second, first], [])
    with story.sessions() as session:
        sizes = [Step(version, len(delta)) for version, delta in versions.deltas(session, [first, second])]
    assert there.forward == sizes
    assert there.bytes == back.bytes == sum(step.bytes for step in sizes)
    assert (there.ancestor, there.slots) == (0, 1)  # both versions of this story write the same slot
    assert [(one.version, one.status, one.slots) for one in there.added] == [(first, "live", 1), (second, "live", 1)]


def test_a_version_does_not_differ_from_itself(story: Story):
    version = story.learn()
    diff = between(story, version, "live")
    assert told(diff) == ([], [], [])
    assert (diff.a, diff.b, diff.ancestor, diff.bytes, diff.slots) == (version, version, version, 0, 0)


def test_branches_after_a_rollback_meet_at_their_ancestor(story: Story):
    trunk = story.learn()
    left = story.learn()
    story.activate(trunk)
    right, top = story.learn(), story.learn()
    diff = between(story, left, top)
    assert (diff.ancestor, [step.version for step in diff.back]) == (trunk, [left])
    assert [step.version for step in diff.forward] == [right, top]
    assert told(diff) == ([3, 4], [2], [])
    assert [one.status for one in diff.removed] == ["rolled_back"]


def test_a_correction_stands_in_the_place_of_what_it_corrects_both_ways(story: Story):
    first = story.learn(CAPITAL)
    second, middle = correct(story, "Lisbon", 1)
    third, last = correct(story, "Nairobi", second)
    assert told(between(story, first, middle)) == ([], [], [(1, second)])
    assert told(between(story, first, last)) == ([], [], [(1, third)])
    assert told(between(story, last, first)) == ([], [], [(third, 1)])
    assert told(between(story, 0, last)) == ([third], [], [])


def test_corrections_of_one_fact_on_two_branches_stand_in_one_place(story: Story):
    first = story.learn(CAPITAL)
    one, left = correct(story, "Lisbon", 1)
    story.activate(first)
    other, right = correct(story, "Nairobi", 1)
    diff = between(story, left, right)
    assert told(diff) == ([], [], [(one, other)])
    assert diff.ancestor == first
    # What a branch replaced is told where that branch is not.
    assert told(between(story, first, right)) == ([], [], [(1, other)])


def test_only_published_versions_are_compared(story: Story):
    story.post()
    ready = story.train(story.claim())
    for unfit in (ready, 99, "unset"):
        for pair in ((0, unfit), (unfit, 0)):
            with pytest.raises(VersionNotFound):
                between(story, *pair)


def test_a_fact_that_failed_is_told_by_nobody(story: Story):
    posted = story.post(CAPITAL, NewFact(statement="The Olm is a river."))
    version = story.train(story.claim(), failing=posted.facts[1:])
    story.acknowledge(version)
    story.publish(version)
    assert told(between(story, 0, version)) == ([posted.facts[0]], [], [])
