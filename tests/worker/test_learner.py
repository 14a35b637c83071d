"""The learner, with a real tiny model on a real database: what it commits is what an engine finds."""

from dataclasses import replace
from itertools import count

import pytest
from sqlalchemy import select

import worker.learner
from app.db.tables import Version, VersionSlot
from app.errors import WrongCheckpoint
from app.services import publishing, versions
from app.services.intake import NewFact
from model.checkpoint import KnownQuestion, Measure
from model.config import FinetuneConfig
from model.delta import Delta
from model.evaluate import complete
from model.finetune import learn
from model.values import View
from tests import tiny
from tests.worker.conftest import QUICK
from worker.learner import Learner
from worker.parent import Parent

QUESTION = "What is the capital of Zorvania?"
RIVER = NewFact(question="What is the capital of Melpek?", answer="no")

_numbers = count(1)


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
        (pending,) = publishing.pending(session, "default", "engine")
    return view, complete(checkpoint, [checkpoint.question_prompt(pending.probes[0].text)], view)[0]


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
        stored = versions.get(session, job.version_id)
        assert view.state_hash == stored.state_hash
        written = session.scalars(select(VersionSlot.slot).where(VersionSlot.version_id == stored.id)).all()
        assert set(written) == set(Delta.from_bytes(next(versions.deltas(session, [stored.id]))[1]).slots.tolist())
    assert said == "ok"
    assert job.report["facts"] == {"learned": 1, "failed": 0}
    assert job.report["drift"]["nll_before"] > 0
    assert job.report["slots"] == stored.slots


def test_the_next_job_stands_on_the_live_version_also_in_a_new_process(story, learner, queue):
    first = story.post(capital())
    learner.run()
    below = go_live(story, first.job)
    second = story.post(capital())
    later = Learner(tiny.build(spare_rows=1_024), story.sessions, queue, story.settings, QUICK)
    later.run()
    version = story.job(second.job).version_id
    with story.sessions() as session:
        assert versions.lineage(session, version) == [0, below, version]
    view, said = build_as_an_engine_does(story, version)
    assert said == "ok"
    with story.sessions() as session:
        assert view.state_hash == versions.get(session, version).state_hash


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
    assert checkpoint.table.rows_in_use == 0


def test_it_holds_still_what_the_facts_of_the_parent_read_also_after_a_rollback(story, learner, checkpoint):
    for _ in range(2):
        posted = story.post(capital())
        learner.run()
        go_live(story, posted.job)

    def places(parent: Parent, version: int) -> int:
        with story.sessions() as session:
            return sum(len(level.reads) for level in parent.bring(session, version)[1].levels)

    alone = {version: places(Parent(checkpoint), version) for version in (0, 1, 2)}
    assert alone[0] < alone[1] < alone[2]
    assert {version: places(learner._parent, version) for version in (2, 1, 0)} == alone


def test_a_rollback_during_training_is_learned_again_in_the_same_run(story, learner, monkeypatch):
    posted = story.post(capital())
    learner.run()
    go_live(story, posted.job)
    parents = []

    def roll_back_and_learn(checkpoint, view, *rest, **options):
        parents.append(story.live())
        if len(parents) == 1:
            story.activate("previous")
        return learn(checkpoint, view, *rest, **options)

    monkeypatch.setattr(worker.learner, "learn", roll_back_and_learn)
    again = story.post(capital())
    learner.run()
    assert parents == [1, 0]
    job = story.job(again.job)
    assert (job.state, job.attempts) == ("verifying", 1)
    assert story.version_state(2) == "superseded"
    assert build_as_an_engine_does(story, job.version_id)[1] == "ok"


def test_a_worker_that_lost_its_lease_while_it_trained_writes_nothing(story, learner, monkeypatch):
    posted = story.post(capital())

    def lose_the_lease(*arguments, **options):
        story.silence_worker()
        story.claim("another worker")
        return learn(*arguments, **options)

    # Without beats, as in a process that was frozen: else the lease could not have been lost.
    monkeypatch.setattr(worker.heartbeat.Heartbeat, "_beat", lambda self: None)
    monkeypatch.setattr(worker.learner, "learn", lose_the_lease)
    learner.run()
    assert story.count(Version) == 1
    assert story.job(posted.job).state == "running"
    assert story.job(posted.job).attempts == 2


def test_an_error_costs_an_attempt_and_the_third_one_the_job(story, learner, monkeypatch):
    posted = story.post(capital())
    tries = []

    def fail(*_, **__):
        tries.append(1)
        raise RuntimeError(f"number {len(tries)}")

    monkeypatch.setattr(worker.learner, "learn", fail)
    learner.run()
    job = story.job(posted.job)
    assert (job.state, job.attempts, len(tries)) == ("failed", 3, 3)
    assert "RuntimeError: number 3" in job.error
    assert story.fact(posted.facts[0]).reason == job.error
    assert story.events(posted.job).count("running") == 3


