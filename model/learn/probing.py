"""What views say to questions whose answers are known, without generating: the frozen base passes once, for all views.

States behind the last block are those of all versions, so a view's rows beside them make what generation would make,
token by token, as far as it says the answer.
Shapes: L tokens of an answer with its end token · D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.base.checkpoint import Checkpoint
from model.facts import Probe
from model.learn.passes import Passes
from model.learn.values import Values
from model.memory.memory import Asked, Looked, Opened
from model.memory.stem import stems
from model.memory.table import View


@dataclass(frozen=True)
class Expected:
    """A place where an answer is expected: what is asked there, its ids, and the states (L, D) before each of them."""

    asked: Asked
    answer: tuple[int, ...]
    states: Tensor


@dataclass(frozen=True)
class Told:
    """What a view says to a probe.

    ids     as far as it says the answer, and the first token that it says instead: from there it would go on otherwise
    opened  the fact whose row opens where the answer begins, if any
    """

    ids: tuple[int, ...]
    opened: int | None


class Prober:
    """Asks views of one checkpoint. It belongs to the thread that runs the model."""

    def __init__(self, checkpoint: Checkpoint, values: Values) -> None:
        self._prompts, self._memory = checkpoint.prompts, checkpoint.memory
        self._passes, self._values = Passes(checkpoint), values

    def asked(self, view: View, probes: Sequence[Probe]) -> list[Told]:
        """What a view says to probes, which pass the base together. Raises PromptTooLong."""
        texts = [(self._prompts.question(probe.text), self._prompts.answer(probe.answer)) for probe in probes]
        said = self._passes.said(texts)
        return self.told(
            view, [Expected(each.asked, answer, each.hidden) for (_, answer), each in zip(texts, said, strict=True)]
        )

    def states(self, view: View, expected: Sequence[Expected]) -> tuple[Tensor, list[Opened | None]]:
        """The states before each token of all answers with the rows that a view opens there, one behind the other.

        Shapes: (P, D) for P tokens, and as many rows.
        """
        places = [Looked(each.asked, view, stem) for each in expected for stem in stems(each.answer[:-1])]
        opened = self._memory.read(places)
        states = torch.cat([each.states for each in expected])
        for state, row in zip(states, opened, strict=True):
            if row is not None:
                state += row.value.to(state)
        return states, opened

    def told(self, view: View, expected: Sequence[Expected]) -> list[Told]:
        """What a view says where answers are expected."""
        if not expected:
            return []
        states, opened = self.states(view, expected)
        said, rows = iter(self._values.said(states)), iter(opened)
        found = []
        for each in expected:
            first, *_ = [next(rows) for _ in each.answer]
            ids = _up_to_a_departure([next(said) for _ in each.answer], each.answer)
            found.append(Told(ids, None if first is None else first.fact))
        return found


def _up_to_a_departure(said: Sequence[int], taught: Sequence[int]) -> tuple[int, ...]:
    """What is said, up to the first token that is not the one that was taught."""
    same = next((at for at, (one, other) in enumerate(zip(said, taught, strict=True)) if one != other), len(said))
    return tuple(said[: same + 1])
