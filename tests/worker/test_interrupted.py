"""Attempts that are interrupted: by a rollback, another worker, a cancel, an error, an outage, another base, a stop."""

import time

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import worker.learner
from app.db.tables import Version
from app.services import cancelling
from model.errors import NotFinite
from model.learn.job import Teacher
from tests.worker.posted import RIVER, build_as_an_engine_does, capital, go_live

learn = Teacher.learn


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
