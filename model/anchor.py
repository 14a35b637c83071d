"""Anchors: what a version differs from the base in, in parts, so that a cold start needs no long path of deltas.

Shapes: S slots of a part · V value width. An anchor is the composed delta from the base without the base's own rows,
which every engine has. Its parts follow each other in ascending slots and are each read and checked by themselves.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from safetensors.torch import save
from torch import Tensor

from model.delta import Delta, in_few_bits, tensors_in
from model.errors import DeltaError, WrongState
from model.values import ValueTable, View

PART_BYTES = 1 << 18  # of rows


@dataclass(frozen=True, eq=False)
class AnchorPart:
    """Rows (S, V) that a version has at `slots` (S,) int64, where the base has others; in 16 bits if they fit."""

    slots: Tensor
    rows: Tensor

    def to_bytes(self) -> bytes:
        """The part as a safetensors file."""
        return save({"slots": self.slots, "rows": self.rows.contiguous()})

    @staticmethod
    def from_bytes(data: bytes | bytearray) -> "AnchorPart":
        """Read `to_bytes`; raises DeltaError when the bytes are not a part."""
        tensors = tensors_in(data)
        if set(tensors) != {"slots", "rows"}:
            raise DeltaError(f"{len(data)} bytes hold {sorted(tensors)}, which is no part of an anchor")
        return AnchorPart(tensors["slots"], tensors["rows"])


def parts_of(table: ValueTable, view: View) -> Iterator[AnchorPart]:
    """The anchor of the version that `view` shows, part by part; none where it differs from the base in nothing.

    Raises WrongState when the rows of the view are damaged.
    """
    if table.state_of(view) != view.state_hash:
        raise WrongState("the view's rows are not those that it was entered with")
    size = max(1, PART_BYTES // (table.value_width * table.rows.element_size()))
    changed = table.changed_slots(view)
    for start in range(0, len(changed), size):
        slots = changed[start : start + size]
        yield AnchorPart(slots, in_few_bits(table.read(view, slots).cpu()))


def from_base(table: ValueTable, parts: Iterable[AnchorPart]) -> Delta:
    """The delta from the base to the version of an anchor.

    Raises DeltaError when the parts do not follow each other; whether they fit into the table, entering it tells.
    """
    kept = list(parts)
    if not kept:
        return Delta(torch.empty(0, dtype=torch.int64), torch.empty(0, table.value_width, dtype=table.rows.dtype))
    return Delta(torch.cat([part.slots for part in kept]), torch.cat([part.rows for part in kept]))
