"""From where on a key opens: above all that was not taught, below the fact's own wordings.

A key opens to a query if both halves are as near as their thresholds say. So a question that was not taught is kept out
by the half in which it is farther from the key: another question about the subject by what it asks, the same question
about another subject by whom it is about.
Shapes: Q queries · 2 halves, what and whom.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.memory.memory import Asked
from model.memory.query import Query

_ABOVE = 0.01  # by how much a threshold lies above the similarity of a query that must not open
_HIGHEST = 0.99  # a key opens to itself, whatever its 16 bits do to it


@dataclass(frozen=True)
class Thresholds:
    """From where on a key opens.

    of      (2,) thresholds of what and of whom
    raised  how many queries that were not taught would have opened it before
    open    how many still do: they cannot be told from the key
    """

    of: Tensor
    raised: int
    open: int


def similarity(key: Asked, queries: Query) -> Tensor:
    """Of queries to a key, by halves: (Q, 2)."""
    return torch.stack([queries.what @ key.what, queries.whom @ key.whom], dim=1)


def thresholds(lowest: Tensor, untaught: Tensor, own: Tensor) -> Thresholds:
    """Thresholds of a key.

    lowest    (2,) where they begin
    untaught  (Q, 2) similarities of queries that must not open it
    own       (n, 2) those of the fact's other wordings, which should
    A half is raised as far as needed, the one first that keeps most of the fact's own wordings and leaves most room.
    """
    of = lowest.clone()
    inside = (untaught >= of).all(dim=1)
    raised = int(inside.sum())
    # the worst first: what keeps it out keeps out many others
    for similarities in untaught[inside][untaught[inside].amin(dim=1).argsort(descending=True)]:
        if not bool((similarities >= of).all()):
            continue
        needed = (similarities + _ABOVE).clamp(max=_HIGHEST)
        of = max((_with(of, half, needed[half]) for half in range(2)), key=lambda each: _room(each, own))
    return Thresholds(of, raised, int((untaught >= of).all(dim=1).sum()))


def _with(of: Tensor, half: int, needed: Tensor) -> Tensor:
    changed = of.clone()
    changed[half] = torch.maximum(of[half], needed)
    return changed


def _room(of: Tensor, own: Tensor) -> tuple[int, float]:
    """How many of the fact's own wordings open a key with such thresholds, and how little they were raised in all."""
    return int((own >= of).all(dim=1).sum()), -float((1 / (1 - of)).sum())
