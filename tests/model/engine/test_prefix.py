"""Reuse of prompts: the same bits as without, keyed by the view, bounded, and gone with the view."""

import torch

from model.delta import Delta
from model.engine import Engine, Sampling
from model.engine.prefix import PrefixCache
from model.values import View
from tests import tiny

LONG = "a prompt that is longer than two chunks of sixty-four tokens, so that most of it is found again. " * 2
SCORED = Sampling(max_tokens=8, logprobs=3)


def run(engine: Engine, prompt: str, version: int = 0):
    generation = engine.submit(prompt, SCORED, version=version)
    while not generation.done():
        engine._turn()
    return generation.result()


def test_a_prompt_that_is_found_again_gives_the_same_bits():
    checkpoint = tiny.build()
    engine, fresh = Engine(checkpoint), Engine(checkpoint, prefix_tokens=0)
    first = run(engine, LONG + "one?")
    before = engine.report()
    again, other = run(engine, LONG + "one?"), run(engine, LONG + "another?")
    assert again == first == run(fresh, LONG + "one?")
    assert other == run(fresh, LONG + "another?")
    assert engine.report().prefix_reused - before.prefix_reused == 2 * 192
    assert before.prefix_tokens == engine.report().prefix_tokens == 192
    assert fresh.report().prefix_tokens == 0


def test_another_version_finds_nothing_and_reads_its_own():
    checkpoint = tiny.build(spare_rows=400)
    engine, fresh = Engine(checkpoint), Engine(checkpoint, prefix_tokens=0)
    slots = torch.arange(200)
    before = checkpoint.table.read(checkpoint.table.base, slots)
    engine.prepare(1, 0, Delta(slots, before * -3))
    base = run(engine, LONG)
    changed = run(engine, LONG, 1)
    assert engine.report().prefix_reused == 0
    fresh.prepare(1, 0, Delta(slots, before * -3))
    assert changed.logprobs == run(fresh, LONG, 1).logprobs != base.logprobs


def test_what_is_kept_dies_with_its_view_and_keeps_none_alive():
    checkpoint = tiny.build(places=2)
    engine = Engine(checkpoint)
    slots = torch.arange(200)
    before = checkpoint.table.read(checkpoint.table.base, slots)
    for version in (1, 2):  # the second needs the only place that is not the base's
        engine.prepare(version, 0, Delta(slots, before + version))
        run(engine, LONG, version)
    run(engine, LONG)  # the last batch is of the base
    engine.drop(2)
    assert engine.report().prefix_tokens == 192


def test_the_least_recently_used_are_forgotten_ends_before_beginnings():
    cache, view, other = PrefixCache(4 * 64), View(0, 0, "0"), View(1, 0, "0")
    ids = list(range(300))
    for end in (64, 128, 192):
        cache.keep(view, ids[:end], [])
    cache.keep(other, ids[:64], [])
    assert len(cache.find(view, ids[:129])) == 2  # so the third is the oldest
    cache.keep(other, ids[:128], [])
    assert cache.tokens == 4 * 64
    assert len(cache.find(view, ids)) == 2
    assert len(cache.find(other, ids)) == 2


def test_a_token_is_left_to_process():
    cache, view = PrefixCache(1000), View(0, 0, "0")
    cache.keep(view, list(range(64)), [])
    assert cache.find(view, list(range(64))) == []
    assert len(cache.find(view, list(range(65)))) == 1
    assert cache.find(view, [1, *range(64)]) == []
