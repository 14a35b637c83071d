"""The lookup of the best pairs: the same slots and bits however it is done, and those of brute force."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.memory.lookup import MAX_SUB_KEYS, PairLookup


def scores_of(heads: int, places: int, sub_keys: int, seed: int) -> torch.Tensor:
    return torch.randn(heads, 2, places, sub_keys, generator=torch.Generator().manual_seed(seed)) * 3


@settings(max_examples=30)
@given(
    heads=st.integers(1, 3),
    places=st.integers(1, 3),
    sub_keys=st.sampled_from([5, 16, 50, 256, 300, 263, 512]),  # sorted whole, in two groups, and a prime
    top_k=st.sampled_from([1, 4, 5, 16]),
    seed=st.integers(0, 1_000),
)
def test_sorted_and_selected_agree_to_the_bit_and_with_all_slots(heads, places, sub_keys, top_k, seed):
    top_k = min(top_k, sub_keys)
    lookup, scores = PairLookup(sub_keys, top_k), scores_of(heads, places, sub_keys, seed)
    slots, best = lookup(scores)
    selected, also_best = lookup(scores.clone().requires_grad_(True))
    assert slots.shape == best.shape == (places, heads, top_k)
    assert torch.equal(best, also_best)
    every = (scores[:, 0, :, :, None] + scores[:, 1, :, None, :]).flatten(-2).transpose(0, 1)  # (P, H, N)
    assert torch.equal(every.gather(-1, slots), best)
    assert torch.equal(every.gather(-1, selected), best)
    assert torch.equal(every.topk(top_k, dim=-1).values, best)


def test_many_places_are_looked_up_as_each_alone():
    lookup, scores = PairLookup(16, 4), scores_of(2, 2_500, 16, 0)
    slots, best = lookup(scores)
    for place in (0, 1_023, 1_024, 2_499):
        alone = lookup(scores[:, :, place : place + 1])
        assert torch.equal(slots[place], alone[0][0])
        assert torch.equal(best[place], alone[1][0])


def test_equal_scores_give_distinct_slots():
    slots, best = PairLookup(12, 9)(torch.zeros(1, 2, 3, 12))
    assert not best.any()
    assert all(len(row.unique()) == 9 for row in slots[:, 0])


def test_a_score_that_is_no_number_gives_slots_of_the_table_and_no_number():
    for wrong in (float("nan"), float("inf"), -float("inf")):
        scores = scores_of(1, 1, 12, 0)
        scores[0, 0, 0, 3] = wrong
        slots, best = PairLookup(12, 4)(scores)
        assert (slots >= 0).all()
        assert (slots < 144).all()
        assert not best.isfinite().all()


def test_the_gradient_of_a_score_reaches_its_two_half_keys():
    scores = scores_of(1, 1, 8, 0).requires_grad_(True)
    slots, best = PairLookup(8, 2)(scores)
    best[0, 0, 0].backward()
    row, column = divmod(int(slots[0, 0, 0]), 8)
    expected = torch.zeros(1, 2, 1, 8)
    expected[0, 0, 0, row] = expected[0, 1, 0, column] = 1
    assert torch.equal(scores.grad, expected)


def test_too_many_half_keys_are_refused():
    with pytest.raises(ValueError, match=f"sub_keys is {MAX_SUB_KEYS + 1}; it must be at most {MAX_SUB_KEYS}"):
        PairLookup(MAX_SUB_KEYS + 1, 4)
