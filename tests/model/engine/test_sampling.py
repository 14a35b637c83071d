"""Choosing tokens: limits of what callers may set, and draws against the distributions they come from."""

import pytest
import torch

from model.engine import Sampling
from model.engine.sampling import Draws, choose, score


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_tokens": 0}, "max_tokens is 0; it must be at least 1, or 0 with echo"),
        ({"max_tokens": -1, "echo": True}, "max_tokens is -1; it must be at least 1, or 0 with echo"),
        ({"temperature": -0.1}, "temperature is -0.1; it must be from 0 to 2"),
        ({"temperature": 2.1}, "temperature is 2.1; it must be from 0 to 2"),
        ({"temperature": float("nan")}, "temperature is nan; it must be from 0 to 2"),
        ({"top_p": 0.0}, "top_p is 0.0; it must be above 0 and at most 1"),
        ({"top_p": 1.1}, "top_p is 1.1; it must be above 0 and at most 1"),
        ({"stop": ("a",) * 5}, "stop has 5 strings; at most 4 are taken"),
        ({"stop": ("",)}, "stop has an empty string"),
        ({"logprobs": 21}, "logprobs is 21; it must be from 0 to 20"),
    ],
)
def test_settings_out_of_range_are_refused_with_field_value_and_limit(wrong, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**wrong)


def drawn(logits: torch.Tensor, sampling: Sampling, count: int = 2000) -> torch.Tensor:
    """How often each token is chosen, as a share."""
    tokens = choose(logits.expand(count, -1), [sampling] * count, [Draws(seed) for seed in range(count)])
    return torch.bincount(torch.tensor(tokens), minlength=logits.shape[-1]) / count


def test_greedy_takes_the_most_probable_token():
    logits = torch.tensor([[0.0, 3.0, 1.0], [2.0, 0.0, 1.0]])
    assert choose(logits, [Sampling()] * 2, [Draws(None)] * 2) == [1, 0]


def test_a_temperature_too_small_to_divide_by_takes_the_most_probable_token():
    logits = torch.tensor([[0.0, 3.0, 2.999]])
    assert choose(logits, [Sampling(temperature=1e-38)], [Draws(1)]) == [1]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_from_the_distribution_at_the_temperature(temperature):
    logits = torch.randn(12, generator=torch.Generator().manual_seed(0))
    shares = drawn(logits, Sampling(temperature=temperature))
    assert (shares - (logits / temperature).softmax(dim=-1)).abs().max() < 0.04


@pytest.mark.parametrize("width", [12, 500])  # within the shortlist, and beyond it
def test_top_p_leaves_the_smallest_set_that_has_this_much_probability(width):
    logits = torch.randn(width, generator=torch.Generator().manual_seed(1))
    ordered, index = logits.softmax(dim=-1).sort(descending=True)
    size = int((ordered.cumsum(0) < 0.7).sum()) + 1
    shares = drawn(logits, Sampling(temperature=1.0, top_p=0.7))
    assert set(shares.nonzero()[:, 0].tolist()) <= set(index[:size].tolist())
    assert (shares[index[:size]] - ordered[:size] / ordered[:size].sum()).abs().max() < 0.04


def test_a_seed_gives_the_same_tokens_whatever_stands_beside_it():
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(2))
    samplings = [Sampling(temperature=1.0, top_p=top_p) for top_p in (1.0, 0.5, 0.99, 1.0)]
    together = choose(logits, samplings, [Draws(seed) for seed in (1, 2, 3, -1)])
    alone = [
        choose(logits[row : row + 1], [samplings[row]], [Draws(seed)])[0] for row, seed in enumerate((1, 2, 3, -1))
    ]
    assert together == alone


def test_what_is_no_number_gives_no_token_and_leaves_the_others_alone():
    logits = torch.tensor([[0.0, float("nan")], [0.0, 1.0], [float("inf"), 0.0]])
    warm = Sampling(temperature=1.0, top_p=0.001)
    assert choose(logits, [Sampling(), warm, warm], [Draws(0)] * 3) == [None, 1, None]


def test_log_probabilities_are_those_of_the_raw_distribution():
    logits = torch.randn(2, 9, generator=torch.Generator().manual_seed(3))
    first, second = score(logits, [4, 0], [0, 3])
    expected = logits.log_softmax(dim=-1)
    assert first.logprob == expected[0, 4].item()
    assert first.top == ()
    assert [token for token, _ in second.top] == expected[1].topk(3).indices.tolist()
    assert [value for _, value in second.top] == expected[1].topk(3).values.tolist()
