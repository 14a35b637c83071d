"""Facts asked again: what a view says to the probes of facts that lost rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.intake import storable
from app.services.replacing import Touched
from model.base.checkpoint import Checkpoint
from model.engine.offline import Ask, generate
from model.evaluate import matches
from model.memory.table import View


@dataclass(frozen=True)
class Retold:
    """What a view says to a fact's probe, as it can be stored, and the fact whose row opens to it, if any."""

    touched: Touched
    said: str
    opened: int | None

    @property
    def right(self) -> bool:
        """Whether that is its answer still."""
        return matches(self.said, self.touched.answer)


def retell(checkpoint: Checkpoint, view: View, touched: Sequence[Touched]) -> list[Retold]:
    """Ask probes of a view, on the thread that runs the model. Raises NotFinite."""
    prompts = checkpoint.prompts
    asks = [Ask(prompts.question(each.text), view, prompts.probe_tokens(each.answer)) for each in touched]
    return [
        Retold(each, storable(prompts.text(done.ids)), done.citations[0].fact if done.citations else None)
        for each, done in zip(touched, generate(checkpoint, asks), strict=True)
    ]
