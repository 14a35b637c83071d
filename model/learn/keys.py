"""What opens a fact: from where on its keys do, and which words must be asked.

A question that was not taught is kept out of a key in one of three ways. Another question about the subject is by what
it asks: the threshold of that half lies above it, as far as LearnConfig.beside allows. The same question about another
subject is by its words, which the key demands (demands.py). What anybody asks is by either half: thresholds lie above
the whole bank of background queries.
Shapes: Q queries · 2 halves, what and whom.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from model.config import LearnConfig
from model.learn.lesson import Part
from model.memory.demand import Demand
from model.memory.memory import Asked, Memory, query
from model.memory.query import Addressing, Query
from model.memory.sketch import Words
from model.memory.table import View

_ABOVE = 0.01  # by how much a threshold lies above the similarity of a query that must not open
_MOST_TAKEN_OVER = 8
_SAME_KEY = 0.98  # similarity of both halves from which on a second key would open to nothing more


@dataclass(frozen=True, eq=False)
class Key:
    """A query that opens rows, (2,) thresholds of its halves, and the words that it demands."""

    asked: Asked
    thresholds: Tensor
    demand: Demand

    def opens_to(self, asked: Asked) -> bool:
        """Whether what is asked elsewhere opens it."""
        near = similarity(self.asked, query([asked]))[0].cpu()
        return bool((near >= self.thresholds).all()) and self.demand.is_met_by(asked.words)


def keys_of(part: Part, addressing: Addressing, learn: LearnConfig, *, with_probe: bool) -> Iterator[Key]:
    """The keys of an exchange: its questions', but those that open to nothing more than an earlier one does.

    with_probe  whether its probe gets one, too
    """
    kept = list[Asked]()
    for asked in part.wanted if with_probe else part.asked:
        if _is_among(asked, kept):
            continue
        kept.append(asked)
        own = part.demand.of_question(asked.words)
        yield Key(asked, _thresholds(asked, part, addressing, learn, is_named=bool(own.names)), own)


def taken_over(keys: Sequence[Key], memory: Memory, view: View, facts: Sequence[int]) -> list[Key]:
    """The keys of facts that a new one corrects: what was answered by them is answered by it from now on.

    Without those that open to nothing more than one of `keys` does; at most _MOST_TAKEN_OVER, after many corrections.
    """
    written = memory.keys(view)
    old = written[
        torch.isin(written.owners, torch.tensor(list(facts), dtype=torch.int64, device=written.owners.device))
    ]
    kept = [key.asked for key in keys]
    found: list[Key] = []
    for at in range(len(old)):
        halves = Query(F.normalize(old.what[at : at + 1], dim=1), F.normalize(old.whom[at : at + 1], dim=1))
        slots, scores = memory.addressing.slots(halves)
        demand = Demand.of(old.demands[at].tolist())
        said = Words(frozenset(demand.names), frozenset(demand.sentence))
        asked = Asked(halves.what[0], halves.whom[0], slots[0], scores[0], said)
        if not _is_among(asked, kept):
            kept.append(asked)
            found.append(Key(asked, old.thresholds[at].cpu(), demand))
    return found[:_MOST_TAKEN_OVER]


def similarity(key: Asked, queries: Query) -> Tensor:
    """Of queries to a key, by halves: (Q, 2)."""
    return torch.stack([queries.what @ key.what, queries.whom @ key.whom], dim=1)


def _is_among(asked: Asked, kept: Sequence[Asked]) -> bool:
    """Whether a key for it would open to nothing more than one of those that are kept."""
    return bool(kept) and bool((similarity(asked, query(kept)) > _SAME_KEY).all(dim=1).any())


def _thresholds(key: Asked, part: Part, addressing: Addressing, learn: LearnConfig, *, is_named: bool) -> Tensor:
    floors = addressing.config
    what, whom = floors.what_threshold, learn.named if is_named else floors.whom_threshold
    if part.beside:
        beside = similarity(key, query(part.beside))
        about = beside[beside[:, 1] >= whom, 0]
        what = max(what, min(learn.beside, float(about.max()) + _ABOVE)) if len(about) else what
    everybody = similarity(key, addressing.background.bank)
    open_ = everybody[(everybody >= torch.tensor([what, whom], device=everybody.device)).all(dim=1)]
    # each query is kept out by the half in which it is farther from the key
    by_what = open_[:, 0] < open_[:, 1]
    if bool(by_what.any()):
        what = max(what, float(open_[by_what, 0].max()) + _ABOVE)
    if bool((~by_what).any()):
        whom = max(whom, float(open_[~by_what, 1].max()) + _ABOVE)
    return torch.tensor([what, whom])
