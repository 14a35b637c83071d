"""The learner, with a real tiny model on a real database: what it commits is what an engine finds."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.db.tables import Version, VersionSlot
from app.errors import WrongCheckpoint
from app.services import relearn, slot_statistics, versions
from model.config import LearnConfig
from model.learn.gate import Drift
from model.memory.delta import Delta
from model.memory.traffic import Traffic
from tests import tiny
from tests.services.story import TESTER
from tests.worker.posted import RIVER, build_as_an_engine_does, capital, go_live
from worker.learner import Learner


def test_what_is_committed_is_what_an_engine_finds(story, learner):
    posted = story.post(capital())
    learner.run()
    job = story.job(posted.job)
    assert (job.state, job.done) == ("verifying", 1)
    view, said = build_as_an_engine_does(story, job.version_id)
    with story.sessions() as session:
        stored = versions.get(session, "main", job.version_id)
        assert view.state_hash == stored.state_hash
        written = session.scalars(select(VersionSlot).where(VersionSlot.version_id == stored.id)).all()
        delta = Delta.from_bytes(next(versions.deltas(session, [stored.id]))[1])
    assert sorted(row.slot for row in written) == delta.slots.tolist()
    assert {row.fact_id for row in written} == set(posted.facts)
    assert said == "ok"
    assert job.report["facts"] == {"learned": 1, "failed": 0}
    assert job.report["drift"]["asked"] == 64
    assert job.report["slots"] == stored.slots == len(delta.slots)
    fact = story.fact(posted.facts[0])
    assert fact.report["margin"] > 0
    assert set(fact.report["neighbours"]) == {"asked", "open"}
    assert set(fact.probe) == {"text", "answer", "held_out"}


def test_the_next_job_stands_on_the_live_version_also_in_a_new_process(story, learner, queue):
    first = story.post(capital())
    learner.run()
    below = go_live(story, first.job)
    second = story.post(capital())
    later = Learner(tiny.build(spare_rows=1_024), story.sessions, queue, story.settings)
    later.run()
    version = story.job(second.job).version_id
    with story.sessions() as session:
        assert versions.lineage(session, version) == [0, below, version]
    view, said = build_as_an_engine_does(story, version)
    assert said == "ok"
    with story.sessions() as session:
        assert view.state_hash == versions.get(session, "main", version).state_hash


def test_after_a_rollback_it_learns_on_the_version_that_is_live(story, learner):
    for _ in range(2):
        posted = story.post(capital())
        learner.run()
        go_live(story, posted.job)
    story.activate("previous")
    branch = story.post(capital())
    learner.run()
    version = story.job(branch.job).version_id
    with story.sessions() as session:
        assert versions.lineage(session, version) == [0, 1, version]
    assert build_as_an_engine_does(story, version)[1] == "ok"


def test_it_keeps_no_more_rows_than_one_version_needs(story, learner, checkpoint):
    for _ in range(3):
        posted = story.post(capital())
        learner.run()
        go_live(story, posted.job)
    story.activate(0)
    story.post(capital())
    learner.run()
    assert checkpoint.table.room().places == 2, "the base and one of the line"


def test_a_version_that_opens_to_too_much_is_rejected_with_the_figures(story, learner, checkpoint, monkeypatch):
    monkeypatch.setattr(learner._gate, "drift", lambda before, after: Drift(1_000, 3, 14))
    posted = story.post(capital())
    learner.run()
    job = story.job(posted.job)
    assert job.state == "rejected"
    assert "14 of 1,000 questions that were never taught would be answered from memory, 3 before" in job.error
    assert "that is 1.1% more, and at most 1.0% is allowed" in job.error
    assert job.report["drift"] == {"asked": 1_000, "opened_before": 3, "opened_after": 14}
    assert story.fact(posted.facts[0]).reason == job.error
    assert story.count(Version) == 1
    assert checkpoint.table.room().rows == 0


def test_a_corrected_fact_is_named_by_the_one_that_takes_its_rows(story, learner):
    old = story.post(capital())
    learner.run()
    go_live(story, old.job)
    new = story.post(capital("no"))
    learner.run()
    job = story.job(new.job)
    assert build_as_an_engine_does(story, job.version_id)[1] == "no"
    go_live(story, new.job)
    assert job.report["replaced"] == [{"fact": new.facts[0], "replaces": list(old.facts)}]
    assert job.report["touched"] == [{"fact": old.facts[0], "said": "n", "right": False}]  # as far as it departs
    assert story.fact(new.facts[0]).report["took_over"] == list(old.facts)
    assert story.statuses(*old.facts, *new.facts) == ["replaced", "live"]
    story.activate("previous")
    assert story.statuses(*old.facts, *new.facts) == ["live", "rolled_back"]


def test_of_two_facts_of_a_job_the_later_replaces_the_earlier_that_is_asked_the_same(story, learner):
    rephrased = replace(capital("no"), question="Which city governs Zorvania?", phrasings=(capital().question,))
    posted = story.post(capital(), rephrased)
    learner.run()
    go_live(story, posted.job)
    first, second = posted.facts
    assert story.job(posted.job).report["replaced"] == [{"fact": second, "replaces": [first]}]
    assert story.statuses(first, second) == ["replaced", "live"]


def test_the_same_answer_again_leaves_both_facts_live(story, learner):
    old = story.post(capital())
    learner.run()
    go_live(story, old.job)
    new = story.post(capital())
    learner.run()
    go_live(story, new.job)
    assert story.job(new.job).report["touched"] == [{"fact": old.facts[0], "said": "ok", "right": True}]
    assert story.statuses(*old.facts, *new.facts) == ["live", "live"]
    last = story.post(capital("no"))
    learner.run()
    go_live(story, last.job)
    assert story.statuses(*old.facts, *new.facts, *last.facts) == ["replaced", "replaced", "live"]


def test_facts_that_are_not_learned_say_why_and_the_job_is_rejected_if_none_is_left(story, queue, checkpoint):
    short = LearnConfig(answer_tokens=1)
    posted = story.post(capital(), RIVER)
    Learner(checkpoint, story.sessions, queue, story.settings, short).run()
    assert (story.job(posted.job).state, story.job(posted.job).error) == ("rejected", "no fact was learned")
    for fact in map(story.fact, posted.facts):
        assert fact.status == "failed"
        assert fact.reason == "the answer has 2 tokens; at most 1 can be taught"
        assert fact.version_id is None


def test_facts_of_a_base_that_was_left_are_learned_on_the_new_one(story, learner, queue):
    old = story.post(capital(), RIVER)
    learner.run()
    go_live(story, old.job)
    other = replace(tiny.build(spare_rows=1_024, seed=1), fingerprint="cd" * 32)
    with story.sessions() as session:
        (job,) = relearn.relearn(session, "cd" * 32, other.table.base.state_hash, TESTER)
    Learner(other, story.sessions, queue, story.settings).run()
    version = go_live(story, job)
    with story.sessions() as session:
        assert versions.lineage(session, version) == [0, version]
        assert versions.get(session, "main", version).fingerprint == "cd" * 32
    assert story.statuses(*old.facts) == ["retired", "retired"]
    assert story.job(job).report["facts"] == {"learned": 2, "failed": 0}


def test_it_refuses_data_of_another_checkpoint(story, sessions, settings, queue, checkpoint):
    other = replace(checkpoint, fingerprint="cd" * 32)
    with pytest.raises(WrongCheckpoint, match=f"{'ab' * 32}.*{'cd' * 32}"):
        Learner(other, sessions, queue, settings).bootstrap()


def test_it_may_be_the_first_to_come_to_a_database(sessions, settings, queue, checkpoint):
    Learner(checkpoint, sessions, queue, settings).bootstrap()
    with sessions() as session:
        assert versions.get(session, "main", 0).fingerprint == checkpoint.fingerprint
        assert versions.head(session, "main").version == 0


def test_what_callers_read_makes_addresses_worth_less(story, learner, checkpoint, session):
    def score() -> float:
        posted = story.post(capital())
        learner.run()
        version = go_live(story, story.job(posted.job).id)
        story.activate(0)
        return session.scalars(select(func.max(VersionSlot.score)).where(VersionSlot.version_id == version)).one()

    quiet = score()
    addresses = range(checkpoint.memory.addressing.config.addresses)
    slot_statistics.add(session, "another memory", Traffic(10**6, dict.fromkeys(addresses, 10**6)))
    assert score() == quiet
    slot_statistics.add(session, checkpoint.fingerprint, Traffic(10**6, dict.fromkeys(addresses, 10**4)))
    assert 0 < score() < quiet / 2
    slot_statistics.add(session, checkpoint.fingerprint, Traffic(0, dict.fromkeys(addresses, 10**6)))
    assert score() == 0  # everybody reads all of them: any is as good, and the fact is learned all the same
