"""Forgetting a claimed job's facts: their slots point at the row of zeros, and their probes are asked again.

It opens nothing that was closed, so no background query is asked. It knows the memory and no database.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.db.tables import Json
from app.services.forgetting import ForgottenVersion
from app.services.intake import storable
from app.services.replacing import Touched
from model.base.checkpoint import Checkpoint
from model.engine.offline import Ask, generate
from model.evaluate import matches
from model.learn.change import removal
from model.memory.table import View

_TOGETHER = 32  # probes that are asked between two reports of progress


@dataclass(frozen=True)
class Residual:
    """What a view that has forgotten a fact says to its probe, and the fact whose row opens to it now, if any."""

    asked: Touched
    said: str
    opened: int | None

    @property
    def is_taught(self) -> bool:
        """Whether that is the taught answer still."""
        return matches(self.said, self.asked.answer)

    def told(self) -> Json:
        """As reports show it."""
        return {"fact": self.asked.fact, "said": storable(self.said), "taught": self.is_taught, "opened": self.opened}


class Forgetter:
    """Takes facts out of views of one checkpoint. It belongs to the thread that runs the model."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def forget(
        self,
        view: View,
        facts: Sequence[int],
        asked: Sequence[Touched],
        riders: Sequence[Touched],
        on_progress: Callable[[int], None],
    ) -> ForgottenVersion:
        """The version without the rows of `facts` on top of `view`.

        asked   these facts with their probes
        riders  facts that may be told by their rows: who is not told any more is silenced
        Raises SpareRowsExhausted where the table has no place for the view, and what `on_progress` raises.
        """
        began = time.monotonic()
        table = self._checkpoint.table
        delta = removal(self._checkpoint.memory, view, facts)
        after = table.enter(view, delta)
        try:
            residual = self._residuals(after, asked, on_progress)
            riding = self._residuals(after, riders, lambda done: on_progress(len(asked)))
        finally:
            table.release(after)
        silenced = [each.asked.fact for each in riding if each.opened is None or not each.is_taught]
        return ForgottenVersion(
            delta=delta.to_bytes(),
            state_hash=after.state_hash,
            fingerprint=self._checkpoint.fingerprint,
            slots=len(delta.slots),
            facts=facts,
            silenced=silenced,
            report={
                "facts": {"forgotten": len(facts), "silenced": len(silenced)},
                "slots": len(delta.slots),
                "bytes": delta.nbytes,
                "seconds": round(time.monotonic() - began, 3),
                "residual": [each.told() for each in residual],
                "silenced": silenced,
            },
        )

    def _residuals(self, view: View, asked: Sequence[Touched], on_progress: Callable[[int], None]) -> list[Residual]:
        found: list[Residual] = []
        prompts = self._checkpoint.prompts
        for start in range(0, len(asked), _TOGETHER):
            few = asked[start : start + _TOGETHER]
            asks = [Ask(prompts.question(each.text), view, prompts.probe_tokens(each.answer)) for each in few]
            for each, done in zip(few, generate(self._checkpoint, asks), strict=True):
                opened = done.citations[0].fact if done.citations else None
                found.append(Residual(each, prompts.text(done.ids), opened))
            on_progress(len(found))
        return found