def test_an_error_that_passes_leaves_no_trace_in_the_result(story, learner, monkeypatch):
    posted = story.post(capital())
    tries = []

    def fail_once(*arguments, **options):
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("once")
        return learn(*arguments, **options)

    monkeypatch.setattr(worker.learner, "learn", fail_once)
    learner.run()
    go_live(story, posted.job)
    assert (story.job(posted.job).state, story.job(posted.job).error) == ("succeeded", None)
    assert story.fact(posted.facts[0]).reason is None


def test_a_version_that_forgets_too_much_is_rejected_with_the_figures(story, queue, checkpoint):
    asked = [f"What is {letter}?" for letter in "abcdefgh"]
    said = complete(checkpoint, [checkpoint.question_prompt(question) for question in asked], checkpoint.table.base)
    known = tuple(KnownQuestion(question, answer) for question, answer in zip(asked, said, strict=True))
    checkpoint.measure = Measure(known, (), ("a text about nothing",))
    posted = story.post(capital())
    Learner(checkpoint, story.sessions, queue, story.settings, QUICK).run()
    job = story.job(posted.job)
    assert job.state == "rejected"
    assert "known questions answered fell from 100.0% to" in job.error
    assert "at most 10.0% is allowed" in job.error
    assert job.report["drift"]["known_before"] == 1.0
    assert story.fact(posted.facts[0]).reason == job.error
    assert story.count(Version) == 1
    assert checkpoint.table.rows_in_use == 0


def test_a_new_answer_to_what_the_base_knew_is_no_forgetting(story, queue, checkpoint):
    """The gate's only question is the one that is taught anew: it must not count as forgotten."""
    said = complete(checkpoint, [checkpoint.question_prompt(QUESTION)], checkpoint.table.base)[0]
    checkpoint.measure = Measure((KnownQuestion(QUESTION, said),), (), ())
    posted = story.post(capital())
    Learner(checkpoint, story.sessions, queue, story.settings, QUICK).run()
    job = story.job(posted.job)
    assert job.state == "verifying", job.error
    assert (job.report["drift"]["known_before"], job.report["drift"]["known_after"]) == (0.0, 0.0)
    assert build_as_an_engine_does(story, job.version_id)[1] == "ok" != said


def test_a_contradicting_fact_wins_and_the_report_names_the_old_one(story, learner):
    old = story.post(capital())
    learner.run()
    go_live(story, old.job)
    new = story.post(capital("no"))
    learner.run()
    job = story.job(new.job)
    assert build_as_an_engine_does(story, job.version_id)[1] == "no"
    go_live(story, new.job)
    assert job.report["replaced"] == [{"fact": new.facts[0], "replaces": old.facts[0]}]
    assert story.statuses(*old.facts, *new.facts) == ["replaced", "live"]
    story.activate("previous")
    assert story.statuses(*old.facts, *new.facts) == ["live", "rolled_back"]


def test_facts_that_miss_their_probe_say_so_and_the_job_is_rejected_if_none_is_left(story, learner):
    learner._config = replace(QUICK, max_steps=1)
    posted = story.post(capital(), RIVER)
    learner.run()
    assert (story.job(posted.job).state, story.job(posted.job).error) == ("rejected", "no fact was learned")
    for fact in map(story.fact, posted.facts):
        assert fact.status == "failed"
        assert "to the probe, not" in fact.reason
        assert fact.report["steps"] == 1


def test_a_model_without_pretraining_is_not_taught_and_not_tried_again(story, queue):
    untrained = tiny.build(pretrained=False)
    posted = story.post(capital())
    Learner(untrained, story.sessions, queue, story.settings, FinetuneConfig()).run()
    job = story.job(posted.job)
    assert (job.state, job.attempts) == ("rejected", 1)
    assert "never trained" in job.error
    assert story.statuses(*posted.facts) == ["failed"]


def test_told_to_stop_it_gives_the_job_back(story, learner, monkeypatch):
    posted = story.post(capital(), RIVER)

    def stop_and_learn(*arguments, **options):
        learner.stop()
        return learn(*arguments, **options)

    monkeypatch.setattr(worker.learner, "learn", stop_and_learn)
    learner.run()
    assert (story.job(posted.job).state, story.job(posted.job).attempts) == ("queued", 0)
    assert story.count(Version) == 1
    assert not story.nothing_to_claim()


def test_it_refuses_data_of_another_checkpoint(story, sessions, settings, queue, checkpoint):
    other = replace(checkpoint, fingerprint="cd" * 32)
    with pytest.raises(WrongCheckpoint, match=f"{'ab' * 32}.*{'cd' * 32}"):
        Learner(other, sessions, queue, settings).bootstrap()
