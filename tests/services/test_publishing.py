"""Publishing: a version goes live once, after every living engine has built it and answered its probes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, update

from app.db.tables import Acknowledgement, Fact, Head, Version
from app.errors import VersionNotFound
from app.services import engines, jobs, learning, publishing, versions
from app.services.intake import NewFact
from tests.services.story import CAPITAL, RIVER


def test_an_acknowledged_version_goes_live(story):
    posted = story.post()
    version = story.train(story.claim())
    story.acknowledge(version)
    assert story.publish(version) == publishing.Outcome("published", f"version {version} is live", None)
    assert story.live() == version
    assert story.activations() == [0, version]
    assert story.statuses(*posted.facts) == ["live"]
    job = story.job(posted.job)
    assert (job.state, job.version_id, job.done, job.error) == ("succeeded", version, 1, None)
    assert story.events(posted.job) == ["queued", "running", "verifying", "succeeded"]


def test_of_racing_publishers_exactly_one_moves_the_head(story):
    story.post()
    version = story.train(story.claim())
    story.acknowledge(version)
    start = Barrier(8)

    def publisher(_: int) -> str:
        start.wait()
        return story.publish(version).state

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(publisher, range(8)))
    assert outcomes == ["published"] + ["settled"] * 7
    assert story.activations() == [0, version]


def test_two_ready_versions_of_one_parent_cannot_both_go_live(story):
    """Even if a second version came to be beside the first, its parent is not live any more."""
    story.post()
    second = story.post()
    first = story.train(story.claim())
    with story.sessions.begin() as session:
        jobs.get(session, "main", second.job).attempts = 1
        epoch = session.scalars(select(Head.lease_epoch)).one()
    rival = story.train(learning.Claim(second.job, "learn", "main", epoch, 0, ()))
    for version in (first, rival):
        story.acknowledge(version)
    start = Barrier(2)

    def publisher(version: int) -> str:
        start.wait()
        return story.publish(version).state

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(publisher, (first, rival)))
    assert outcomes == ["published", "superseded"]
    assert len(story.activations()) == 2


def test_a_rollback_during_training_makes_the_job_learn_again_on_what_is_live(story):
    story.learn()
    posted = story.post()
    claim = story.claim()
    story.activate("previous")
    version = story.train(claim)
    outcome = story.publish(version)
    assert (outcome.state, outcome.ring) == ("superseded", posted.job)
    assert "version 0 went live" in outcome.reason
    assert story.live() == 0
    assert story.version_state(version) == "superseded"
    assert story.statuses(*posted.facts) == ["queued"]
    assert story.job(posted.job).attempts == 0, "not counted as an attempt"
    again = story.claim()
    assert (again.job, again.parent) == (posted.job, 0)
    renewed = story.train(again)
    story.acknowledge(renewed)
    assert story.publish(renewed).state == "published"
    assert story.statuses(*posted.facts) == ["live"]


def test_a_rollback_during_verification_does_so_too(story):
    story.learn()
    posted = story.post()
    version = story.train(story.claim())
    story.acknowledge(version)
    story.activate(0)
    assert story.publish(version).state == "superseded"
    assert story.live() == 0
    assert story.claim().job == posted.job


def test_without_a_living_engine_the_job_stays_verifying_and_completes_later(story):
    posted = story.post()
    story.beat()
    story.silence_engine()
    version = story.train(story.claim())
    assert story.publish(version) == publishing.Outcome("waiting", "no engine is alive")
    assert story.job(posted.job).state == "verifying"
    assert story.statuses(*posted.facts) == ["verifying"]
    assert story.nothing_to_claim()
    with story.sessions() as session:
        assert publishing.ready(session) == [version]
    story.acknowledge(version)
    assert story.publish(version).state == "published"


def test_every_living_engine_has_to_acknowledge_and_a_dead_one_has_not(story):
    story.beat("left")
    story.silence_engine()
    story.post()
    version = story.train(story.claim())
    story.beat("slow")
    story.acknowledge(version, "quick")
    assert story.publish(version) == publishing.Outcome("waiting", "slow has not acknowledged the right state")
    story.acknowledge(version, "slow")
    assert story.publish(version).state == "published"


def test_a_wrong_state_hash_waits_is_named_once_and_heals(story):
    posted = story.post()
    version = story.train(story.claim())
    for _ in range(2):
        story.acknowledge(version, state="bad")
    assert story.publish(version).state == "waiting"
    assert story.events(posted.job).count("wrong_state") == 1
    assert story.live() == 0
    with story.sessions() as session:
        assert [one.id for one in publishing.pending(session, "engine")] == [version]
    story.acknowledge(version)
    assert story.publish(version).state == "published"


def test_a_version_that_an_engine_cannot_build_is_learned_again_and_fails_in_the_end(story):
    posted = story.post()
    for attempt in (1, 2, 3):
        version = story.train(story.claim())
        for _ in range(2):
            story.acknowledge(version, state="e" * 64)
            assert story.publish(version).state == "waiting"
        story.acknowledge(version, state="e" * 64)
        assert story.publish(version).state == "rejected"
        assert story.job(posted.job).attempts == attempt
    assert story.job(posted.job).state == "failed"
    assert "engine could not build version" in story.fact(posted.facts[0]).reason
    assert story.live() == 0


def test_no_version_waits_for_an_engine_that_has_stopped_in_order(story):
    story.post()
    version = story.train(story.claim())
    story.beat("old engine")
    story.acknowledge(version)
    assert story.publish(version).state == "waiting"
    with story.sessions() as session:
        engines.retire(session, "old engine")
    assert story.publish(version).state == "published"


def test_pending_is_what_an_engine_has_not_acknowledged_with_the_probes_to_ask(story):
    posted = story.post(CAPITAL, RIVER)
    version = story.train(story.claim(), failing=[posted.facts[1]])
    story.beat("other")
    with story.sessions() as session:
        (one,) = publishing.pending(session, "engine")
    probe = publishing.AskedProbe(posted.facts[0], "Zorvania's capital?", "Melpek")
    assert (one.id, one.parent, one.probes) == (version, 0, (probe,))
    story.acknowledge(version)
    with story.sessions() as session:
        assert publishing.pending(session, "engine") == []
        assert [one.id for one in publishing.pending(session, "other")] == [version]


def test_a_fact_that_another_of_its_version_replaces_is_not_asked(story):
    old, new = story.post(CAPITAL, NewFact(question="Zorvania's capital?", answer="Porto")).facts
    version = story.train(story.claim(), took_over={new: [old]})
    with story.sessions() as session:
        (one,) = publishing.pending(session, "engine")
    assert [probe.fact for probe in one.probes] == [new]
    story.acknowledge(version, wrong=[old])
    assert story.publish(version).state == "published"
    assert story.statuses(old, new) == ["replaced", "live"]


def test_a_probe_of_the_old_house_is_asked_as_well(story):
    """Its rows say of a probe what kind it is, too."""
    (fact,) = story.post().facts
    story.train(story.claim())
    with story.sessions.begin() as session:
        probe = {"kind": "cloze", "text": "The capital of Zorvania is", "answer": "Melpek"}
        session.execute(update(Fact).values(probe=probe))
    with story.sessions() as session:
        (one,) = publishing.pending(session, "engine")
    assert one.probes == (publishing.AskedProbe(fact, "The capital of Zorvania is", "Melpek"),)


def test_a_fact_that_the_served_model_does_not_answer_fails_and_the_rest_is_learned_again(story):
    posted = story.post(CAPITAL, RIVER)
    good, bad = posted.facts
    version = story.train(story.claim())
    story.acknowledge(version, "one")
    story.acknowledge(version, "two", wrong=[bad])
    outcome = story.publish(version)
    assert (outcome.state, outcome.ring) == ("rejected", posted.job)
    assert story.live() == 0
    assert story.version_state(version) == "rejected"
    assert story.statuses(good, bad) == ["queued", "failed"]
    assert story.fact(bad).reason == "the served model said 'nonsense' to the probe"
    assert story.job(posted.job).attempts == 1
    claim = story.claim()
    assert [fact.id for fact in claim.facts] == [good]
    renewed = story.train(claim)
    story.acknowledge(renewed, "one")
    story.acknowledge(renewed, "two")
    assert story.publish(renewed).state == "published"
    assert story.statuses(good, bad) == ["live", "failed"]


def test_when_no_fact_is_answered_the_job_is_rejected_and_the_next_one_is_rung(story):
    posted, later = story.post(), story.post()
    version = story.train(story.claim())
    story.acknowledge(version, wrong=posted.facts)
    outcome = story.publish(version)
    assert (outcome.state, outcome.ring) == ("rejected", later.job)
    assert story.job(posted.job).state == "rejected"
    assert story.statuses(*posted.facts) == ["failed"]
    assert story.claim().job == later.job


def test_probes_that_fail_three_times_end_the_job(story):
    posted = story.post(*(NewFact(statement=f"A tale of Olm {n}") for n in range(4)))
    for attempt in range(3):
        version = story.train(story.claim())
        story.acknowledge(version, wrong=[posted.facts[attempt]])
        assert story.publish(version).state == "rejected"
    assert story.job(posted.job).state == "failed"
    assert story.statuses(*posted.facts) == ["failed"] * 4
    assert "attempt 3 of 3" in story.fact(posted.facts[3]).reason


def test_an_engine_that_says_nothing_about_a_probe_has_not_answered_it(story):
    posted = story.post()
    version = story.train(story.claim())
    story.beat()
    with story.sessions() as session:
        publishing.acknowledge(session, "engine", version, versions.get(session, "main", version).state_hash, [])
    assert story.publish(version).state == "rejected"
    assert story.statuses(*posted.facts) == ["failed"]


def test_who_has_read_the_version_before_reads_it_anew_under_the_lock(story):
    story.post()
    version = story.train(story.claim())
    story.acknowledge(version)
    with story.sessions() as session:
        seen = session.get_one(Version, version)
        assert seen.state == "ready"
        story.publish(version)
        assert publishing.publish(session, story.settings, version).state == "settled"
    assert story.activations() == [0, version]


def test_a_settled_version_stays_settled(story):
    version = story.learn()
    story.activate(0)
    assert story.publish(version).state == "settled"
    assert story.live() == 0, "a late publisher does not undo a rollback"


def test_an_unknown_version_can_be_neither_published_nor_acknowledged(story):
    story.beat()
    with pytest.raises(VersionNotFound, match="99"):
        story.publish(99)
    with story.sessions() as session, pytest.raises(VersionNotFound):
        publishing.acknowledge(session, "engine", 99, "state", [])
    assert story.count(Acknowledgement) == 0
