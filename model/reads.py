"""What a memory layer reads at chosen places, kept so that learning can hold their bags still.

Shapes: P places · R reads a place · S chosen slots.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Reads:
    """Addresses of places: slots (P, R) int64 and their weights (P, R), as one memory layer computes them."""

    slots: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.slots)

    def __getitem__(self, places: Tensor) -> "Reads":
        return Reads(self.slots[places], self.weights[places])

    def to(self, device: torch.device | str) -> "Reads":
        """The same on `device`."""
        return Reads(self.slots.to(device), self.weights.to(device))

    def on(self, slots: Tensor) -> Tensor:
        """The places as rows of a dense matrix over `slots` (S,): (P, S), 0 where a slot is not read."""
        if not len(slots):
            return self.weights.new_zeros(len(self), 0)
        distinct, column = torch.unique(slots, return_inverse=True)
        position = torch.searchsorted(distinct, self.slots).clamp(max=len(distinct) - 1)
        weights = self.weights * (distinct[position] == self.slots)
        on_distinct: Tensor = weights.new_zeros(len(self), len(distinct)).scatter_add_(1, position, weights)
        return on_distinct[:, column]


def joined(parts: Iterable[Reads]) -> Reads | None:
    """All places of `parts`, in order; None when there are no parts."""
    kept = list(parts)
    if not kept:
        return None
    return Reads(torch.cat([part.slots for part in kept]), torch.cat([part.weights for part in kept]))


class ReadIndex:
    """Which places read a slot: an inverted index over `reads`."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self._slots, order = reads.slots.flatten().sort()
        self._places = order // reads.slots.shape[1]
        self._weights = reads.weights.flatten()[order]
        self.squares = float(self._weights.double().square().sum())

    def sums(self, slots: Tensor, power: int) -> Tensor:
        """The sum over places of the weights, to a power, with which they read each of `slots` (S,): (S,)."""
        postings, lengths = self._postings(slots)
        which = torch.arange(len(slots)).repeat_interleave(lengths)
        return self._weights.new_zeros(len(slots)).index_add_(0, which, self._weights[postings] ** power)

    def nearest(self, slots: Tensor, count: int) -> tuple[Reads, Tensor]:
        """The at most `count` places that read most of `slots` (S,), and the weight (count,) with which they do."""
        postings, _ = self._postings(slots)
        weight = self._weights.new_zeros(len(self.reads))
        weight.index_add_(0, self._places[postings], self._weights[postings])
        best = weight.topk(min(count, len(weight)))
        found = best.values > 0
        return self.reads[best.indices[found]], best.values[found]

    def _postings(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Where all that is read of `slots` (S,) stands, slot by slot, and how much that is of each: (S,)."""
        start, end = torch.searchsorted(self._slots, slots), torch.searchsorted(self._slots, slots, right=True)
        lengths = end - start
        shift = (end - lengths.cumsum(0)).repeat_interleave(lengths)
        return torch.arange(len(shift)) + shift, lengths  # start … end - 1 of every slot


@dataclass(frozen=True, eq=False)
class Held:
    """Places whose bags learning holds still: background text and earlier facts, in indices of growing size.

    Never changed: `adding` makes another one that shares what it can, so that every version can keep its own.
    """

    levels: tuple[ReadIndex, ...] = ()

    def adding(self, reads: Reads) -> "Held":
        """This and `reads`; an index is built again only when what came after it has grown as large."""
        levels, parts = list(self.levels), [reads]
        while levels and len(levels[-1].reads) <= sum(map(len, parts)):
            parts.insert(0, levels.pop().reads)
        whole = joined(parts)
        return self if whole is None or not len(whole) else Held((*levels, ReadIndex(whole)))

    def volume(self, slots: Tensor, table: int) -> Tensor:
        """How much the places read each of `slots` (S,): squared weights, in multiples of the mean over all `table`."""
        mean = sum(level.squares for level in self.levels) / table
        return self._sums(slots, 2) / max(mean, 1e-30)

    def common(self, slots: Tensor) -> Tensor:
        """The sum of the places' weights at each of `slots` (S,), over the root of the number of places.

        A change of rows that is orthogonal to it moves the places by nothing on average.
        """
        return self._sums(slots, 1) / math.sqrt(max(1, sum(len(level.reads) for level in self.levels)))

    def _sums(self, slots: Tensor, power: int) -> Tensor:
        return sum((level.sums(slots, power) for level in self.levels), torch.zeros(len(slots)))

    def nearest(self, slots: Tensor, count: int) -> tuple[Reads, Tensor]:
        """The at most `count` places that read most of `slots` (S,), and how much they read of them."""
        found = [level.nearest(slots, count) for level in self.levels]
        every = joined(reads for reads, _ in found)
        if every is None:
            return Reads(slots.new_empty(0, 1), torch.empty(0, 1)), torch.empty(0)
        best = torch.cat([weight for _, weight in found]).topk(min(count, len(every)))
        return every[best.indices], best.values


def nearest_of(sources: Sequence[tuple[Held, Tensor]], count: int) -> list[Reads]:
    """Of each source the places that are among the `count` of all which read most of its slots (S,)."""
    found = [held.nearest(slots, count) for held, slots in sources]
    best = torch.cat([weights for _, weights in found]).topk(min(count, sum(len(reads) for reads, _ in found)))
    return [reads[weights >= best.values.min()] if len(reads) else reads for reads, weights in found]
