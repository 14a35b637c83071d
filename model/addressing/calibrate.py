"""The lowest thresholds that a key may have, found on held-out items: one wording taught, others asked."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from model.addressing.pairs import Item
from model.memory.query import Query

GRID = [round(0.10 + 0.02 * step, 2) for step in range(36)]  # .10 to .80
BESIDE, NEVER = 0.2, 0.001  # learning keeps more of beside out: it raises the thresholds of single keys

_LOOSE = 0.2  # of what, while the threshold of whom is looked for
_NAMESAKES = 0.06  # added to that of whom: the same asked about another invented name lies higher than what was counted


@dataclass(frozen=True)
class Calibration:
    """Thresholds, and what comes of them.

    own     share of own wordings that open their key and find it the nearest
    beside  share of other questions about the same subject that open its key
    never   share of questions that nobody taught which open any of the `keys` keys
    """

    what_threshold: float
    whom_threshold: float
    own: float
    beside: float
    never: float
    keys: int

    def figures(self) -> dict[str, float]:
        """Its numbers by name, rounded."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class _Near:
    """Similarities of queries and keys, (Q, keys) each."""

    what: Tensor
    whom: Tensor

    def opens(self, what: float, whom: float) -> Tensor:
        return (self.what >= what) & (self.whom >= whom)


def calibrated(
    held: Query, item: Sequence[int], kind: Sequence[str], items: Sequence[Item], never: Query
) -> Calibration:
    """First the lowest of whom that keeps to NEVER, then the lowest of what that keeps to BESIDE.

    held        queries of held-out wordings; `item`, `kind`: which question each words, and in what company
    never       queries that neither training nor teaching has seen
    """
    first: dict[int, int] = {}
    for place, number in enumerate(item):
        if kind[place] == "plain":
            first.setdefault(number, place)
    keys = list(first.values())
    key_items = [item[place] for place in keys]
    asked = [place for place, number in enumerate(item) if number in first and place != first[number]]
    own = torch.tensor([[item[place] == key for key in key_items] for place in asked])
    group = [items[key].group for key in key_items]
    beside = torch.tensor([[items[item[place]].group == each for each in group] for place in asked]) & ~own
    of_asked, of_never = _near(held, asked, held, keys), _near(never, range(len(never)), held, keys)
    total = of_asked.what + of_asked.whom

    def outcome(what: float, whom: float) -> Calibration:
        opens = of_asked.opens(what, whom)
        nearest = total.masked_fill(~opens, -9.0).argmax(1)
        found = (opens & own).any(1) & own[torch.arange(len(asked)), nearest]
        wrong = float((opens & beside).float().sum() / beside.sum().clamp(min=1))
        ever = float(of_never.opens(what, whom).any(1).float().mean())
        return Calibration(what, whom, float(found.float().mean()), wrong, ever, len(keys))

    lowest = next((each for each in GRID if outcome(_LOOSE, each).never <= NEVER), GRID[-1])
    whom = round(lowest + _NAMESAKES, 2)
    return next((found for what in GRID if (found := outcome(what, whom)).beside <= BESIDE), outcome(GRID[-1], whom))


def _near(asked: Query, places: Sequence[int], keys: Query, chosen: Sequence[int]) -> _Near:
    at, of = torch.tensor(list(places)), torch.tensor(list(chosen))
    return _Near(asked.what[at] @ keys.what[of].T, asked.whom[at] @ keys.whom[of].T)
