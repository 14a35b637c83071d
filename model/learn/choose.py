"""Which slots are written for a key: access counts, TF-IDF, the top t.

Lin et al. 2025, https://arxiv.org/abs/2510.15103, section 3: of the slots that a fact's texts read, those are trained
that the background corpus reads seldom,

    score(s) = c(s) / Σ c · ln((|B| + 1) / (df(s) + w · owners(s) + 1)),        never below 0

with c(s) how much the places of the fact read slot s (softmax mass instead of a count of reads), df(s) how many of the
|B| background queries read it, with live traffic counted in, and w what an earlier fact's ownership counts for.
Shapes: R addresses that a place reads · Y ways of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from model.memory.query import Background
from model.memory.traffic import Traffic

_TEMPERATURE = 0.03  # of the softmax over the scores of a place's slots


def document_frequency(background: Background, traffic: Traffic, weight: float) -> Tensor:
    """How many background queries read each address, with what callers' questions read: (n·n,) float32.

        df(a) = background(a) + weight · k · traffic(a),        k = |B| / (|B| + |T|)

    One question in |T| counts as `weight` background queries while there are few, and all together never as more than
    `weight` · |B|: what counts in the end is the share of the traffic that reads an address.
    """
    frequency = background.document_frequency.float()
    if not traffic.queries:
        return frequency
    k = background.queries / (background.queries + traffic.queries)
    addresses = torch.tensor(list(traffic.reads), dtype=torch.int64)
    reads = torch.tensor(list(traffic.reads.values()), dtype=torch.float32)
    return frequency.index_add(0, addresses, weight * k * reads)


@dataclass(frozen=True)
class SlotUses:
    """The slots that a fact owns, ascending, their scores, and how much the fact's places read them."""

    slots: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)

    @classmethod
    def joined(cls, parts: "Sequence[SlotUses]") -> "SlotUses":
        """Of places that own different slots."""
        rows = sorted(row for part in parts for row in zip(part.slots, part.scores, part.counts, strict=True))
        return cls([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def access_counts(scores: Tensor) -> Tensor:
    """How much a place reads each of its addresses, by their scores (R,): (R,), summing to 1."""
    return (scores / _TEMPERATURE).softmax(dim=0)


def tf_idf(counts: Tensor, frequency: Tensor, owners: Tensor, queries: int, owner_weight: float) -> Tensor:
    """Scores (R,) of addresses by their access counts, document frequency and owners, (R,) each."""
    idf = ((queries + 1) / (frequency + owner_weight * owners + 1)).log().clamp(min=0)
    return counts / counts.sum() * idf


def choose(
    slots: Tensor, counts: Tensor, frequency: Tensor, owned: Tensor, *, queries: int, t: int, owner_weight: float
) -> SlotUses:
    """The first free way of the top `t` addresses of a place by TF-IDF.

    slots      (R, Y) the ways of its addresses; owned, bool, those that a fact owns, which are never among the chosen
    counts     (R,) how much it reads the addresses
    frequency  (R,) how many of the `queries` background queries read them where an answer begins, traffic counted in:
               the same at all places of an answer, so that whoever finds its first token finds the others
    An address that every background query reads still counts a little: a fact that reads no other is learned, too.
    """
    first, counts = _each_once(slots[:, 0].cpu(), counts.cpu())
    slots, frequency, owned = slots.cpu()[first], frequency.cpu()[first], owned.cpu()[first]
    scores = tf_idf(counts, frequency, owned.float().sum(dim=1), queries, owner_weight)
    ranked = (scores + 1e-6 * counts).masked_fill(owned.all(dim=1), -torch.inf)
    best = ranked.topk(min(t, len(slots)))
    kept = best.indices[best.values > -torch.inf]
    chosen = slots[kept, owned[kept].int().argmin(dim=1)]
    order = chosen.argsort()
    kept = kept[order]
    return SlotUses(chosen[order].tolist(), scores[kept].tolist(), counts[kept].tolist())


def _each_once(addresses: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Where each of the addresses (R,), of which several heads read some, stands once; and all of what it counts."""
    once, which = torch.unique(addresses, return_inverse=True)
    at = torch.empty_like(once)
    at[which] = torch.arange(len(addresses))  # any of them: they are the same address
    return at, counts.new_zeros(len(once)).index_add(0, which, counts)
