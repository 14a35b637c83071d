"""The engine: requests stay on the view they were bound to, whatever is switched, dropped or asked beside them."""

import threading

import pytest
import torch

from model.delta import Delta
from model.engine import Engine, main
from model.errors import EngineStopped, NotResident, PromptTooLong, QueueFull, SpareRowsExhausted
from model.evaluate import complete
from tests import tiny


@pytest.fixture
def engine():
    engine = Engine(tiny.build(spare_rows=600))
    engine.start()
    yield engine
    engine.stop()


def random_delta(engine: Engine, seed: int, slots: int = 200) -> Delta:
    """A change of most rows, made from the base."""
    table = engine.checkpoint.table
    index = torch.randperm(table.slots, generator=torch.Generator().manual_seed(seed))[:slots].sort().values
    after = 3 * torch.randn(slots, table.value_width, generator=torch.Generator().manual_seed(seed))
    return Delta(index, table.read(table.base, index), after)


def ask(engine: Engine, prompt: str, version: int | None = None):
    return engine.submit(prompt, version=version, max_tokens=8).result(30)


def test_answers_name_the_version_and_state_they_were_bound_to(engine):
    state = engine.prepare(1, 0, random_delta(engine, 1))
    base = ask(engine, "a?\n")
    assert (base.version, base.state_hash) == (0, engine.checkpoint.fingerprint)
    engine.switch(1)
    assert engine.live == (1, state)
    changed = ask(engine, "a?\n")
    assert (changed.version, changed.state_hash) == (1, state)
    assert changed.text != base.text
    assert ask(engine, "a?\n", 0) == base


def test_requests_admitted_before_a_switch_finish_on_their_version(engine):
    expected = ask(engine, "b?\n")
    engine.prepare(1, 0, random_delta(engine, 1))
    with engine._wake:  # the engine thread cannot take a batch until all of this has happened
        before = engine.submit("b?\n", max_tokens=8)
        engine.switch(1)
        after = engine.submit("b?\n", max_tokens=8)
    assert before.result(30) == expected
    assert after.result(30).version == 1


def test_neighbours_of_other_versions_do_not_change_an_answer(engine):
    for version in (1, 2):
        engine.prepare(version, 0, random_delta(engine, version))
    prompts = [f"what is {letter}?\n" for letter in "abcdefgh"]
    alone = {(prompt, v): ask(engine, prompt, v).text for prompt in prompts for v in (0, 1, 2)}
    with engine._wake:
        together = {key: engine.submit(key[0], version=key[1], max_tokens=8) for key in alone}
    assert {key: future.result(30).text for key, future in together.items()} == alone


def test_generation_outside_of_the_engine_gives_the_same_answer(engine):
    inside = ask(engine, "a?\n").text
    assert complete(engine.checkpoint, ["a?\n"], engine.checkpoint.table.base, 8) == [inside]


def test_a_version_that_does_not_fit_is_refused_and_the_old_one_serves(engine):
    engine.prepare(1, 0, random_delta(engine, 1))
    engine.switch(1)
    served = ask(engine, "a?\n")
    wide = Engine(tiny.build(spare_rows=8))
    with pytest.raises(SpareRowsExhausted, match="needs 200 spare rows; 8 of 8 are free"):
        wide.prepare(1, 0, random_delta(wide, 1))
    assert wide.live[0] == 0
    assert ask(engine, "a?\n") == served


def test_versions_that_are_not_resident_are_refused(engine):
    with pytest.raises(NotResident, match="version 7"):
        engine.submit("a", version=7)
    with pytest.raises(NotResident, match="version 7"):
        engine.switch(7)
    engine.prepare(1, 0, random_delta(engine, 1))
    engine.drop(1)
    assert engine.resident(1) is None


def test_a_prompt_without_room_for_an_answer_is_refused_with_numbers(engine):
    with pytest.raises(PromptTooLong, match="has 601 tokens and asks for 32 more; the model has 512"):
        engine.submit("a" * 600)


def test_a_full_queue_refuses_and_loses_nothing():
    engine = Engine(tiny.build(), max_queue=2)
    waiting = [engine.submit("a", max_tokens=1) for _ in range(2)]
    with pytest.raises(QueueFull, match="2 requests wait; the queue holds 2"):
        engine.submit("a")
    engine.start()
    assert all(future.result(30).version == 0 for future in waiting)
    engine.stop()


def test_a_cancelled_request_is_not_answered_and_gives_its_view_back():
    engine = Engine(tiny.build())
    engine.prepare(1, 0, random_delta(engine, 1))
    cancelled = engine.submit("a", version=1)
    kept = engine.submit("a", max_tokens=1)
    assert cancelled.cancel()
    engine.start()
    kept.result(30)
    engine.drop(1)
    assert engine.checkpoint.table.rows_in_use == 0
    engine.stop()


def test_stopping_tells_those_that_wait():
    engine = Engine(tiny.build())
    future = engine.submit("a")
    engine._stopping = True
    engine.start()
    with pytest.raises(EngineStopped, match="stopped before this request was answered"):
        future.result(30)
    with pytest.raises(EngineStopped):
        engine.check(1)


def test_a_failure_of_the_model_ends_the_engine_with_its_reason(monkeypatch):
    engine = Engine(tiny.build())
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda failure: told.append(failure.exc_value))
    engine.checkpoint.model.forward = lambda **_: 1 / 0
    future = engine.submit("a")
    engine.start()
    with pytest.raises(EngineStopped) as stopped:
        future.result(30)
    assert isinstance(stopped.value.__cause__, ZeroDivisionError)
    engine.stop()
    assert isinstance(told[0], ZeroDivisionError)
    with pytest.raises(EngineStopped):
        engine.submit("a")


def test_the_command_line_answers_from_a_folder_alone(tmp_path, capsys, monkeypatch):
    tiny.checkpoint(tmp_path)
    monkeypatch.setattr("sys.argv", ["engine", str(tmp_path), "What is a?"])
    main()
    built = tiny.build()
    expected = complete(built, [built.question_prompt("What is a?")], built.table.base, 32)
    assert capsys.readouterr().out == expected[0] + "\n"
