"""The learner, with a real tiny model on a real database: what it commits is what an engine finds."""

import time
from dataclasses import replace
from itertools import count

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

import worker.learner
from app.db.tables import Version, VersionSlot
from app.errors import WrongCheckpoint
from app.services import cancelling, publishing, relearn, slot_statistics, versions
from app.services.intake import NewFact
from model.config import LearnConfig
from model.errors import NotFinite
from model.evaluate import complete
from model.learn.gate import Drift
from model.learn.job import Teacher
from model.memory.delta import Delta
from model.memory.table import View
from model.memory.traffic import Traffic
from tests import tiny
from tests.services.story import TESTER
from worker.learner import Learner

QUESTION = "What is the capital of Zorvania?"
RIVER = NewFact(question="What is the capital of Melpek?", answer="no")

_numbers = count(1)
learn = Teacher.learn


def capital(answer: str = "ok") -> NewFact:
    """One fact from a source that is new each time: so it is learned again, and contradicts nothing."""
    return NewFact(question=QUESTION, answer=answer, source=f"atlas {next(_numbers)}")


def build_as_an_engine_does(story, version: int) -> tuple[View, str]:
    """A version's view in another process, and what the model says there to its first probe."""
    checkpoint = tiny.build(spare_rows=1_024)
    with story.sessions() as session:
        view = checkpoint.table.base
        for _, data in versions.deltas(session, versions.lineage(session, version)):
            view = checkpoint.table.enter(view, Delta.from_bytes(data))
        (pending,) = publishing.pending(session, "engine")
    return view, complete(checkpoint, [checkpoint.prompts.question(pending.probes[0].text)], view)[0]


def go_live(story, job: int) -> int:
    version = story.job(job).version_id
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    return version


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


def test_a_rollback_during_training_is_learned_again_in_the_same_run(story, learner, monkeypatch):
    posted = story.post(capital())
    learner.run()
    go_live(story, posted.job)
    parents = []

    def roll_back_and_learn(*arguments):
        parents.append(story.live())
        if len(parents) == 1:
            story.activate("previous")
        return learn(*arguments)

    monkeypatch.setattr(Teacher, "learn", roll_back_and_learn)
    again = story.post(capital())
    learner.run()
    assert parents == [1, 0]
    job = story.job(again.job)
    assert (job.state, job.attempts) == ("verifying", 1)
    assert story.version_state(2) == "superseded"
    assert build_as_an_engine_does(story, job.version_id)[1] == "ok"


def test_a_worker_that_lost_its_lease_while_it_trained_writes_nothing(story, learner, monkeypatch):
    posted = story.post(capital())

    def lose_the_lease(*arguments):
        story.silence_worker()
        story.claim("another worker")
        return learn(*arguments)

    # Without beats, as in a process that was frozen: else the lease could not have been lost.
    monkeypatch.setattr(worker.heartbeat.Heartbeat, "_beat", lambda self: None)
    monkeypatch.setattr(Teacher, "learn", lose_the_lease)
    learner.run()
    assert story.count(Version) == 1
    assert story.job(posted.job).state == "running"
    assert story.job(posted.job).attempts == 2


def test_a_job_that_is_cancelled_while_it_is_learned_is_dropped_within_a_second(story, learner, monkeypatch):
    posted, behind = story.post(capital()), story.post(RIVER)
    noticed = []

    def cancel_and_go_on(teacher, view, facts, on_progress, traffic):
        if noticed:
            return learn(teacher, view, facts, on_progress, traffic)
        with story.sessions() as session:
            cancelling.cancel(session, story.key, posted.job)
        began = time.monotonic()
        try:
            while time.monotonic() < began + 10:
                on_progress(0)
                time.sleep(0.01)
        finally:
            noticed.append(time.monotonic() - began)

    monkeypatch.setattr(Teacher, "learn", cancel_and_go_on)
    learner.run()
    assert noticed[0] < 1
    assert (story.job(posted.job).state, story.events(posted.job)[-1]) == ("cancelled", "cancelled")
    assert (story.job(behind.job).state, story.count(Version)) == ("verifying", 2)


