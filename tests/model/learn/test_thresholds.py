"""Thresholds: no query that was not taught opens a key, and its own wordings do where that can be had."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from model.learn.thresholds import thresholds

LOWEST = torch.tensor([0.5, 0.5])
halves = st.tuples(st.floats(0, 0.97), st.floats(0, 0.97))


def tensor(pairs: list[tuple[float, float]]) -> torch.Tensor:
    return torch.tensor(pairs).reshape(-1, 2)


@given(st.lists(halves, max_size=12), st.lists(halves, max_size=4))
def test_nothing_that_was_not_taught_opens_the_key_and_no_threshold_is_lowered(untaught, own):
    found = thresholds(LOWEST, tensor(untaught), tensor(own))
    assert bool((found.of >= LOWEST).all())
    assert found.open == 0
    assert not bool((tensor(untaught) >= found.of).all(dim=1).any())
    assert found.raised == int((tensor(untaught) >= LOWEST).all(dim=1).sum())


def test_the_half_is_raised_that_keeps_the_fact_s_own_wordings():
    beside = thresholds(LOWEST, tensor([(0.6, 0.95)]), tensor([(0.8, 0.9)]))
    neighbour = thresholds(LOWEST, tensor([(0.95, 0.6)]), tensor([(0.9, 0.8)]))
    assert beside.of[0] > 0.6
    assert beside.of[1] == 0.5
    assert neighbour.of[1] > 0.6
    assert neighbour.of[0] == 0.5


def test_what_is_as_near_as_the_key_itself_stays_open_and_is_counted():
    assert thresholds(LOWEST, tensor([(1.0, 1.0)]), tensor([])).open == 1
