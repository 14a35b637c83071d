"""A delta: the rows by which a version differs from its parent. Knows no view, no file, no database.

Shapes: S slots that change · R rows · W width of a row. Slots may have a row in common. Rows are replaced, never added
to: adding and subtracting differences leaves 2.5 % of the entries changed in floating point. What a delta was made from
is not in it: whether it fits, the state hash of what comes of it tells (see state_hash.py).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from math import prod

import torch
from safetensors.torch import save
from torch import Tensor

from model.errors import DeltaError

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
}

_EACH_ITS_OWN = torch.empty(0, dtype=torch.int64)


@dataclass(frozen=True, eq=False)
class Delta:
    """Rows after a change.

    slots  (S,) int64, strictly ascending
    rows   (R, W) that take the place of the parent's; each names the fact that owns it, a row of zeros names none
    which  (S,) int64, the row of each slot; by default each has its own, in their order
    Raises DeltaError on construction when they do not fit together.
    """

    slots: Tensor
    rows: Tensor
    which: Tensor = field(default_factory=lambda: _EACH_ITS_OWN)

    def __post_init__(self) -> None:
        S, R = len(self.slots), len(self.rows)
        if self.which is _EACH_ITS_OWN:
            object.__setattr__(self, "which", torch.arange(R))
        if self.slots.dtype != torch.int64 or self.slots.dim() != 1:
            raise DeltaError(f"slots are {self.slots.dtype} of shape {tuple(self.slots.shape)}, not int64 (S,)")
        if self.rows.dim() != 2 or self.which.dtype != torch.int64 or self.which.shape != self.slots.shape:
            raise DeltaError(
                f"{S} slots come with rows of shape {tuple(self.rows.shape)}, {len(self.which)} of them named"
            )
        if S and not 0 <= int(self.which.min()) <= int(self.which.max()) < R:
            raise DeltaError(f"slots name rows from {int(self.which.min())} to {int(self.which.max())}; there are {R}")
        if S and (int(self.slots[0]) < 0 or not bool((self.slots[1:] > self.slots[:-1]).all())):
            raise DeltaError("slots are not strictly ascending from 0 up")

    @property
    def after(self) -> Tensor:
        """The row of each slot: (S, W)."""
        return self.rows[self.which]

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return self.rows.nbytes

    def then(self, later: "Delta") -> "Delta":
        """This delta followed by `later`, whose rows count where both have some."""
        kept = ~torch.isin(self.slots, later.slots)
        slots, order = torch.cat([self.slots[kept], later.slots]).sort()
        which = torch.cat([self.which[kept], later.which + len(self.rows)])[order]
        used, which = torch.unique(which, return_inverse=True)
        return Delta(slots, torch.cat([self.rows, later.rows])[used], which)

    def to_bytes(self) -> bytes:
        """The delta as a safetensors file."""
        return save({"slots": self.slots.contiguous(), "rows": self.rows.contiguous(), "which": self.which.int()})

    @staticmethod
    def path(steps: Iterable["Delta"]) -> "Delta":
        """One delta for a path of at least one, each made from the state that the one before it leaves.

        Equal sizes are composed first, so that a long path of small deltas costs few copies of the large result.
        """
        composed: list[Delta] = []  # of shrinking size
        for step in steps:
            composed.append(step)
            while len(composed) > 1 and len(composed[-2].slots) <= 2 * len(composed[-1].slots):
                composed[-2:] = [composed[-2].then(composed[-1])]
        return reduce(lambda later, earlier: earlier.then(later), reversed(composed))

    @staticmethod
    def from_bytes(data: bytes | bytearray) -> "Delta":
        """Read `to_bytes`, from a bytearray without a copy; raises DeltaError when the bytes are not a delta."""
        tensors = tensors_in(data)
        if set(tensors) != {"slots", "rows", "which"}:
            raise DeltaError(f"{len(data)} bytes are not a delta: they hold {sorted(tensors)}")
        return Delta(tensors["slots"], tensors["rows"], tensors["which"].long())


def tensors_in(data: bytes | bytearray) -> dict[str, Tensor]:
    """The tensors of a safetensors file in memory. Those of a bytearray share its bytes: nothing is copied.

    The format: https://huggingface.co/docs/safetensors. Raises DeltaError when the bytes are no such file.
    """
    buffer = data if isinstance(data, bytearray) else bytearray(data)
    try:
        start = 8 + int.from_bytes(buffer[:8], "little")
        header = dict(json.loads(buffer[8:start]))
        header.pop("__metadata__", None)
        return {name: _tensor(buffer, start, **entry) for name, entry in header.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise DeltaError(f"{len(data)} bytes are not a delta: {error}") from error


def _tensor(buffer: bytearray, start: int, *, dtype: str, shape: list[int], data_offsets: list[int]) -> Tensor:
    kind, (begin, end) = _DTYPES[dtype], data_offsets
    count = prod(shape)
    fits = 0 <= begin <= end <= len(buffer) - start and end - begin == count * kind.itemsize
    if not fits or min(shape, default=0) < 0:
        raise ValueError(f"bytes {begin} to {end} of {len(buffer) - start} for a tensor {dtype} of shape {shape}")
    if not count:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(buffer, dtype=kind, count=count, offset=start + begin).view(shape)


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same bits (NaN equals itself, 0.0 differs from -0.0)."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))
