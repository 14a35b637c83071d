"""The memory beside a model: what places ask, and which row of a view is read there. Knows no transformer.

Of the rows that a place finds in its slots those open whose key is near enough, in both halves, whose demand is met by
the words that are asked, and whose stem is the place's. The nearest of them is read, its value alone; where none
opens the read is nothing at all.
Shapes: P places · R addresses read by a place · Y ways of an address · D width of a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.memory.demand import Demand
from model.memory.query import Addressing, Query
from model.memory.rows import RowLayout, Written
from model.memory.sketch import NOTHING, Spoken, Words
from model.memory.stem import EMPTY, permuted
from model.memory.table import ValueTable, View


@dataclass(frozen=True)
class Asked:
    """What the place asks where an answer begins, which all later places of that answer carry on.

    what, whom  halves of the query, (A,), (B,)
    slots       (R, Y) int64 that it reads where the stem is empty: the ways of its addresses
    scores      (R,) how near these are
    words       that are said
    """

    what: Tensor
    whom: Tensor
    slots: Tensor
    scores: Tensor
    words: Words = NOTHING


@dataclass(frozen=True)
class Opened:
    """The row that is read at a place.

    fact   its owner
    gate   how far it opened: 0 at its thresholds, 1 where the query is the key
    near   (2,) similarity of query and key, of what and of whom
    value  (D,) float32
    demand its words
    """

    fact: int
    gate: float
    near: Tensor
    value: Tensor
    demand: Demand


@dataclass(frozen=True)
class Looked:
    """A place to be looked up: what it asks, the stem it stands behind, the view that it reads."""

    asked: Asked
    view: View
    stem: int = EMPTY


def query(asked: Sequence[Asked]) -> Query:
    """What is asked at several places, as one."""
    return Query(torch.stack([each.what for each in asked]), torch.stack([each.whom for each in asked]))


class Memory:
    """An addressing and a table of rows. Methods that read may run on any thread, beside views that are built."""

    def __init__(self, addressing: Addressing, table: ValueTable) -> None:
        self.addressing, self.table = addressing, table
        self.layout = RowLayout(addressing.config)

    def ask(self, states: Mapping[int, Tensor], spoken: Sequence[Spoken]) -> list[Asked]:
        """Feed-forward inputs (P, D) of the addressing's layers, and what the user's words tell → what P places ask."""
        asked = self.addressing.query(states, torch.from_numpy(np.stack([each.sketch for each in spoken])))
        words = [each.words for each in spoken]
        return [Asked(*each) for each in zip(asked.what, asked.whom, *self.addressing.slots(asked), words, strict=True)]

    def read(self, places: Sequence[Looked]) -> list[Opened | None]:
        """The row that is read at each place; None where nothing opens."""
        opened: list[Opened | None] = [None] * len(places)
        found, rows = self._candidates(places)
        if not len(found):
            return opened
        what, whom, thresholds = self.layout.opening(self.table.rows, rows)
        asked = query([place.asked for place in places])
        near = torch.stack([(what * asked.what[found]).sum(dim=1), (whom * asked.whom[found]).sum(dim=1)], dim=1)
        room = near - thresholds
        opens = (room >= 0).all(dim=1)
        gates = (room / (1 - thresholds).clamp(min=1e-3)).amin(dim=1).clamp(0, 1)[opens]
        at, near, written = found[opens].tolist(), near[opens], self.layout.unpack(self.table.rows[rows[opens]])
        owners, demands = written.owners.tolist(), written.demands.tolist()
        # the nearest of a place comes last; of facts that are equally near the one that came last
        for row in np.lexsort((owners, near.sum(dim=1).cpu().numpy())).tolist():
            demand = Demand.of(demands[row])
            if demand.is_met_by(places[at[row]].asked.words):
                opened[at[row]] = Opened(owners[row], float(gates[row]), near[row], written.values[row], demand)
        return opened

    def owners(self, view: View, slots: Tensor) -> Tensor:
        """The facts that own `slots` (S,) as `view` sees them, 0 where nobody has written: (S,) int64."""
        return self.layout.owners(self.table.rows, self.table.rows_of(view, slots).long()).cpu()

    def keys(self, view: View) -> Written:
        """The rows of a view that stand where answers begin, each once: what a query is compared with, if found."""
        numbers = self.table.rows_of(view, self.table.changed_slots(view)).long()
        numbers = torch.unique(numbers)
        return self.layout.unpack(self.table.rows[numbers[self.layout.stems(self.table.rows, numbers) == EMPTY]])

    def _candidates(self, places: Sequence[Looked]) -> tuple[Tensor, Tensor]:
        """Which places find which written rows of their stems in their slots, each pair once: two of (n,)."""
        if not places:
            return torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
        N = self.table.slots
        slots = torch.stack([permuted(place.asked.slots.flatten(), place.stem, N) for place in places])  # (P, R·Y)
        views = torch.tensor([place.view.place for place in places], device=slots.device)
        rows = self.table.rows_at(self.table.origins(views)[:, None], slots)
        every = len(self.table.rows)
        pairs = torch.unique(rows.nonzero()[:, 0] * every + rows[rows != 0])
        found, rows = pairs // every, pairs % every
        stems = torch.tensor([place.stem for place in places], device=rows.device)
        own = self.layout.stems(self.table.rows, rows) == stems[found]
        return found[own], rows[own]
