"""Reuse of prompts: the same bits as without, shared by all versions, because keys and values know of none."""

from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine import Engine, Sampling
from tests import tiny
from tests.model.engine.taught import taught

LONG = "a prompt that is longer than two blocks of sixty-four tokens, so that most of it is found again. " * 2
SCORED = Sampling(max_tokens=8, logprobs=3)


def run(engine: Engine, question: str, version: int = 0, sampling: Sampling = SCORED):
    generation = engine.submit(engine.checkpoint.prompts.question(question), sampling, version=version)
    while not generation.done():
        engine._turn()
    return generation.result()


def test_a_prompt_that_is_found_again_gives_the_same_bits():
    checkpoint = tiny.build()
    engine = Engine(checkpoint)
    first = run(engine, LONG + "one?")
    before = engine.report()
    again, other = run(engine, LONG + "one?"), run(engine, LONG + "another?")
    assert engine.report().prefix_reused == 2 * 208
    assert (before.prefix_reused, before.prefix_tokens) == (0, 256)
    assert again == first == run(Engine(checkpoint), LONG + "one?")
    assert other == run(Engine(checkpoint), LONG + "another?")


@given(st.lists(st.tuples(st.integers(0, 150), st.sampled_from("?!")), min_size=2, max_size=5))
@settings(max_examples=15)
def test_wherever_a_prompt_departs_from_others_it_has_the_bits_that_it_has_alone(asked):
    checkpoint = tiny.build()
    engine = Engine(checkpoint)
    for length, mark in asked:
        question = LONG[:length] + mark * 20
        assert run(engine, question) == run(Engine(checkpoint), question)


def test_a_version_finds_what_another_has_read_and_answers_as_if_it_had_not():
    checkpoint = tiny.build()
    fact = checkpoint.prompts.question(LONG)
    delta = taught(checkpoint, [(7, fact, "Lisbon")])
    engine, fresh = Engine(checkpoint), Engine(checkpoint)
    base = run(engine, LONG)
    engine.prepare(1, 0, delta)
    fresh.prepare(1, 0, delta)
    engine.switch(1)
    changed = run(engine, LONG, 1)
    assert engine.report().prefix_reused == 208
    assert changed == run(fresh, LONG, 1)
    assert changed.text == "Lisbon"
    assert run(engine, LONG, 0) == base
    assert base.text != "Lisbon"


def test_what_is_kept_makes_room_for_what_runs():
    checkpoint = tiny.build()
    engine, small = Engine(checkpoint), Engine(checkpoint, cache_tokens=256)
    for question in ("a" * 150, "b" * 150, "a" * 150, "b" * 200, LONG[:200]):
        assert run(small, question) == run(engine, question)
    assert small.report().prefix_tokens <= 256


def test_answers_are_the_same_where_the_cache_is_too_small_for_all_of_them(monkeypatch):
    monkeypatch.setattr("model.engine.sequence._FORESEEN", 1)
    checkpoint = tiny.build()
    engine, small = Engine(checkpoint), Engine(checkpoint, cache_tokens=192)
    questions, sampling = ["a" * 20, "b" * 60, "c" * 80], Sampling(70, logprobs=1, temperature=1.9, seed=1)
    expected = [run(engine, question, sampling=sampling) for question in questions]
    paused, pool = [], small._loop.runner.pool
    read, pool.read = pool.read, lambda blocks: paused.append(len(blocks)) or read(blocks)
    generations = [small.submit(checkpoint.prompts.question(question), sampling) for question in questions]
    while not all(generation.done() for generation in generations):
        small._turn()
    assert [generation.result() for generation in generations] == expected
    assert paused
