"""Anchors: what a version differs from the base in, in parts, so that a cold start needs no long path of deltas.

Shapes: S slots of a part · W width of a row. An anchor is the composed delta from the base. Its parts are deltas that
follow each other in ascending slots and are each read and checked by themselves.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

import torch

from model.errors import WrongState
from model.memory.delta import Delta
from model.memory.table import ValueTable, View

PART_BYTES = 1 << 18  # of rows


def parts_of(table: ValueTable, view: View) -> Iterator[Delta]:
    """The anchor of the version that `view` shows, part by part; none where it differs from the base in nothing.

    Raises WrongState when the rows of the view are damaged.
    """
    if table.state_of(view) != view.state_hash:
        raise WrongState("the view's rows are not those that it was entered with")
    size = max(1, PART_BYTES // (table.width * table.rows.element_size()))
    changed = table.changed_slots(view)
    for start in range(0, len(changed), size):
        slots = changed[start : start + size]
        rows, which = torch.unique(table.rows_of(view, slots).long(), return_inverse=True)
        yield Delta(slots, table.rows[rows].cpu(), which.cpu())


def from_base(table: ValueTable, parts: Iterable[Delta]) -> Delta:
    """The delta from the base to the version of an anchor.

    Raises DeltaError when the parts do not follow each other; whether they fit into the table, entering it tells.
    """
    none = Delta(torch.empty(0, dtype=torch.int64), torch.empty(0, table.width, dtype=table.rows.dtype))
    kept = [none, *parts]
    begins = accumulate((len(part.rows) for part in kept), initial=0)
    which = torch.cat([part.which + begin for part, begin in zip(kept, begins, strict=False)])
    return Delta(torch.cat([part.slots for part in kept]), torch.cat([part.rows for part in kept]), which)
