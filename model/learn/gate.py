"""The gate: what a version does to that which was never taught.

Where no row opens, logits are those of the base, bit for bit. So it is enough to compare background queries, which must
open nothing, with the keys of a version: with all of them, whether their slots would be found or not.
Shapes: Q background queries · F keys.
"""

from dataclasses import dataclass

from model.base.checkpoint import Checkpoint
from model.memory.table import View


@dataclass(frozen=True)
class Drift:
    """How many background queries were asked, and how many of them are near enough to a key of either view."""

    asked: int
    opened_before: int
    opened_after: int

    @property
    def share(self) -> float:
        """Of the queries, those that are near enough to a key of the later view and were not before."""
        return max(0, self.opened_after - self.opened_before) / self.asked if self.asked else 0.0


class Gate:
    """Compares the bank of one checkpoint's memory folder with the keys of views."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._memory = checkpoint.memory
        self._bank = checkpoint.memory.addressing.background.bank
        self._last: tuple[str, int] = (checkpoint.table.base.state_hash, 0)

    def drift(self, before: View, after: View) -> Drift:
        """Compare two views; the later one is often the earlier one of the next job, and is not asked again."""
        state, opened = self._last
        earlier = opened if state == before.state_hash else self._opened(before)
        later = self._opened(after)
        self._last = after.state_hash, later
        return Drift(len(self._bank), earlier, later)

    def _opened(self, view: View) -> int:
        keys = self._memory.keys(view)
        what, whom = (half.cpu() for half in (keys.what, keys.whom))
        thresholds = keys.thresholds.cpu()
        near = (self._bank.what @ what.T >= thresholds[:, 0]) & (self._bank.whom @ whom.T >= thresholds[:, 1])  # (Q, F)
        return int(near.any(dim=1).sum())
