"""The K best of all N = n·n slots, from the scores of 2 n half-keys a head. Knows no weights and no values.

Lample et al. 2019, https://arxiv.org/abs/1907.05242, section 3.1: a slot's score is the sum of the scores of its two
half-keys, so the K best slots are among the K × K pairs of the K best half-keys of either side. Sorted both ways, pair
(i, j) has (i+1)(j+1) pairs at least as good, itself included, so only pairs with (i+1)(j+1) ≤ K can be among them.
Shapes: P places · H heads · n half-keys a side · K slots read a head · S ≤ K·log K pairs.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Marks = NDArray[np.int64]

MAX_SUB_KEYS = 1 << 14  # a slot's number must fit into the 29 bits of a double that a float32 leaves at zero
_SORTED = 256  # up to so many values NumPy sorts in registers
_PLACES = 1_024  # looked up together: what they need stays in the processor's cache


class PairLookup:
    """Looks up the `top_k` best slots of n·n for each head."""

    def __init__(self, sub_keys: int, top_k: int) -> None:
        if sub_keys > MAX_SUB_KEYS:
            raise ValueError(f"MemoryConfig.sub_keys is {sub_keys}; it must be at most {MAX_SUB_KEYS}")
        self._n, self._K = sub_keys, top_k
        pairs = [(i, j) for i in range(top_k) for j in range(top_k) if (i + 1) * (j + 1) <= top_k]
        self._first, self._second = np.array(pairs).T.copy()  # (S,)
        self._pairs: dict[torch.device, Tensor] = {}  # device → (2, S)

    def __call__(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Half-key scores (H, 2, P, n) float32 → slots (P, H, K) int64 and their scores (P, H, K), best first.

        Both ways of doing it give the same bits; slots of equal score may come in another order.
        """
        if scores.device.type == "cpu" and not (scores.requires_grad and torch.is_grad_enabled()):
            parts = [self._sorted(part.numpy()) for part in torch.split(scores.detach(), _PLACES, dim=2)]
            slots, best = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
            return torch.from_numpy(slots), torch.from_numpy(best)
        return self._selected(scores)

    def _selected(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """By torch.topk: on any device, and with a gradient."""
        if scores.device not in self._pairs:
            self._pairs[scores.device] = torch.from_numpy(np.stack([self._first, self._second])).to(scores.device)
        first, second = self._pairs[scores.device]
        best, half = scores.transpose(0, 2).topk(self._K, dim=-1)  # (P, 2, H, K)
        sums = best[:, 0].index_select(-1, first) + best[:, 1].index_select(-1, second)  # (P, H, S)
        score, pair = sums.topk(self._K, dim=-1)  # (P, H, K)
        row, column = half[:, 0].gather(-1, first[pair]), half[:, 1].gather(-1, second[pair])
        return row * self._n + column, score

    def _sorted(self, scores: NDArray[np.float32]) -> tuple[Marks, NDArray[np.float32]]:
        """By sorting values that carry their number, which NumPy does with vector instructions: 4 × as fast."""
        best = _largest(scores, self._K)  # (H, 2, P, K)
        first, second = best[:, 0].take(self._first, axis=-1), best[:, 1].take(self._second, axis=-1)  # (H, P, S)
        row, column = _labels(first, self._n), _labels(second, self._n)
        sums = (_values(first, row) + _values(second, column)).transpose(1, 0, 2)  # (P, H, S)
        slots = (row * self._n + column).transpose(1, 0, 2)
        best = _marked(sums, slots, self._K)
        slots = _labels(best, self._n * self._n)
        return slots, _values(best, slots)


def _largest(values: NDArray[np.float32], K: int) -> Marks:
    """The K largest of the last axis as marks that carry their place in it, largest first: (…, n) → (…, K)."""
    n = values.shape[-1]
    groups = -(-n // _SORTED)
    if groups == 1 or n % groups or n // groups < K or groups * K > n // 2:
        return _marked(values, np.arange(n), K)
    # The K largest are in the K groups with the largest maxima; group g holds the places g, g + G, g + 2 G …
    G = n // groups
    rows = values.reshape(-1, groups, G)
    best = _marked(rows.max(axis=1), np.arange(G), K)
    places = _labels(best, G)[:, None, :] + np.arange(0, n, G)[:, None]  # (rows, groups, K)
    places = places.reshape(len(rows), groups * K)
    members = np.take_along_axis(rows.reshape(-1, n), places, axis=1)
    return _marked(members, places, K).reshape(*values.shape[:-1], K)


def _marked(values: NDArray[np.float32], labels: Marks, K: int) -> Marks:
    """The K largest of the last axis, largest first, each a double whose lowest bits are its label: (…, n) → (…, K)."""
    marks = values.astype(np.float64, order="C")
    bits = marks.view(np.int64)
    bits |= labels
    marks.sort(axis=-1)
    return bits[..., : -K - 1 : -1]


def _labels(marks: Marks, count: int) -> Marks:
    """The labels, below `count`, of marks."""
    return marks & ((1 << (count - 1).bit_length()) - 1)


def _values(marks: Marks, labels: Marks) -> NDArray[np.float32]:
    """The values of marks with these labels, to the bit."""
    return (marks ^ labels).view(np.float64).astype(np.float32)
