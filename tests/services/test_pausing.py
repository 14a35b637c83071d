"""Pausing: nothing is refused and nothing begun, and what is under way is ended."""

from app.services import pausing
from tests.services.story import CAPITAL, RIVER, TESTER, Story


def put(story: Story, paused: bool, reason: str = "a test") -> None:
    with story.sessions() as session:
        pausing.put(session, "main", paused, reason=reason, actor=TESTER)


def test_a_paused_worker_ends_its_job_and_begins_none_until_it_is_resumed(story):
    running = story.post(CAPITAL)
    claim = story.claim()
    put(story, True)
    waiting = story.post(RIVER)
    version = story.train(claim)
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    assert story.statuses(*running.facts, *waiting.facts) == ["live", "queued"]
    assert story.nothing_to_claim()
    assert story.sweep() == []
    put(story, False)
    assert story.sweep() == [waiting.job]
    assert story.claim().job == waiting.job


def test_a_job_whose_worker_dies_in_a_pause_waits_for_its_end(story):
    posted = story.post()
    story.claim()
    put(story, True)
    story.silence_worker()
    assert story.sweep() == []
    assert (story.job(posted.job).state, story.job(posted.job).attempts) == ("queued", 1)
    put(story, False)
    assert story.claim().job == posted.job


def test_who_paused_and_why_is_kept_and_each_namespace_has_its_own(story):
    put(story, True, "the night")
    put(story, False, "the morning")
    with story.sessions() as session:
        page = pausing.page(session, "main", None, 1)
        assert [(one.paused, one.reason, one.actor) for one in page.items] == [(False, "the morning", "tester")]
        (first,) = pausing.page(session, "main", page.next_cursor, 1).items
        assert (first.paused, first.reason) == (True, "the night")
        assert not pausing.is_paused(session, "main")
        assert pausing.page(session, "another", None, 9).items == []
