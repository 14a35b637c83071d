"""A delta: the rows by which a version differs from its parent. Knows no view, no file, no database.

Shapes: S slots that change · V value width. Rows are replaced, never added to: adding and subtracting
differences leaves 2.5 % of the entries changed in floating point.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from model.errors import DeltaError, WrongState
from model.reads import Reads, joined


@dataclass(frozen=True, eq=False)
class Delta:
    """Rows before and after a change.

    slots   (S,) int64, strictly ascending
    before  (S, V) rows that the change was made from
    after   (S, V) rows that replace them, same dtype
    reads   what the facts of the change read, so that later learning can hold it still; None where nobody learned
    Raises DeltaError on construction when the three do not fit together.
    """

    slots: Tensor
    before: Tensor
    after: Tensor
    reads: Reads | None = None

    def __post_init__(self) -> None:
        S = len(self.slots)
        if self.slots.dtype != torch.int64 or self.slots.dim() != 1:
            raise DeltaError(f"slots are {self.slots.dtype} of shape {tuple(self.slots.shape)}, not int64 (S,)")
        if self.before.shape != self.after.shape or self.before.dim() != 2 or len(self.before) != S:
            shapes = tuple(self.before.shape), tuple(self.after.shape)
            raise DeltaError(f"{S} slots come with rows of shapes {shapes[0]} before and {shapes[1]} after")
        if self.before.dtype != self.after.dtype:
            raise DeltaError(f"rows are {self.before.dtype} before and {self.after.dtype} after")
        if S and (int(self.slots[0]) < 0 or not bool((self.slots[1:] > self.slots[:-1]).all())):
            raise DeltaError("slots are not strictly ascending from 0 up")

    @property
    def nbytes(self) -> int:
        """Bytes of the rows that replace others."""
        return self.after.nbytes

    def apply(self, rows: Tensor) -> None:
        """Replace `rows[slots]` (N, V) in place; raises WrongState when they are not `before`."""
        if len(self.slots) and int(self.slots[-1]) >= len(rows):
            raise WrongState(f"slot {int(self.slots[-1])} is outside of a table of {len(rows)} slots")
        if not same_bits(rows[self.slots], self.before):
            raise WrongState("the rows are not those that this delta was made from")
        rows[self.slots] = self.after

    def inverse(self) -> "Delta":
        """The delta that takes this one back."""
        return Delta(self.slots, self.after, self.before)

    def then(self, later: "Delta") -> "Delta":
        """This delta followed by `later`: earliest before, latest after.

        Raises WrongState when `later` was made from other rows than this one leaves.
        """
        position = torch.searchsorted(self.slots, later.slots)
        inside = position.clamp(max=max(len(self.slots) - 1, 0))
        if len(self.slots):
            shared = self.slots[inside] == later.slots
        else:
            shared = torch.zeros(len(later.slots), dtype=torch.bool)
        if not same_bits(self.after[inside[shared]], later.before[shared]):
            raise WrongState("the later delta was not made from the state that the earlier one leaves")
        after = self.after.clone()
        after[inside[shared]] = later.after[shared]
        slots, order = torch.cat([self.slots, later.slots[~shared]]).sort()
        return Delta(
            slots,
            torch.cat([self.before, later.before[~shared]])[order],
            torch.cat([after, later.after[~shared]])[order],
            joined(reads for reads in (self.reads, later.reads) if reads is not None),
        )

    def to_bytes(self) -> bytes:
        """The delta as a safetensors file."""
        tensors = {"slots": self.slots, "before": self.before, "after": self.after}
        if self.reads is not None:
            tensors |= {"reads.slots": self.reads.slots.int(), "reads.weights": self.reads.weights.bfloat16()}
        return save({name: tensor.contiguous() for name, tensor in tensors.items()})

    @staticmethod
    def path(steps: Iterable[bytes]) -> "Delta":
        """One delta for a path of stored ones, each made from the state that the one before it leaves.

        Raises DeltaError, and WrongState when they do not follow each other.
        """
        return reduce(Delta.then, map(Delta.from_bytes, steps))

    @staticmethod
    def from_bytes(data: bytes) -> "Delta":
        """Read `to_bytes`; raises DeltaError when the bytes are not a delta."""
        try:
            tensors = load(data)
            reads = None
            if "reads.slots" in tensors:
                reads = Reads(tensors["reads.slots"].long(), tensors["reads.weights"].float())
            return Delta(tensors["slots"], tensors["before"], tensors["after"], reads)
        except (SafetensorError, KeyError) as error:
            raise DeltaError(f"{len(data)} bytes are not a delta: {error}") from error


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same bits (NaN equals itself, 0.0 differs from -0.0)."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))
