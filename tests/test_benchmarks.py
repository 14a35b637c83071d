"""The benchmark of steps measures what it says: real steps, on the batch that it names."""

from dataclasses import replace

import torch

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
from model.config import FinetuneConfig, MemoryConfig
from model.finetune import encoded_texts
from model.reads import Held
from model.text import encode

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
