"""The benchmarks measure what they say: real steps on the batch that they name, equal work for what is compared."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch
from benchmarks.learner import learning
from benchmarks.steps import (
    SMALL,
    TEXTS,
    TOKENS,
    OneStep,
    Shape,
    interleaved,
    random_checkpoint,
    slot_times,
    step_times,
)
from benchmarks.steps import study as random_study
from model.finetune import encoded_texts
from model.reads import Held
from model.text import encode

from benchmarks import hot_path
from benchmarks.load import ANSWER_TOKENS, Figures, Trace, closed_loop, requests_for
from benchmarks.serve import DENSE, QUICK, STATIC, Bench, Row, aims, table_of
from model.config import FinetuneConfig, MemoryConfig
from tests import tiny

MEMORY = MemoryConfig((1,), heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
TINY = Shape(32, 2, 64, 2, 300, MEMORY, (0, 1))


def test_a_study_has_texts_of_the_stated_length_that_share_their_answer():
    tokenizer = random_checkpoint(TINY, MEMORY).tokenizer
    study = random_study(5, TINY.vocabulary)
    assert len(study.texts) == TEXTS
    for text in study.texts:
        (start, end) = text.spans[0]
        assert text.text[start:end] == f" {study.probe.answer}"
        assert len(encode(tokenizer, text, 256)[0]) == TOKENS


def test_a_step_is_one_of_learning_and_each_lowers_the_loss():
    checkpoint = random_checkpoint(TINY, MEMORY)
    config = FinetuneConfig(texts=TEXTS, learning_rate=0.02)
    fact = random_study(1, TINY.vocabulary)
    texts = encoded_texts(checkpoint, fact, config)
    group = OneStep(checkpoint, checkpoint.table.base, [fact], [texts], config, Held())
    losses = []
    for _ in range(4):
        group.step()  # looks, then moves: the loss is the one before the move
        losses.append(group.loss)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_equal_arguments_give_equal_weights_so_that_all_ways_train_the_same_model():
    first, second = (random_checkpoint(TINY, MEMORY) for _ in range(2))
    for own, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(own, other)


def test_every_way_is_timed_equally_often_and_in_turn():
    order: list[str] = []
    ways = {name: lambda name=name: order.append(name) for name in "abc"}
    assert interleaved(ways, 3).keys() == ways.keys()
    assert order == list("abc") * 4


def test_steps_and_slots_are_timed_at_every_depth_and_size():
    for layer in TINY.depths:
        times = step_times(TINY, layer, 1)
        assert min(times.prepare, times.ours, times.full, times.lora) > 0
        assert times.shared > times.ours
    assert [row.slots for row in slot_times(replace(TINY, memory=MEMORY), (8, 16), 1)] == [64, 256]
    assert max(SMALL.depths) == SMALL.layers - 1


def test_the_hot_path_is_timed_with_views_and_without_on_the_same_reads():
    small = replace(hot_path.MEMORY, heads=2, top_k=4, key_width=8, value_width=32)
    rows = hot_path.hot_paths(16, (1, 4), torch.device("cpu"), 0.0, small)
    assert [(row.slots, row.versions, row.batch) for row in rows] == [(256, v, b) for v in (1, 16) for b in (1, 4)]
    for row in rows:
        assert 0 < row.locate < row.bag < row.whole
        assert row.copy_bytes > row.bag_bytes > 0
    assert hot_path.table_of(rows).count("\n") == 5


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tiny.checkpoint(tmp_path_factory.mktemp("tiny"))
    with ExitStack() as stack:
        yield Bench(folder, QUICK, stack)


def test_all_systems_are_given_equal_work_and_do_it(bench: Bench):
    rows = bench.systems()
    by_clients = [[row for row in rows if row.clients == clients] for clients in QUICK.requests]
    for some in by_clients:
        systems = {row.system: row.figures for row in some}
        assert {"ours", "ours, 16 versions", DENSE, STATIC} <= systems.keys()
        assert len({systems[name].requests for name in ("ours", DENSE, STATIC)}) == 1
        assert all(figures.first_p50 <= figures.whole_p50 for figures in systems.values())
    assert table_of(rows).count("\n") == len(rows) + 1
    assert "static batches, at 8 clients" in aims({"systems": rows})


def test_lists_of_requests_differ_in_words_alone(bench: Bench):
    first, second = (requests_for(bench.checkpoint, 40, seed=seed, versions=3) for seed in (1, 2))
    assert [request.tokens for request in first] == [request.tokens for request in second]
    assert not {request.text for request in first} & {request.text for request in second}
    assert {request.version for request in first} == {0, 1, 2}
    lengths = {request.tokens for request in first}
    assert ANSWER_TOKENS[0] <= min(lengths) < max(lengths) <= ANSWER_TOKENS[1]


def test_a_request_that_fails_is_an_error_and_no_figure(bench: Bench):
    (request,) = requests_for(bench.checkpoint, 1, seed=0)
    assert closed_loop(bench.ours, [request], 1)[0].tokens == request.tokens
    with pytest.raises(KeyError):
        closed_loop(_Failing(), [request], 1)


class _Failing:
    def submit(self, request, arrive, done):
        done(KeyError(request.text))


def test_figures_are_of_the_times_that_the_clients_saw():
    quick, slow = Trace(0.0, 3, [0.1, 0.2, 0.4], 0.5), Trace(0.5, 5, [], 2.0)
    figures = Figures.of([[quick, slow]])
    assert (figures.requests, figures.requests_a_second, figures.tokens_a_second) == (2, 1.0, 4.0)
    assert figures.first_p50 == pytest.approx(1500)
    assert figures.between_p50 == pytest.approx(200)
    assert figures.whole_p99 == pytest.approx(1500)


def test_a_learner_learns_beside_the_engine(bench: Bench):
    with learning(bench.folder, "--nice", "1") as seconds:
        assert len(closed_loop(bench.ours, requests_for(bench.checkpoint, 4, seed=5), 2)) == 4
    assert all(second > 0 for second in seconds)


def test_aims_compare_what_belongs_together():
    traces = [Trace(0.0, 10, [0.1, 0.2], 0.2)]
    slower = [Trace(0.0, 10, [0.1, 0.4], 0.4)]
    rows = [Row("ours", 8, Figures.of([traces])), Row(STATIC, 8, Figures.of([slower]))]
    rows += [Row(DENSE, 8, Figures.of([traces])), Row("ours, quiet", 8, Figures.of([traces]))]
    rows.append(Row("ours, learning", 8, Figures.of([slower])))
    found = aims({"all": rows})
    assert "static batches, at 8 clients | 2.00 ×" in found
    assert "dense model, at 8 clients | +0 %" in found
    assert "first token · between | 1.00 · 3.00 ×" in found
