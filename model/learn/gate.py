"""The gate: what a version does to that which was never taught.

Where no row opens, logits are those of the base, bit for bit. So it is enough to ask which background queries open a row:
the bank of the memory folder, which no fact was made of.
"""

from dataclasses import dataclass

from model.base.checkpoint import Checkpoint
from model.memory.memory import Looked
from model.memory.table import View


@dataclass(frozen=True)
class Drift:
    """How many background queries were asked, and how many of them opened a row of the one view and of the other."""

    asked: int
    opened_before: int
    opened_after: int

    @property
    def share(self) -> float:
        """Of the queries, those that open a row of the later view and were closed before."""
        return max(0, self.opened_after - self.opened_before) / self.asked if self.asked else 0.0


class Gate:
    """Asks the bank of one checkpoint. The slots that it reads are the same for every version, so they are kept."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._memory = checkpoint.memory
        self._asked = self._memory.asked(self._memory.addressing.background.bank)
        self._last: tuple[str, int] = (checkpoint.table.base.state_hash, 0)

    def drift(self, before: View, after: View) -> Drift:
        """Compare two views; the later one is often the earlier one of the next job, and is not asked again."""
        state, opened = self._last
        earlier = opened if state == before.state_hash else self._opened(before)
        later = self._opened(after)
        self._last = after.state_hash, later
        return Drift(len(self._asked), earlier, later)

    def _opened(self, view: View) -> int:
        return sum(opened is not None for opened in self._memory.read([Looked(asked, view) for asked in self._asked]))
