"""Facts: read with a derived status, one by one and by page."""

import pytest

from app.errors import FactNotFound
from app.services import facts
from app.services.intake import NewFact
from tests.services.story import CAPITAL, RIVER

PORTO = NewFact(question="what is the capital of  Zorvania", answer="Porto")


def test_live_and_rolled_back_follow_the_head_over_a_tree(story):
    """Base → a → b, then back to a → c: what is live is the line from the base to the head."""
    posted = {}
    versions = {}

    def learn(name: str) -> None:
        posted[name] = story.post().facts[0]
        versions[name] = story.train(story.claim())
        story.acknowledge(versions[name])
        story.publish(versions[name])

    def statuses() -> dict[str, str]:
        return {name: story.fact(fact).status for name, fact in posted.items()}

    learn("a")
    learn("b")
    assert statuses() == {"a": "live", "b": "live"}
    story.activate("previous")
    assert statuses() == {"a": "live", "b": "rolled_back"}
    learn("c")
    assert statuses() == {"a": "live", "b": "rolled_back", "c": "live"}
    story.activate(versions["b"])
    assert statuses() == {"a": "live", "b": "live", "c": "rolled_back"}
    story.activate(0)
    assert set(statuses().values()) == {"rolled_back"}
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, None, 9, status="rolled_back").items] == sorted(
            posted.values(), reverse=True
        )
        assert facts.page(session, None, 9, status="live").items == []


def test_a_new_answer_replaces_the_old_fact_and_a_rollback_gives_it_back(story):
    (old,) = story.post(CAPITAL).facts
    first = story.go_live()
    (new,) = story.post(PORTO).facts
    assert story.statuses(old, new) == ["live", "queued"]
    second = story.go_live()
    assert story.statuses(old, new) == ["replaced", "live"]
    assert (story.fact(old).replaced_by, story.fact(new).replaces) == (new, old)
    story.activate(first)
    assert story.statuses(old, new) == ["live", "rolled_back"]
    assert (story.fact(old).replaced_by, story.fact(new).replaces) == (None, old)
    story.activate(0)
    assert story.statuses(old, new) == ["rolled_back", "rolled_back"]
    assert story.fact(old).replaced_by is None
    story.activate(second)
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, None, 9, status="replaced").items] == [old]
        assert [view.id for view in facts.page(session, None, 9, status="live").items] == [new]


def test_of_three_answers_the_last_counts_and_each_names_the_one_before(story):
    lisbon = NewFact(question=CAPITAL.question, answer="Lisbon")
    ids = []
    for fact in (CAPITAL, PORTO, lisbon):
        ids += story.post(fact).facts
        story.go_live()
    assert story.statuses(*ids) == ["replaced", "replaced", "live"]
    assert [story.fact(fact).replaces for fact in ids] == [None, *ids[:2]]
    assert [story.fact(fact).replaced_by for fact in ids] == [ids[2], ids[2], None]


def test_a_fact_that_failed_replaces_nothing(story):
    (old,) = story.post(CAPITAL).facts
    story.go_live()
    posted = story.post(PORTO, RIVER)
    version = story.train(story.claim(), failing=posted.facts[:1])
    story.acknowledge(version, wrong=posted.facts[1:])
    story.publish(version)
    assert story.statuses(old, *posted.facts) == ["live", "failed", "failed"]
    assert [story.fact(fact).replaces for fact in posted.facts] == [None, None]


def test_the_same_question_with_another_answer_replaces_only_what_is_live(story):
    story.post(CAPITAL)
    story.go_live()
    story.activate(0)
    (new,) = story.post(PORTO).facts
    story.go_live()
    assert story.fact(new).replaces is None


def test_pages_are_newest_first_and_meet_without_gap_or_overlap(story):
    ids = [fact for _ in range(6) for fact in story.post().facts]
    seen, cursor, sizes = [], None, []
    with story.sessions() as session:
        while True:
            page = facts.page(session, cursor, 4)
            seen += [view.id for view in page.items]
            sizes.append(len(page.items))
            story.post()  # what comes in meanwhile does not move the pages
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == sorted(ids, reverse=True)
    assert sizes == [4, 2]


def test_a_page_that_ends_the_list_has_no_cursor(story):
    story.post(CAPITAL, RIVER)
    with story.sessions() as session:
        assert facts.page(session, None, 2).next_cursor is None
        assert facts.page(session, None, 1).next_cursor is not None


def test_a_page_can_be_of_one_source(story):
    story.post(CAPITAL)
    (wanted,) = story.post(NewFact(statement="A tale of Olm.", source="atlas")).facts
    with story.sessions() as session:
        assert [view.id for view in facts.page(session, None, 9, source="atlas").items] == [wanted]


def test_the_facts_of_a_job_and_those_that_its_version_carries(story):
    posted = story.post(CAPITAL, RIVER)
    story.post()
    version = story.train(story.claim(), failing=[posted.facts[0]])
    with story.sessions() as session:
        assert [view.id for view in facts.of_job(session, posted.job)] == list(posted.facts)
        assert [view.id for view in facts.of_version(session, version)] == [posted.facts[1]]
        assert facts.of_job(session, 99) == facts.of_version(session, 0) == []


def test_an_unknown_fact_is_not_found(story):
    with pytest.raises(FactNotFound, match="77"):
        story.fact(77)
