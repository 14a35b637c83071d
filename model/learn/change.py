"""The rows of one fact: for each key a row at every place of the answer, in slots that are nobody else's.

Shapes: L tokens of an answer, its end token included · S slots · W width of a row.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from model.config import LearnConfig
from model.learn.choose import SlotUses, access_counts, choose
from model.learn.keys import Key
from model.memory.delta import Delta
from model.memory.memory import Memory
from model.memory.rows import Written
from model.memory.stem import permuted, stems
from model.memory.table import View


class FactChange:
    """Collects the rows of one fact on top of a view. Slots of `freed` facts count as free.

    frequency  (n·n,) how many documents read each address, see `choose.document_frequency`
    """

    def __init__(
        self, memory: Memory, view: View, fact: int, freed: Sequence[int], frequency: Tensor, config: LearnConfig
    ) -> None:
        self._frequency = frequency
        self._memory, self._view, self._fact, self._config = memory, view, fact, config
        self._freed = torch.tensor([0, *freed])
        self._slots: list[int] = []
        self._which: list[int] = []
        self._rows: list[Written] = []
        self.uses: list[SlotUses] = []

    def write(self, key: Key, answer: Sequence[int], values: Tensor) -> bool:
        """Write the values (L, D) of `answer`, ids with the end token; False where a place has no slot left."""
        config, background = self._memory.addressing.config, self._memory.addressing.background
        counts, begun = access_counts(key.asked.scores), (len(self._slots), len(self._rows))
        frequency = self._frequency[key.asked.slots[:, 0].cpu() // config.ways]
        for value, stem in zip(values, stems(answer[:-1]), strict=True):
            slots = permuted(key.asked.slots, stem, self._memory.table.slots)
            uses = choose(
                slots,
                counts,
                frequency,
                self._owned(slots),
                queries=background.queries,
                t=config.top_t,
                owner_weight=self._config.owner_weight,
            )
            if not uses.slots:
                self._forget(*begun)
                return False
            self._slots += uses.slots
            self._which += [len(self._rows)] * len(uses.slots)
            self._rows.append(self._written(key, value, stem))
            self.uses.append(uses)
        return True

    def _forget(self, slots: int, rows: int) -> None:
        """Keep the first of what was written: a key with rows at some places of its answer alone would spoil it."""
        del self._slots[slots:], self._which[slots:], self._rows[rows:], self.uses[rows:]

    def delta(self) -> Delta:
        """The rows that were written, and zeros where the freed facts had theirs."""
        rows = self._memory.layout.pack(Written.joined(self._rows)).cpu()
        slots, order = torch.tensor(self._slots).sort()
        own = Delta(slots, rows, torch.tensor(self._which)[order])
        return removal(self._memory, self._view, self._freed[1:].tolist()).then(own)

    def _owned(self, slots: Tensor) -> Tensor:
        """Which slots (R, Y) another fact owns, or this one has taken: bool (R, Y)."""
        owners = self._memory.owners(self._view, slots.flatten())
        mine = torch.isin(slots.flatten(), torch.tensor(self._slots, dtype=torch.int64))
        return (mine | ~torch.isin(owners, self._freed)).view_as(slots)

    def _written(self, key: Key, value: Tensor, stem: int) -> Written:
        value, what, whom, thresholds = (
            row.float().cpu()[None] for row in (value, key.asked.what, key.asked.whom, key.thresholds)
        )
        demands = torch.tensor([key.demand.numbers()])
        return Written(value, what, whom, thresholds, demands, torch.tensor([stem]), torch.tensor([self._fact]))


def owned_slots(memory: Memory, view: View, facts: Sequence[int]) -> Tensor:
    """The slots in which rows of `facts` stand, ascending: (S,) int64."""
    slots = memory.table.changed_slots(view)
    return slots[torch.isin(memory.owners(view, slots), torch.tensor(list(facts), dtype=torch.int64))]


def removal(memory: Memory, view: View, facts: Sequence[int]) -> Delta:
    """The delta that takes the rows of `facts` out of a view."""
    slots = owned_slots(memory, view, facts) if facts else torch.empty(0, dtype=torch.int64)
    zeros = torch.zeros(1, memory.layout.width, dtype=memory.table.rows.dtype)
    return Delta(slots, zeros, torch.zeros_like(slots))
