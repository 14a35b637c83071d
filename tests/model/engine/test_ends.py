"""How requests end otherwise than with an answer: cancelled, too late, aborted, failed; and nothing stays behind."""

import pickle
import threading
import time

import pytest
import torch

from model.engine import Engine, Sampling
from model.errors import (
    Aborted,
    Cancelled,
    DeadlineExceeded,
    EngineStopped,
    NotFinite,
)
from model.memory.delta import Delta
from tests import tiny
from tests.model.engine.asking import ask, change, question, submit
from tests.model.engine.taught import taught


def test_a_check_that_is_not_answered_in_time_leaves_nothing_behind():
    engine = Engine(tiny.build(), max_queue=1)  # not started: nobody answers
    with pytest.raises(TimeoutError):
        engine.check(0.01)
    engine._turn()
    assert (engine.report().waiting, engine.report().running) == (0, 0)


def test_who_waits_is_told_of_a_failure_also_where_the_cache_cannot_be_touched(monkeypatch):
    told = []
    engine = Engine(tiny.build(), on_failure=told.append)
    generations = [submit(engine, "a?") for _ in range(2)]

    def fail(*_: object) -> None:
        raise RuntimeError("the device is gone")

    for name in ("step", "remove"):
        monkeypatch.setattr(engine._loop, name, fail)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    engine.start()
    for generation in generations:
        with pytest.raises(EngineStopped):
            generation.result(10)
    engine.stop()
    assert [str(error) for error in told] == ["the device is gone"]


def test_a_cancelled_request_is_not_answered_and_gives_its_view_back():
    engine = Engine(tiny.build())
    engine.prepare(1, 0, change(engine, 1))
    cancelled = submit(engine, "a", version=1)
    kept = submit(engine, "a", Sampling(max_tokens=1))
    cancelled.cancel()
    engine.start()
    kept.result(30)
    with pytest.raises(Cancelled):
        cancelled.result(30)
    engine.drop(1)
    assert engine.checkpoint.table.room().rows == 0
    engine.stop()


def test_stopping_tells_those_that_wait():
    engine = Engine(tiny.build())
    future = submit(engine, "a")
    engine._stopping = True
    engine.start()
    with pytest.raises(EngineStopped, match="stopped before this request was answered"):
        future.result(30)
    with pytest.raises(EngineStopped):
        engine.check(1)


def test_a_failure_of_the_model_ends_the_engine_with_its_reason(monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda failure: told.append(failure.exc_value))
    failures = []
    engine = Engine(tiny.build(), on_failure=failures.append)
    engine.checkpoint.model.get_decoder().forward = lambda **_: 1 / 0
    future = submit(engine, "a")
    engine.start()
    with pytest.raises(EngineStopped) as stopped:
        future.result(30)
    assert isinstance(stopped.value.__cause__, ZeroDivisionError)
    engine.stop()
    assert told == failures == [engine.failure]
    assert isinstance(engine.failure, ZeroDivisionError)
    with pytest.raises(EngineStopped):
        submit(engine, "a")


def test_a_request_is_cancelled_while_it_runs_and_frees_its_row_and_view():
    checkpoint = tiny.build()
    checkpoint.prompts.ends = frozenset()
    engine = Engine(checkpoint, max_batch=1)
    engine.prepare(1, 0, change(engine, 1))
    running = submit(engine, "a", Sampling(max_tokens=400), version=1)
    waiting = submit(engine, "b", Sampling(max_tokens=1))
    for _ in range(5):
        engine._turn()
    assert (engine.report().running_by_version, engine.report().waiting) == ({1: 1}, 1)
    running.cancel()
    while not waiting.done():
        engine._turn()
    assert isinstance(running._future.exception(), Cancelled)
    running.cancel()  # to cancel what has ended changes nothing
    engine.drop(1)
    assert engine.checkpoint.table.room().rows == 0
    report = engine.report()
    assert (report.running, report.waiting) == (0, 0)
    assert report.steps > 0


def test_a_deadline_ends_requests_that_run_and_those_that_wait():
    engine = Engine(tiny.build(), max_batch=1)
    running = submit(engine, "a", Sampling(max_tokens=400), seconds=0.05)
    waiting = submit(engine, "b", seconds=0.05)
    patient = submit(engine, "c", Sampling(max_tokens=1), seconds=60)
    engine._turn()
    assert not running.done()
    time.sleep(0.06)
    while not patient.done():
        engine._turn()
    for late in (running, waiting):
        with pytest.raises(DeadlineExceeded, match="not answered in the time that it was given"):
            late.result()
    assert patient.result().tokens <= 1


def test_requests_of_a_version_are_aborted_with_the_reason_and_others_go_on(engine):
    engine.prepare(1, 0, change(engine, 1))
    doomed = [submit(engine, "a", Sampling(max_tokens=400), version=1) for _ in range(40)]  # some of them wait
    kept = submit(engine, "a?", Sampling(max_tokens=8))
    assert engine.abort({1}, "rolled back") == 40
    assert engine.abort(lambda version: version == 1, "again") == 0
    for generation in doomed:
        with pytest.raises(Aborted, match="rolled back"):
            generation.result(30)
    assert kept.result(30) == ask(engine, "a?", 0)


def test_a_version_whose_rows_give_no_number_fails_alone():
    engine = Engine(tiny.build(), max_batch=4)
    delta = taught(engine.checkpoint, [(1, question(engine, "b" * 100), "x")])
    engine.prepare(1, 0, Delta(delta.slots, torch.where(delta.after.abs() > 2, torch.nan, delta.after)))
    expected = submit(engine, "a?", Sampling(max_tokens=8, logprobs=1), version=0)
    while not expected.done():
        engine._turn()
    broken = [submit(engine, "b" * 100, version=1) for _ in range(3)]
    cancelled = submit(engine, "b" * 100, version=1)
    engine._turn()
    cancelled.cancel()  # before anybody could see that it is broken
    beside = [submit(engine, "a?", Sampling(max_tokens=8, logprobs=1)) for _ in range(6)]  # in the same rows later
    while not all(generation.done() for generation in beside):
        engine._turn()
    for generation in broken:
        with pytest.raises(NotFinite, match="the rows of version 1 make the model's output no number"):
            generation.result()
    assert [generation.result() for generation in beside] == [expected.result()] * 6


def test_a_caller_whose_own_code_fails_fails_alone(engine):
    def fail(piece):
        raise ZeroDivisionError

    failing = submit(engine, "a?", on_piece=fail)
    with pytest.raises(ZeroDivisionError):
        failing.result(30)
    assert ask(engine, "a?").tokens == 8


def test_callers_are_told_when_a_request_has_ended(engine):
    told = threading.Event()
    generation = submit(engine, "a", Sampling(max_tokens=2))
    generation.add_done_callback(lambda done: told.set() if done is generation and done.done() else None)
    assert told.wait(30)
    assert (generation.version, generation.prompt_tokens) == (0, len(question(engine, "a").ids))
    assert generation.state_hash == engine.checkpoint.fingerprint


def test_errors_of_the_engine_survive_pickling():
    for error in (Cancelled("a"), DeadlineExceeded("b"), Aborted("c"), NotFinite("d")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301
