"""The engine: requests stay on the view they were bound to, whatever is switched, dropped or asked beside them."""

import pickle
import threading
import time

import pytest
import torch

from model.engine import Ask, Engine, Sampling, generate
from model.errors import (
    Aborted,
    Cancelled,
    DeadlineExceeded,
    EngineStopped,
    NotFinite,
    NotResident,
    PromptTooLong,
    QueueFull,
    SpareRowsExhausted,
)
from model.memory.delta import Delta
from tests import tiny
from tests.model.engine.taught import taught


@pytest.fixture
def engine():
    engine = Engine(tiny.build())
    engine.start()
    yield engine
    engine.stop()


def question(engine: Engine, text: str):
    return engine.checkpoint.prompts.question(text)


def change(engine: Engine, number: int) -> Delta:
    """A version that answers some questions with its number."""
    prompts = [question(engine, text) for text in ("a?", "b?", *(f"what is {letter}?" for letter in "abcd"))]
    return taught(engine.checkpoint, [(number, prompt, f"is {number}") for prompt in prompts])


def submit(engine: Engine, text: str, *arguments, **options):
    return engine.submit(question(engine, text), *arguments, **options)


def ask(engine: Engine, text: str, version: int | None = None):
    return submit(engine, text, Sampling(max_tokens=8), version=version).result(30)


def test_answers_name_the_version_and_state_they_were_bound_to(engine):
    state = engine.prepare(1, 0, change(engine, 1))
    base = ask(engine, "a?")
    assert (base.version, base.state_hash) == (0, engine.checkpoint.fingerprint)
    engine.switch(1)
    assert engine.live == (1, state)
    changed = ask(engine, "a?")
    assert (changed.version, changed.state_hash) == (1, state)
    assert changed.text != base.text
    assert ask(engine, "a?", 0) == base


def test_requests_admitted_before_a_switch_finish_on_their_version(engine):
    expected = ask(engine, "b?")
    engine.prepare(1, 0, change(engine, 1))
    with engine._wake:  # the engine thread cannot take a batch until all of this has happened
        before = submit(engine, "b?", Sampling(max_tokens=8))
        engine.switch(1)
        after = submit(engine, "b?", Sampling(max_tokens=8))
    assert before.result(30) == expected
    assert after.result(30).version == 1


def test_neighbours_of_other_versions_do_not_change_an_answer(engine):
    for version in (1, 2):
        engine.prepare(version, 0, change(engine, version))
    prompts = [f"what is {letter}?" for letter in "abcdefgh"]
    alone = {(prompt, v): ask(engine, prompt, v).text for prompt in prompts for v in (0, 1, 2)}
    with engine._wake:
        together = {key: submit(engine, key[0], Sampling(max_tokens=8), version=key[1]) for key in alone}
    assert {key: future.result(30).text for key, future in together.items()} == alone


def test_generation_outside_of_the_engine_gives_the_same_answer(engine):
    inside = ask(engine, "a?").text
    prompts = engine.checkpoint.prompts
    (outside,) = generate(engine.checkpoint, [Ask(prompts.question("a?"), engine.checkpoint.table.base, 8)])
    assert prompts.text(outside.ids).strip() == inside


def test_a_version_that_does_not_fit_is_refused_and_the_old_one_serves(engine):
    engine.prepare(1, 0, change(engine, 1))
    engine.switch(1)
    served = ask(engine, "a?")
    narrow = Engine(tiny.build(spare_rows=8))
    with pytest.raises(SpareRowsExhausted, match="needs 30 spare rows; 8 of 8 are free"):
        narrow.prepare(1, 0, change(engine, 1))
    assert narrow.live[0] == 0
    assert ask(engine, "a?") == served


def test_versions_that_are_not_resident_are_refused(engine):
    with pytest.raises(NotResident, match="version 7"):
        submit(engine, "a", version=7)
    with pytest.raises(NotResident, match="version 7"):
        engine.switch(7)
    engine.prepare(1, 0, change(engine, 1))
    engine.drop(1)
    assert engine.resident(1) is None


def test_a_prompt_without_room_for_an_answer_is_refused_with_numbers(engine):
    with pytest.raises(PromptTooLong, match="has 1,024 tokens and asks for 32 more; the model has 1,024 positions"):
        submit(engine, "a" * (1024 - len(question(engine, "").ids)))
    small = Engine(engine.checkpoint, cache_tokens=200)
    with pytest.raises(PromptTooLong, match="has 300 tokens and asks for 1 more; the cache has 256 positions"):
        submit(small, "a" * (300 - len(question(engine, "").ids)), Sampling(max_tokens=None))


