"""Facts asked again: what a view says to the probes of facts that lost rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.intake import storable
from app.services.replacing import Touched
from model.base.prompts import Prompts
from model.facts import Probe
from model.learn.probing import Prober
from model.memory.table import View


@dataclass(frozen=True)
class Retold:
    """What a view says to a fact's probe, as it can be stored, and the fact whose row opens to it, if any.

    said   as far as it says the answer, and the first word that it says instead
    right  whether that is its answer still
    """

    touched: Touched
    said: str
    right: bool
    opened: int | None


def retell(prober: Prober, prompts: Prompts, view: View, touched: Sequence[Touched]) -> list[Retold]:
    """Ask probes of a view, on the thread that runs the model."""
    told = prober.asked(view, [Probe(each.text, each.answer, held_out=False) for each in touched])
    return [
        Retold(each, storable(prompts.text(said.ids)), said.ids == prompts.answer(each.answer), said.opened)
        for each, said in zip(touched, told, strict=True)
    ]
