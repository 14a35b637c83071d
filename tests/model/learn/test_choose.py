"""Slots are chosen by TF-IDF, and never one that an earlier fact owns."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.learn.choose import SlotUses, access_counts, choose, document_frequency, tf_idf
from model.memory.query import Background, Query
from model.memory.traffic import Traffic

QUERIES = 1_000


def test_the_score_is_the_formula():
    counts, frequency, owners = torch.tensor([3.0, 1.0]), torch.tensor([9.0, 0.0]), torch.tensor([0.0, 2.0])
    first = 0.75 * math.log(1_001 / 10)
    second = 0.25 * math.log(1_001 / (5 * 2 + 1))
    assert tf_idf(counts, frequency, owners, QUERIES, 5.0).tolist() == pytest.approx([first, second])


def test_a_slot_that_the_background_reads_often_is_left_out():
    uses = choose(
        torch.tensor([[4], [1], [3]]),
        torch.tensor([0.5, 0.3, 0.2]),
        torch.tensor([float(QUERIES), 0.0, 0.0]),
        torch.zeros(3, 1, dtype=torch.bool),
        queries=QUERIES,
        t=2,
        owner_weight=1.0,
    )
    assert uses.slots == [1, 3]


def background(*frequency: float) -> Background:
    none = Query(torch.empty(0, 1), torch.empty(0, 1))
    return Background(torch.tensor(frequency, dtype=torch.float32), QUERIES, none)


def test_few_questions_count_by_number_and_many_by_their_share():
    assert document_frequency(background(9, 0, 0), Traffic(), 20).tolist() == [9, 0, 0]
    few = document_frequency(background(9, 0, 0), Traffic(10, {1: 10, 0: 5}), 20)
    assert few.tolist() == pytest.approx([9 + 20 * 5 / 1.01, 20 * 10 / 1.01, 0])
    many = document_frequency(background(9, 0, 0), Traffic(10**9, {1: 10**8}), 20)
    assert many.tolist() == pytest.approx([9, 20 * QUERIES / 10, 0], rel=1e-4)


def test_the_background_of_the_memory_is_not_counted_up():
    own = background(9, 0)
    document_frequency(own, Traffic(10, {1: 10}), 20)
    assert own.document_frequency.tolist() == [9, 0]


@given(st.sets(st.integers(0, 31), min_size=1, max_size=16), st.sets(st.integers(0, 63)), st.integers(1, 8))
def test_the_first_free_way_of_each_address_is_chosen_and_nobody_else_s(read, owned, t):
    slots = torch.tensor(sorted(read, reverse=True))[:, None] * 2 + torch.arange(2)
    taken = torch.tensor([[slot in owned for slot in address] for address in slots.tolist()])
    counts = access_counts(torch.linspace(0, 1, len(slots)))
    uses = choose(slots, counts, torch.zeros(len(slots)), taken, queries=QUERIES, t=t, owner_weight=1.0)
    free = [next((slot for slot in address if slot not in owned), None) for address in slots.tolist()]
    assert uses.slots == sorted(set(uses.slots))
    assert set(uses.slots) <= set(free)
    assert len(uses.slots) == min(t, sum(slot is not None for slot in free))


def test_an_address_that_two_heads_read_is_written_once_and_counts_for_both():
    slots = torch.tensor([[2, 3], [6, 7], [2, 3]])
    nobody, counts = torch.zeros(3, 2, dtype=torch.bool), torch.tensor([0.3, 0.4, 0.3])
    uses = choose(slots, counts, torch.zeros(3), nobody, queries=QUERIES, t=3, owner_weight=1.0)
    assert uses.slots == [2, 6]
    assert uses.counts == pytest.approx([0.6, 0.4])


def test_uses_of_several_places_are_joined_in_order():
    joined = SlotUses.joined([SlotUses([5, 9], [0.1, 0.2], [1.0, 2.0]), SlotUses([7], [0.3], [3.0])])
    assert joined == SlotUses([5, 7, 9], [0.1, 0.3, 0.2], [1.0, 3.0, 2.0])