def test_an_answer_without_a_limit_has_what_the_positions_leave():
    checkpoint = tiny.build()
    checkpoint.prompts.ends = frozenset()
    engine = Engine(checkpoint, cache_tokens=128)
    generation = submit(engine, "a?", Sampling(max_tokens=None))
    while not generation.done():
        engine._turn()
    answer = generation.result()
    assert (answer.prompt_tokens + answer.tokens, answer.finish) == (128, "length")


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


def test_a_full_queue_refuses_and_loses_nothing():
    engine = Engine(tiny.build(), max_queue=2)
    waiting = [submit(engine, "a", Sampling(max_tokens=1)) for _ in range(2)]
    with pytest.raises(QueueFull, match="2 requests wait; the queue holds 2"):
        submit(engine, "a")
    engine.start()
    assert all(future.result(30).version == 0 for future in waiting)
    engine.stop()


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


def test_what_is_streamed_is_the_answer(engine):
    sampling = Sampling(max_tokens=40, temperature=1.0, seed=7, logprobs=1)
    pieces = []
    answer = submit(engine, "a?", sampling, on_piece=pieces.append).result(30)
    assert len(pieces) > 1
    assert "".join(piece.text for piece in pieces) == answer.text
    assert tuple(logprob for piece in pieces for logprob in piece.logprobs) == answer.logprobs
    assert submit(engine, "a?", sampling).result(30) == answer
    assert (answer.tokens, answer.prompt_tokens, len(answer.logprobs)) == (40, len(question(engine, "a?").ids), 40)


def test_an_answer_ends_before_a_stop_string(engine):
    whole = submit(engine, "a?", Sampling(max_tokens=40)).result(30)
    stop = whole.text[5:7]
    pieces = []
    cut = submit(engine, "a?", Sampling(max_tokens=40, stop=("never", stop)), on_piece=pieces.append).result(30)
    assert cut.text == whole.text[: whole.text.index(stop)].rstrip()
    assert "".join(piece.text for piece in pieces) == cut.text
    assert (cut.finish, whole.finish) == ("stop", "length")
    assert cut.tokens < whole.tokens


def test_log_probabilities_are_those_of_the_whole_text(engine):
    answer = submit(engine, "a?", Sampling(max_tokens=6, logprobs=2)).result(30)
    checkpoint = engine.checkpoint
    prompt = checkpoint.prompts.question("a?")
    produced = generate(checkpoint, [Ask(prompt, checkpoint.table.base, 6)])[0].ids
    scores = checkpoint.model(torch.tensor([[*prompt.ids, *produced]])).logits[0].log_softmax(dim=-1)
    for place, (token, given) in enumerate(zip(produced, answer.logprobs, strict=True), start=len(prompt.ids) - 1):
        assert given.logprob == pytest.approx(scores[place, token].item(), abs=1e-3)
        assert [value for _, value in given.top] == pytest.approx(scores[place].topk(2).values.tolist(), abs=1e-3)
        assert given.top[0] == (given.token, given.logprob), "a greedy token is the most probable one"


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


def test_a_long_prompt_does_not_stop_the_answers_beside_it():
    engine = Engine(tiny.build())
    told = []
    submit(engine, "a?", Sampling(max_tokens=30), on_piece=told.append)
    engine._turn()
    submit(engine, "b" * 400, Sampling(max_tokens=1))  # seven chunks
    first = len(told)
    for _ in range(14):
        engine._turn()
    assert len(told) - first >= 5, "random bytes are not always whole characters"


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


def test_weights_in_bfloat16_answer_too(engine):
    half = tiny.build()
    half.model.to(torch.bfloat16)
    sampling = Sampling(max_tokens=1, logprobs=3)
    expected = submit(engine, "a?", sampling).result(30)
    other = Engine(half)
    generation = submit(other, "a?", sampling)
    other._turn()
    given = generation.result()
    assert given.logprobs[0].logprob == pytest.approx(expected.logprobs[0].logprob, abs=0.3)


@pytest.mark.parametrize("threads", [1, 3])
def test_its_thread_computes_with_as_many_threads_as_it_is_given(threads):
    before, seen = torch.get_num_threads(), []
    engine = Engine(tiny.build(), threads=threads)
    engine.start()
    try:
        submit(engine, "a?", Sampling(logprobs=0), on_piece=lambda _: seen.append(torch.get_num_threads())).result(30)
    finally:
        engine.stop()
        torch.set_num_threads(before)
    assert set(seen) == {threads}
