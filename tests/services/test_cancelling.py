"""Cancelling: what is not published yet never is, and against a worker that hands in exactly one of the two wins."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.db.tables import ApiKey, Job, Version
from app.errors import JobNotCancellable, JobNotFound, LeaseLost, RoleTooLow
from app.services import cancelling, keys, learning, relearn
from tests.services.story import CAPITAL, RIVER, TESTER, Story, learned


@pytest.fixture
def operator(story: Story) -> ApiKey:
    with story.sessions() as session:
        return keys.create(session, "the editors", "operator")[0]


def cancel(story: Story, job: int, key: ApiKey | None = None) -> Job:
    with story.sessions() as session:
        return cancelling.cancel(session, key or story.key, job)


def test_a_queued_job_is_cancelled_with_its_facts_and_the_next_one_is_learned(story):
    first, second = story.post(CAPITAL), story.post(RIVER)
    assert cancel(story, first.job).state == "cancelled"
    assert story.fact(first.facts[0]).status == "cancelled"
    assert story.fact(first.facts[0]).reason == story.job(first.job).error == "cancelled by 'tester'"
    assert story.events(first.job) == ["queued", "cancelled"]
    assert cancel(story, first.job).state == "cancelled", "twice is once"
    assert story.events(first.job) == ["queued", "cancelled"]
    assert story.claim().job == second.job
    assert story.submit(CAPITAL).new, "what was cancelled is no duplicate"


def test_a_running_job_is_cancelled_and_its_worker_writes_nothing(story):
    posted, behind = story.post(), story.post()
    claim = story.claim()
    cancel(story, posted.job)
    with story.sessions() as session:
        with pytest.raises(LeaseLost, match="cancelled"):
            learning.heartbeat(session, claim, 1)
        with pytest.raises(LeaseLost):
            learning.commit_version(session, claim, learned(claim))
        with pytest.raises(LeaseLost):
            learning.give_back(session, story.settings, claim, "error")
    assert (story.job(posted.job).state, story.count(Version)) == ("cancelled", 1)
    assert story.claim().job == behind.job, "nobody waits for the lease to end"


def test_what_is_verifying_or_has_ended_is_refused_with_its_state(story):
    posted = story.post()
    version = story.train(story.claim())
    with pytest.raises(JobNotCancellable, match=f"job {posted.job} is verifying"):
        cancel(story, posted.job)
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    with pytest.raises(JobNotCancellable, match=f"job {posted.job} is succeeded"):
        cancel(story, posted.job)
    assert story.statuses(*posted.facts) == ["live"]
    with pytest.raises(JobNotFound, match="999"):
        cancel(story, 999)


def test_a_job_is_cancelled_by_its_own_key_or_an_operators(story, operator):
    with story.sessions() as session:
        other, _ = keys.create(session, "another", "writer")
    posted = story.post()
    with pytest.raises(RoleTooLow, match=r"operator.*'another'"):
        cancel(story, posted.job, other)
    assert story.job(posted.job).state == "queued"
    assert cancel(story, posted.job, operator).error == "cancelled by 'the editors'"


def test_a_fact_whose_forgetting_is_cancelled_stays_live_and_can_be_forgotten(story):
    posted = story.post()
    story.go_live()
    forgetting = story.forget(posted.facts[0])
    cancel(story, forgetting.job)
    assert story.statuses(*posted.facts) == ["live"]
    again = story.forget(posted.facts[0])
    assert (again.new, again.job != forgetting.job) == (True, True)
    story.go_without()
    assert story.statuses(*posted.facts) == ["forgotten"]


def test_what_teaches_a_new_base_is_not_cancelled(story, operator):
    story.learn()
    with story.sessions() as session:
        (job,) = relearn.relearn(session, "e" * 64, "2" * 64, TESTER)
    with pytest.raises(JobNotCancellable, match="new base"):
        cancel(story, job, operator)


def test_of_a_cancel_and_a_version_at_the_same_moment_exactly_one_wins(story):
    with ThreadPoolExecutor(2) as pool:
        for _ in range(12):
            posted, start = story.post(), Barrier(2)
            claim = story.claim()

            def hand_in(claim=claim, start=start) -> int | None:
                start.wait()
                try:
                    return story.train(claim)
                except LeaseLost:
                    return None

            def stop(job=posted.job, start=start) -> bool:
                start.wait()
                try:
                    return cancel(story, job).state == "cancelled"
                except JobNotCancellable:
                    return False

            handed_in, stopped = pool.submit(hand_in), pool.submit(stop)
            version, cancelled = handed_in.result(), stopped.result()
            assert (version is None) is cancelled
            assert story.job(posted.job).state == ("cancelled" if cancelled else "verifying")
            if version is not None:
                story.acknowledge(version)
                assert story.publish(version).state == "published"
            assert story.statuses(*posted.facts) == ["cancelled" if cancelled else "live"]