def test_an_error_behind_a_cancel_changes_nothing_and_stops_nobody(story, learner, monkeypatch):
    posted, behind = story.post(capital()), story.post(RIVER)

    def cancel_and_fail(teacher, view, facts, on_progress, traffic):
        if facts[0].id not in posted.facts:
            return learn(teacher, view, facts, on_progress, traffic)
        with story.sessions() as session:
            cancelling.cancel(session, story.key, posted.job)
        raise RuntimeError("too late")

    monkeypatch.setattr(Teacher, "learn", cancel_and_fail)
    learner.run()
    assert (story.job(posted.job).state, story.job(behind.job).state) == ("cancelled", "verifying")


def test_an_error_costs_an_attempt_and_the_third_one_the_job(story, learner, monkeypatch):
    posted = story.post(capital())
    tries = []

    def fail(*_, **__):
        tries.append(1)
        raise RuntimeError(f"number {len(tries)}")

    monkeypatch.setattr(Teacher, "learn", fail)
    learner.run()
    job = story.job(posted.job)
    assert (job.state, job.attempts, len(tries)) == ("failed", 3, 3)
    assert "RuntimeError: number 3" in job.error
    assert story.fact(posted.facts[0]).reason == job.error
    assert story.events(posted.job).count("running") == 3


def test_an_error_that_passes_leaves_no_trace_in_the_result(story, learner, monkeypatch):
    posted = story.post(capital())
    tries = []

    def fail_once(*arguments):
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("once")
        return learn(*arguments)

    monkeypatch.setattr(Teacher, "learn", fail_once)
    learner.run()
    go_live(story, posted.job)
    assert (story.job(posted.job).state, story.job(posted.job).error) == ("succeeded", None)
    assert story.fact(posted.facts[0]).reason is None


def test_an_error_of_ours_is_told_in_its_own_words(story, learner, monkeypatch):
    posted = story.post(capital())

    def fail(*_):
        raise NotFinite("the rows of version 3 make the model's output no number")

    monkeypatch.setattr(Teacher, "learn", fail)
    learner.run()
    assert story.job(posted.job).error == "the rows of version 3 make the model's output no number (attempt 3 of 3)"


def test_an_outage_of_the_database_is_no_attempt_and_no_error_of_the_job(story, learner, monkeypatch):
    posted = story.post(capital())
    tries = []

    def outage(*arguments):
        tries.append(1)
        if len(tries) < 5:
            raise OperationalError("SELECT 1", {}, Exception("the connection is closed"))
        return learn(*arguments)

    monkeypatch.setattr(Teacher, "learn", outage)
    learner.run()
    job = story.job(posted.job)
    assert (job.state, job.attempts, job.error) == ("verifying", 1, None)
    assert story.events(posted.job).count("running") == 5


def test_a_job_is_put_down_when_the_database_is_back(story, learner, monkeypatch):
    posted = story.post(capital())
    put_down, tries = worker.learner.learning.put_down, []

    def outage(*_):
        raise OperationalError("SELECT 1", {}, Exception("the connection is closed"))

    def away_at_first(*arguments):
        tries.append(1)
        if len(tries) < 3:
            outage()
        learner.stop()
        put_down(*arguments)

    monkeypatch.setattr(worker.learner, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(worker.learner.learning, "put_down", away_at_first)
    monkeypatch.setattr(Teacher, "learn", outage)
    learner.run()
    assert (story.job(posted.job).state, story.job(posted.job).attempts, len(tries)) == ("queued", 0, 3)


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


def test_a_worker_of_a_base_that_was_left_hands_nothing_in_and_learns_no_more(story, learner):
    posted = story.post(capital())
    with story.sessions.begin() as session:
        session.execute(text("UPDATE versions SET fingerprint = repeat('cd', 32) WHERE id = 0"))
    learner.run()
    assert (story.job(posted.job).state, story.job(posted.job).attempts) == ("queued", 0)
    assert story.count(Version) == 1
    learner.run()
    assert story.events(posted.job).count("running") == 1


def test_told_to_stop_it_gives_the_job_back(story, learner, monkeypatch):
    posted = story.post(capital(), RIVER)

    def stop_and_learn(*arguments):
        learner.stop()
        return learn(*arguments)

    monkeypatch.setattr(Teacher, "learn", stop_and_learn)
    learner.run()
    assert (story.job(posted.job).state, story.job(posted.job).attempts) == ("queued", 0)
    assert story.count(Version) == 1
    assert not story.nothing_to_claim()


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
