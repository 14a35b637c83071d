"""The learn lease: one worker learns at a time, and one that lost its lease writes nothing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.db.tables import FactReplacement, Version, VersionSlot
from app.errors import LeaseLost, WrongCheckpoint
from app.services import learning, versions
from tests.services.story import CAPITAL, RIVER, learned


def test_a_claim_carries_the_facts_and_the_live_version(story):
    posted = story.post(CAPITAL, RIVER)
    claim = story.claim()
    assert (claim.job, claim.parent) == (posted.job, 0)
    assert [fact.id for fact in claim.facts] == list(posted.facts)
    assert claim.facts[0].answer == "Melpek"
    assert story.job(posted.job).state == "running"
    assert story.statuses(*posted.facts) == ["learning", "learning"]


def test_a_doubled_message_finds_nothing_to_claim(story):
    story.post()
    story.claim()
    assert story.nothing_to_claim()


def test_of_many_workers_one_gets_the_job(story):
    story.post()
    with ThreadPoolExecutor(8) as pool:
        idle = list(pool.map(lambda _: story.nothing_to_claim(), range(8)))
    assert idle.count(False) == 1


def test_jobs_are_learned_in_the_order_of_their_posts(story):
    first, second = story.post(), story.post()
    assert story.claim().job == first.job
    story.silence_worker()
    assert story.claim().job == first.job, "a job that is queued again keeps its place"
    assert story.job(second.job).state == "queued"


def test_the_next_job_waits_until_the_version_before_it_is_verified(story):
    story.post()
    second = story.post()
    version = story.train(story.claim())
    assert story.nothing_to_claim()
    story.acknowledge(version)
    assert story.publish(version).ring == second.job
    assert story.claim().parent == version


def test_nothing_is_claimed_before_a_model_was_loaded(sessions, settings):
    with sessions() as session:
        assert learning.claim(session, settings, "worker") is None
        assert learning.sweep(session, settings, lambda owner: False) == []


def test_a_worker_that_lost_its_lease_is_refused_and_nothing_is_written(story):
    posted = story.post()
    late = story.claim("slow worker")
    story.silence_worker()
    current = story.claim("fast worker")
    assert current.job == late.job
    with story.sessions() as session:
        with pytest.raises(LeaseLost, match=f"job {posted.job} at epoch {late.epoch}"):
            learning.commit_version(session, late, learned(late))
        with pytest.raises(LeaseLost):
            learning.heartbeat(session, late, 1)
        with pytest.raises(LeaseLost):
            learning.reject(session, late, [], "drift", {})
        with pytest.raises(LeaseLost):
            learning.give_back(session, story.settings, late, "error")
        with pytest.raises(LeaseLost):
            learning.put_down(session, late, "a test")
    assert story.count(Version) == 1, "only the base"
    assert story.count(VersionSlot) == 0
    assert story.count(FactReplacement) == 0
    assert story.job(posted.job).state == "running"
    version = story.train(current)
    assert story.job(posted.job).version_id == version


def test_the_sweep_alone_is_enough_to_fence_a_silent_worker(story):
    posted = story.post()
    late = story.claim()
    story.silence_worker()
    assert story.sweep() == [posted.job]
    with story.sessions() as session, pytest.raises(LeaseLost):
        learning.commit_version(session, late, learned(late))
    assert story.job(posted.job).state == "queued"


def test_a_claim_hands_in_once(story):
    story.post()
    claim = story.claim()
    story.train(claim)
    with pytest.raises(LeaseLost):
        story.train(claim)
    assert story.count(Version) == 2


def test_a_heartbeat_keeps_the_lease_and_shows_progress(story):
    posted = story.post(CAPITAL, RIVER)
    claim = story.claim()
    story.silence_worker()
    with story.sessions() as session:
        learning.heartbeat(session, claim, 1)
    assert story.nothing_to_claim()
    assert story.sweep() == []
    assert (story.job(posted.job).done, story.job(posted.job).total) == (1, 2)


def test_a_lost_message_is_sent_again_until_the_job_is_claimed(story):
    posted, later = story.post(), story.post()
    assert story.sweep() == [posted.job]
    assert story.sweep() == [posted.job]
    version = story.train(story.claim())
    assert story.sweep() == [], "nobody could claim the next job yet"
    story.acknowledge(version)
    story.publish(version)
    assert story.sweep() == [later.job]


def test_three_silent_workers_and_the_job_fails_with_its_facts(story):
    posted = story.post(CAPITAL, RIVER)
    for attempt in range(3):
        assert story.job(posted.job).attempts == attempt
        story.claim(f"worker {attempt}")
        story.silence_worker()
        assert story.sweep() == ([posted.job] if attempt < 2 else [])
    job = story.job(posted.job)
    assert (job.state, job.attempts) == ("failed", 3)
    assert "worker worker 2 was silent for 30 s (attempt 3 of 3)" in job.error
    for fact in posted.facts:
        assert story.fact(fact).status == "failed"
        assert story.fact(fact).reason == job.error
    assert story.nothing_to_claim()


def test_three_errors_and_the_job_fails_with_the_last_one(story):
    posted = story.post()
    for attempt in (1, 2, 3):
        with story.sessions() as session:
            learning.give_back(session, story.settings, story.claim(), f"ValueError: number {attempt}")
        assert story.job(posted.job).state == ("failed" if attempt == 3 else "queued")
        assert f"number {attempt}" in story.job(posted.job).error
    assert "number 3" in story.fact(posted.facts[0]).reason
    assert story.events(posted.job) == ["queued", "running"] + ["queued", "running"] * 2 + ["failed"]


def test_being_stopped_is_no_attempt(story):
    posted = story.post()
    for _ in range(5):
        with story.sessions() as session:
            learning.put_down(session, story.claim(), "the worker was stopped")
    assert (story.job(posted.job).state, story.job(posted.job).attempts) == ("queued", 0)
    assert story.statuses(*posted.facts) == ["queued"]
    assert not story.nothing_to_claim(), "the lease is free at once"


def test_facts_that_were_not_learned_fail_with_their_own_reason_and_the_others_go_on(story):
    posted = story.post(CAPITAL, RIVER)
    version = story.train(story.claim(), failing=[posted.facts[1]])
    assert story.statuses(*posted.facts) == ["verifying", "failed"]
    missed = story.fact(posted.facts[1])
    assert (missed.reason, missed.probe_answer, missed.version_id) == (
        "the model says 'Paris'",
        "Paris",
        None,
    )
    assert missed.probe["answer"] == "Melpek"
    assert missed.report == {"steps": 3, "seconds": 1.5}
    with story.sessions() as session:
        view = versions.get(session, "main", version)
        assert (view.facts, view.slots, view.state, view.live) == (1, 1, "ready", False)
        (row,) = session.scalars(select(VersionSlot).where(VersionSlot.version_id == version))
        assert (row.slot, row.fact_id, row.score, row.access_count) == (7, posted.facts[0], 0.5, 3)


def test_a_rejected_job_tells_every_fact_why(story):
    posted = story.post(CAPITAL, RIVER)
    claim = story.claim()
    results = learned(claim, failing=[posted.facts[1]]).facts
    with story.sessions() as session:
        learning.reject(session, claim, results, "drift: too much", {"drift": {"opened_after": 9}})
    job = story.job(posted.job)
    assert (job.state, job.error, job.report) == (
        "rejected",
        "drift: too much",
        {"drift": {"opened_after": 9}},
    )
    good, missed = (story.fact(fact) for fact in posted.facts)
    assert (good.status, good.reason) == ("failed", "drift: too much")
    assert (missed.status, missed.reason) == ("failed", "the model says 'Paris'")
    assert story.count(Version) == 1
    assert story.nothing_to_claim()


def test_an_answer_that_postgresql_cannot_store_loses_no_job(story):
    story.post()
    claim = story.claim()
    version = learned(claim)
    odd = replace(version.facts[0], probe_answer="a\x00b")
    with story.sessions() as session:
        learning.commit_version(session, claim, replace(version, facts=[odd]))
    assert story.fact(odd.fact).probe_answer == "a\ufffdb"


def test_what_was_learned_on_another_base_is_refused(story):
    posted = story.post()
    claim = story.claim()
    with story.sessions() as session, pytest.raises(WrongCheckpoint, match=f"{'f' * 64}.*{'e' * 64}"):
        learning.commit_version(session, claim, learned(claim, fingerprint="e" * 64))
    assert story.count(Version) == 1
    assert story.job(posted.job).state == "running"


def test_the_lease_of_a_dead_worker_is_not_waited_out(story):
    posted = story.post()
    claim = story.claim("the dead one")
    assert story.sweep("another one") == []
    assert story.sweep("the dead one") == [posted.job]
    assert (story.job(posted.job).state, story.job(posted.job).attempts) == ("queued", 1)
    assert story.job(posted.job).error == "worker the dead one has died"
    again = story.claim()
    with pytest.raises(LeaseLost):
        story.train(claim)
    story.train(again)


def test_a_version_that_is_verified_outlives_its_worker(story):
    story.post()
    version = story.train(story.claim("the dead one"))
    assert story.sweep("the dead one") == []
    story.acknowledge(version)
    assert story.publish(version).state == "published"
