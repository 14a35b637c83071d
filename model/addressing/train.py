"""The two projections of a query, trained on states of a frozen base, and the sub-keys of its product keys.

*What is asked* sees only other questions about the same subject as negatives; *whom it is about* sees everything: the
same asked of others, near-namesakes, other questions and background. InfoNCE: https://arxiv.org/abs/1807.03748.
Shapes: T texts · E layers of a half · D width of the model · A width of a half · S width of the sketch · n sub-keys.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.addressing.pairs import Item

FAR = -1e4
GROUPS, GROUP_ITEMS, BATCH, BACKGROUND, NEIGHBOURS = 96, 6, 256, 384, 24


@dataclass(frozen=True)
class Projection:
    """unit(weight @ (states - centre)): weight (A, E·D), centre (E·D,), both float32."""

    weight: Tensor
    centre: Tensor

    def __call__(self, states: Tensor) -> Tensor:
        """(T, E·D) → (T, A), rows of unit length."""
        return F.normalize((states.float() - self.centre) @ self.weight.T, dim=1)


class Batches:
    """Which texts are wordings of one item, which items are about one subject, and which ask the same of others."""

    def __init__(self, items: Sequence[Item], item_of_text: Iterable[int], seed: int = 0) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - seeded, not secret
        wordings: dict[int, list[int]] = defaultdict(list)
        for text, item in enumerate(item_of_text):
            wordings[item].append(text)
        self._wordings = {item: texts for item, texts in wordings.items() if len(texts) > 1}
        self._items = list(self._wordings)
        groups, relations = defaultdict(list), defaultdict(list)
        for item in self._items:
            groups[items[item].group].append(item)
            relations[items[item].relation].append(item)
        relations.pop(None, None)
        self._groups = [group for group in groups.values() if len(group) > 1]
        # Sorted by name: near-namesakes come into one batch.
        self._relations = [sorted(r, key=lambda i: items[i].subject or "") for r in relations.values() if len(r) > 3]

    def same_subject(self) -> tuple[list[int], list[int], Tensor]:
        """Two wordings each of items of many subjects, and the number of each one's subject."""
        chosen = self._rng.sample(self._groups, min(GROUPS, len(self._groups)))
        drawn = [self._rng.sample(group, min(GROUP_ITEMS, len(group))) for group in chosen]
        numbers = torch.tensor([number for number, group in enumerate(drawn) for _ in group])
        return *self._pairs([item for group in drawn for item in group]), numbers

    def mixed(self, step: int) -> tuple[list[int], list[int]]:
        """Two wordings each of items: by turns of a few relations, of a few subjects, of anything."""
        kinds = (self._of_relations, self._of_subjects, self._of_any)
        return self._pairs(list(dict.fromkeys(kinds[step % 3]())))

    def any(self, size: int) -> tuple[list[int], list[int]]:
        """Two wordings each of items drawn at random."""
        return self._pairs(self._rng.sample(self._items, min(size, len(self._items))))

    def background(self, size: int) -> list[int]:
        """Which of `size` background queries take part in a step."""
        return [self._rng.randrange(size) for _ in range(min(BACKGROUND, size))]

    def _of_any(self) -> list[int]:
        return self._rng.sample(self._items, min(BATCH, len(self._items)))

    def _of_relations(self) -> list[int]:
        found: list[int] = []
        while len(found) < BATCH and self._relations:
            relation = self._rng.choice(self._relations)
            first = self._rng.randrange(max(1, len(relation) - NEIGHBOURS + 1))
            found += relation[first : first + NEIGHBOURS]
        return found

    def _of_subjects(self) -> list[int]:
        found: list[int] = []
        while len(found) < BATCH:
            found += self._rng.choice(self._groups)
        return found

    def _pairs(self, items: list[int]) -> tuple[list[int], list[int]]:
        drawn = [self._rng.sample(self._wordings[item], 2) for item in items]
        return [pair[0] for pair in drawn], [pair[1] for pair in drawn]


