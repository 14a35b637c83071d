"""Forgetting a claimed job's facts: their slots point at the row of zeros, and their probes are asked again.

It opens nothing that was closed, so no background query is asked. It knows the memory and no database.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from app.services.forgetting import ForgottenVersion
from app.services.replacing import Touched
from model.base.checkpoint import Checkpoint
from model.learn.change import removal
from model.learn.probing import Prober
from model.memory.table import View
from worker.retold import Retold, retell

_TOGETHER = 32  # probes that are asked between two reports of progress


class Forgetter:
    """Takes facts out of views of one checkpoint. It belongs to the thread that runs the model."""

    def __init__(self, checkpoint: Checkpoint, prober: Prober) -> None:
        self._checkpoint, self._prober = checkpoint, prober

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
        emptied = Counter(self._checkpoint.memory.owners(view, delta.slots).tolist())
        after = table.enter(view, delta)
        try:
            residual = self._retold(after, asked, on_progress)
            riding = self._retold(after, riders, lambda done: on_progress(len(asked)))
        finally:
            table.release(after)
        silenced = [each.touched.fact for each in riding if each.opened is None or not each.right]
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
                "residual": [
                    {
                        "fact": each.touched.fact,
                        "said": each.said,
                        "taught": each.right,
                        "opened": each.opened,
                        "slots": emptied[each.touched.fact],
                    }
                    for each in residual
                ],
                "silenced": silenced,
            },
        )

    def _retold(self, view: View, asked: Sequence[Touched], on_progress: Callable[[int], None]) -> list[Retold]:
        found: list[Retold] = []
        for start in range(0, len(asked), _TOGETHER):
            found += retell(self._prober, self._checkpoint.prompts, view, asked[start : start + _TOGETHER])
            on_progress(len(found))
        return found
