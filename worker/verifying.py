"""Live facts asked again, with questions near some of them, and the bank. It knows the memory and no database."""

from collections.abc import Sequence

from app.services.replacing import Touched
from app.services.verifying import Opened, Verdict
from model.base.checkpoint import Checkpoint
from model.facts import Exchange, Probe
from model.learn.gate import Gate
from model.learn.neighbours import neighbours
from model.learn.probing import Prober
from model.memory.table import View
from worker.retold import retell

_ONE_IN = 8  # facts whose neighbours are asked: others each night


class Verifier:
    """Asks views of one checkpoint what they were taught, and what they were not. It belongs to the model's thread."""

    def __init__(self, checkpoint: Checkpoint, prober: Prober, gate: Gate) -> None:
        self._prompts, self._prober, self._gate = checkpoint.prompts, prober, gate

    def ask(self, view: View, asked: Sequence[Touched]) -> list[Verdict]:
        """What a view says to the probes of facts."""
        told = retell(self._prober, self._prompts, view, asked)
        return [Verdict(each.touched.fact, each.said, each.right) for each in told]

    def near(self, view: View, asked: Sequence[Touched], turn: int) -> Opened:
        """Questions near one fact in eight, made of its probe; open are those that the fact itself opens to.

        turn  another number samples other facts
        A question that opens to another fact may be what that one was taught.
        """
        made = []
        for fact in asked[turn % min(_ONE_IN, len(asked)) :: _ONE_IN] if asked else ():
            near = neighbours(Exchange((fact.text,), fact.answer))
            made += [(fact, text) for text in (*near.beside, *near.others)]
        probes = [Probe(text, fact.answer, held_out=True) for fact, text in made]
        told = self._prober.asked(view, probes) if made else []
        return Opened(len(made), sum(one.opened == fact.fact for (fact, _), one in zip(made, told, strict=True)))

    def bank(self, view: View) -> Opened:
        """Background queries, and how many of them are near enough to a key."""
        found = self._gate.drift(view, view)
        return Opened(found.asked, found.opened_after)