def what_is_asked(states: Tensor, batches: Batches, width: int, steps: int = 1500, seed: int = 0) -> Projection:
    """The half that tells apart what is asked about one subject: temperature .1, dropout .2."""

    def loss(project: Callable[[Tensor, float], Tensor], _step: int) -> Tensor:
        left, right, numbers = batches.same_subject()
        halves = project(states[left + right], 0.2)
        a, b = halves[: len(left)], halves[len(left) :]
        other = numbers[:, None] != numbers[None]
        itself = other | torch.eye(len(left), dtype=torch.bool)
        scores = (a @ b.T / 0.1).masked_fill(other, FAR)
        of_a, of_b = ((half @ half.T / 0.1).masked_fill(itself, FAR) for half in (a, b))
        target = torch.arange(len(left))
        return F.cross_entropy(torch.cat([scores, of_a], 1), target) + F.cross_entropy(
            torch.cat([scores.T, of_b], 1), target
        )

    return _trained(states, loss, width, steps, seed)


def whom_it_is_about(
    states: Tensor, background: Tensor, batches: Batches, width: int, steps: int = 2000, seed: int = 0
) -> Projection:
    """The half that tells subjects and their neighbours apart: temperature .05, dropout .1."""

    def loss(project: Callable[[Tensor, float], Tensor], step: int) -> Tensor:
        left, right = batches.mixed(step)
        drawn = batches.background(len(background))
        halves = project(torch.cat([states[left + right], background[drawn]]), 0.1)
        a, b, never = halves[: len(left)], halves[len(left) : 2 * len(left)], halves[2 * len(left) :]
        scores, target = a @ b.T, torch.arange(len(left))
        one = F.cross_entropy(torch.cat([scores, a @ never.T], 1) / 0.05, target)
        return one + F.cross_entropy(torch.cat([scores.T, b @ never.T], 1) / 0.05, target)

    return _trained(states, loss, width, steps, seed)


def _trained(
    states: Tensor, loss: Callable[[Callable[[Tensor, float], Tensor], int], Tensor], width: int, steps: int, seed: int
) -> Projection:
    torch.manual_seed(seed)
    sample = states[torch.randperm(len(states))[:8192]].float()
    centre, scale = sample.mean(0), sample.std(0) + 1e-3
    linear = nn.Linear(states.shape[1], width, bias=False)
    optimizer = torch.optim.AdamW(linear.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def project(rows: Tensor, dropout: float) -> Tensor:
        return F.normalize(linear(F.dropout((rows.float() - centre) / scale, dropout)), dim=1)

    for step in range(steps):
        optimizer.zero_grad()
        lost: Any = loss(project, step)
        lost.backward()
        optimizer.step()
        schedule.step()
    return Projection((linear.weight.detach() / scale).contiguous(), centre)


def sub_keys(
    halves: Tensor, background: Tensor, batches: Batches, count: int, seed: int = 0, steps: int = 200
) -> Tensor:
    """Sub-keys (count, A): wordings of one item find the same, and all together all of them, about evenly.

    From k-means they go on to the largest log Σ p(cell | wording) p(cell | other wording) + entropy of their use.
    K-means alone cuts the space where it is wide, not where wordings differ: it lost two to four times as many facts.
    """
    keys = nn.Parameter(_k_means(torch.cat([halves, background]), count, seed))
    optimizer = torch.optim.Adam([keys], lr=2e-3)
    for _ in range(steps):
        left, right = batches.any(2 * BATCH)
        drawn = torch.randint(len(background), (BATCH,))
        one, other, never = (
            torch.log_softmax(half @ keys.T / 0.1, 1) for half in (halves[left], halves[right], background[drawn])
        )
        use = torch.cat([one, other, never]).exp().mean(0)
        loss: Any = (use * (use + 1e-9).log()).sum() - torch.logsumexp(one + other, 1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return keys.detach()


def _k_means(halves: Tensor, count: int, seed: int, rounds: int = 6) -> Tensor:
    torch.manual_seed(seed)
    centres = halves[torch.randperm(len(halves))[:count]].clone()
    for _ in range(rounds):
        nearest = (halves @ centres.T).argmax(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, halves)
        empty = torch.bincount(nearest, minlength=count) == 0
        sums[empty] = halves[torch.randint(len(halves), (int(empty.sum()),))]
        centres = F.normalize(sums, dim=1)
    return centres
