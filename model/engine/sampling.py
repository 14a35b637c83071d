"""How the next token is chosen: the settings of a request, and the choice for a batch of logits.

Shapes: B rows · W vocabulary · k most probable tokens of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_MIN_TEMPERATURE, _MAX_TEMPERATURE, _MAX_STOPS, _MAX_ALTERNATIVES = 1e-5, 2.0, 4, 20
_SHORTLIST = 64  # tokens among which a nucleus is looked for before all are sorted


@dataclass(frozen=True)
class Sampling:
    """What a caller may set; ValueError names the field, the value and the limit.

    max_tokens   tokens produced at most, the end token included; None: as many as the positions leave. 0 is for prompts
                 that are only scored
    temperature  0 is greedy, and so is what is below 0.00001; at most 2
    top_p        sample among the most probable tokens that together have this much probability; above 0, at most 1
    seed         the same seed, prompt and version give the same tokens, whatever else is in the batch
    stop         at most 4 strings; the answer ends before the first of them
    logprobs     alternatives named beside each chosen token, 0 to 20; None: no log-probabilities at all. They are of
                 the raw distribution, whatever the temperature
    echo         whether the tokens of the prompt get log-probabilities, too
    """

    max_tokens: int | None = 32
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    echo: bool = False

    def __post_init__(self) -> None:
        if self.max_tokens is not None and self.max_tokens < (0 if self.echo else 1):
            raise ValueError(f"max_tokens is {self.max_tokens}; it must be at least 1, or 0 with echo")
        if not 0 <= self.temperature <= _MAX_TEMPERATURE:
            raise ValueError(f"temperature is {self.temperature}; it must be from 0 to {_MAX_TEMPERATURE:g}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if len(self.stop) > _MAX_STOPS:
            raise ValueError(f"stop has {len(self.stop)} strings; at most {_MAX_STOPS} are taken")
        if not all(self.stop):
            raise ValueError("stop has an empty string; each must have at least one character")
        if self.logprobs is not None and not 0 <= self.logprobs <= _MAX_ALTERNATIVES:
            raise ValueError(f"logprobs is {self.logprobs}; it must be from 0 to {_MAX_ALTERNATIVES}")

    @property
    def greedy(self) -> bool:
        """Whether the most probable token is taken; logits divided by less are no numbers any more."""
        return self.temperature < _MIN_TEMPERATURE

    @property
    def scores_prompt(self) -> bool:
        """Whether log-probabilities of the prompt's tokens are wanted."""
        return self.echo and self.logprobs is not None


@dataclass(frozen=True)
class TokenScores:
    """Log-probability of a chosen token, and the best alternatives, most probable first."""

    logprob: float
    top: tuple[tuple[int, float], ...]


class Draws:
    """The random numbers of one request, in [0, 1): its own, so that its neighbours change none of them."""

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._numbers: np.random.Generator | None = None

    def next(self) -> float:
        """One more."""
        if self._numbers is None:  # most requests are greedy and never need one
            self._numbers = np.random.default_rng(None if self._seed is None else self._seed % (1 << 64))
        return self._numbers.random()


def choose(logits: Tensor, samplings: Sequence[Sampling], draws: Sequence[Draws]) -> list[int | None]:
    """The next token of each row of logits (B, W); None where they are no numbers."""
    best, token = logits.max(dim=-1)
    tokens: list[int | None] = token.tolist()
    finite = best.isfinite().tolist()
    sampled = [row for row, sampling in enumerate(samplings) if not sampling.greedy and finite[row]]
    for nucleus in (False, True):
        rows = [row for row in sampled if (samplings[row].top_p < 1) == nucleus]
        if rows:
            temperature = logits.new_tensor([samplings[row].temperature for row in rows])
            probability = (logits[rows] / temperature[:, None]).softmax(dim=-1)
            number = torch.tensor([draws[row].next() for row in rows], device=logits.device, dtype=torch.float64)
            top_p = number.new_tensor([samplings[row].top_p for row in rows])
            drawn = _draw_nucleus(probability, number, top_p) if nucleus else _draw(probability, number)
            for row, chosen in zip(rows, drawn.tolist(), strict=True):
                tokens[row] = chosen
    return [token if ok else None for token, ok in zip(tokens, finite, strict=True)]


def score(logits: Tensor, tokens: Sequence[int], counts: Sequence[int]) -> list[TokenScores]:
    """Log-probabilities of `tokens` (B,) under logits (B, W), with `counts` (B,) alternatives each."""
    scores = logits.log_softmax(dim=-1)
    own = scores.gather(1, torch.tensor(tokens, device=logits.device)[:, None])[:, 0].tolist()
    best, index = scores.topk(min(max(counts), scores.shape[1]), dim=-1)
    rows = zip(own, index.tolist(), best.tolist(), counts, strict=True)
    return [TokenScores(mine, tuple(zip(ids[:n], values[:n], strict=True))) for mine, ids, values, n in rows]


def _draw(probability: Tensor, number: Tensor) -> Tensor:
    """The token at which the running sum of probabilities (B, W) passes number (B,) of their sum: (B,)."""
    mass = probability.double().cumsum(dim=-1)
    return torch.searchsorted(mass, (number * mass[:, -1])[:, None], right=True)[:, 0].clamp(max=mass.shape[1] - 1)


def _draw_nucleus(probability: Tensor, number: Tensor, top_p: Tensor) -> Tensor:
    """The same among the most probable tokens that together have `top_p` (B,). Sorts all only where it must."""
    values, index = probability.topk(min(_SHORTLIST, probability.shape[1]), dim=-1)
    mass = values.double().cumsum(dim=-1)
    drawn = index.gather(1, _position(mass, number, top_p)[:, None])[:, 0]
    longer = (mass[:, -1] < top_p).nonzero()[:, 0]
    if len(longer):
        values, index = probability[longer].sort(dim=-1, descending=True, stable=True)
        position = _position(values.double().cumsum(dim=-1), number[longer], top_p[longer])
        drawn[longer] = index.gather(1, position[:, None])[:, 0]
    return drawn


def _position(mass: Tensor, number: Tensor, top_p: Tensor) -> Tensor:
    """Where the running sum `mass` (B, k) passes number (B,) of what lies within top_p (B,): (B,)."""
    last = (mass < top_p[:, None]).sum(dim=-1).clamp(max=mass.shape[1] - 1)
    within = mass.gather(1, last[:, None])
    return (mass <= number[:, None] * within).sum(dim=-1).minimum(last)
