"""The engine: requests stay on the view they were bound to, whatever is switched, dropped or asked beside them."""

import pytest
import torch

from model.engine import Ask, Engine, Sampling, generate
from model.errors import (
    NotResident,
    PromptTooLong,
    QueueFull,
    SpareRowsExhausted,
)
from tests import tiny
from tests.model.engine.asking import ask, change, question, submit


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


def test_a_full_queue_refuses_and_loses_nothing():
    engine = Engine(tiny.build(), max_queue=2)
    waiting = [submit(engine, "a", Sampling(max_tokens=1)) for _ in range(2)]
    with pytest.raises(QueueFull, match="2 requests wait; the queue holds 2"):
        submit(engine, "a")
    engine.start()
    assert all(future.result(30).version == 0 for future in waiting)
    engine.stop()


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
