"""How one fact is written: the slots that can move, and the coefficients of the change of their rows.

Addresses of the first memory layer do not depend on its rows, so the bags of a fact's places are linear in them: with
A (P, S) the weights with which P places read S chosen slots, a change C of the rows changes the bags by A C. A step
follows the gradient in the metric M = D + Σ b bᵀ / ε over the places b that must hold still (background text, earlier
facts and, less firmly, what a part of the fact's words would read), where D is diagonal and grows with how much the
background reads a slot: C ← C - c M⁻¹ Aᵀ g, with g (P, V) the gradient by bags and c such that the hidden states move
by a set share of their norm. As C stays in the span of Z = M⁻¹ Aᵀ, only its coefficients α (P, V) are kept, and the
bags are K α with K = A Z (P, P): no step touches a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.reads import Reads
from model.replay import FactPlaces
from model.tfidf import inverse_document_frequency, score, top_t

_SAME = 0.87  # cosine of two addresses from which on they stand for the same question
_CLOSED, _OPEN = 0.65, 0.77  # of what a fact's own texts ask, up to which its slots are closed, from which open in full
_FEW = 0.08  # of the batches of the background
_RIDGE = 0.1  # ε, as a share of the mean squared norm of what is held still


@dataclass(frozen=True, eq=False)
class SlotUses:
    """Slots chosen for facts: slots (S,) ascending, their TF-IDF scores (S,), and how often texts read them (S,)."""

    slots: Tensor
    scores: Tensor
    counts: Tensor

    def __len__(self) -> int:
        return len(self.slots)

    @staticmethod
    def none() -> "SlotUses":
        """No slot."""
        return SlotUses(torch.empty(0, dtype=torch.int64), torch.empty(0), torch.empty(0, dtype=torch.int64))

    @staticmethod
    def joined(uses: Sequence["SlotUses"]) -> "SlotUses":
        """Those of several facts, each slot once: its highest score, and all of its reads."""
        slots, position = torch.unique(torch.cat([one.slots for one in uses]), return_inverse=True)
        scores, counts = torch.cat([one.scores for one in uses]), torch.cat([one.counts for one in uses])
        highest = scores.new_zeros(len(slots)).scatter_reduce(0, position, scores, "amax")  # no score is below 0
        return SlotUses(slots, highest, counts.new_zeros(len(slots)).index_add(0, position, counts))


def key_of(intents: Tensor) -> Tensor | None:
    """What a slot is opened by that is written for places with these intents (P, I): a key and a threshold, (I + 1,).

    Their mean direction: closed to who asks at most _CLOSED of what they ask on average, open in full to who asks at
    least _OPEN of it. None when they ask nothing, as a text that tells.
    """
    asking = intents[intents.any(dim=1)]
    if not len(asking):
        return None
    mean, width = asking.mean(dim=0), _OPEN - _CLOSED
    square = float(mean @ mean)
    return torch.cat([mean / (max(square, 1e-12) * width), mean.new_tensor([1 + _CLOSED / width])])


def choose_slots(checkpoint: Checkpoint, places: FactPlaces, taken: Tensor, config: FinetuneConfig) -> SlotUses:
    """The top-t of the slots that a fact's texts read, but for those `taken` (n,), by TF-IDF; ascending by slot."""
    slots, counts = torch.unique(places.slots_read, return_counts=True)
    addresses, free = places.addresses_of(slots), ~torch.isin(slots, taken)
    slots, counts, addresses = slots[free].cpu(), counts[free].cpu(), addresses[free].cpu()
    background = checkpoint.background
    idf = inverse_document_frequency(background.counts[addresses], background.batches)
    scores = score(counts, idf, config.idf_power)
    chosen = top_t(slots, scores, config.top_t).sort().values
    return SlotUses(slots[chosen], scores[chosen], counts[chosen])


def distinct(checkpoint: Checkpoint, places: FactPlaces) -> float:
    """The share of what a fact reads where answers begin that few batches of the background read; 1 of nothing."""
    background, openings = checkpoint.background, places.openings
    few = background.counts[places.addresses[openings].cpu()] <= _FEW * background.batches
    weights = places.unopened[openings].cpu().square()
    whole = float(weights.sum())
    return float(weights[few].sum()) / whole if whole else 1.0


def held_still(still: Reads, reads: Reads, slots: Tensor) -> Tensor:
    """What places read of `slots` (S,), without those that ask the same as `reads`, to be answered anew: (n, S)."""
    every = torch.unique(reads.slots)
    norms = [places.weights.norm(dim=1).clamp(min=1e-12) for places in (still, reads)]  # 0 where all is closed
    cosine = still.on(every) @ reads.on(every).T / norms[0][:, None] / norms[1]
    return still.on(slots)[cosine.amax(dim=1) < _SAME]


class Writing:
    """How one fact is being written: its chosen slots, and the coefficients α of the change of their rows.

    uses       the chosen slots, `slots` (S,)
    addresses  (S,) the addresses that they are slots of
    reads      addresses of the fact's places
    places     where these stand among the places of the group
    firm       (n, S) what places that are held still read of the chosen slots; none where n is 0
    parts      (m, S) what the fact's texts would read of them with one of the words that all have, held less firmly
    key        what the slots are opened by that it is the first to write (see key_of); None where nothing closes them
    cost       (S,) what moving each chosen slot costs: the diagonal of M without the places held still
    """

    def __init__(
        self,
        uses: SlotUses,
        addresses: Tensor,
        reads: Reads,
        places: slice,
        firm: Tensor,
        parts: Tensor,
        cost: Tensor,
        width: int,
        key: Tensor | None = None,
    ) -> None:
        self.uses, self.addresses, self.reads, self.places, self.key = uses, addresses, reads, places, key
        self.slots = uses.slots.to(reads.slots.device)
        A = reads.on(self.slots)  # (P, S)
        self._spread = (A / cost).T  # Z (S, P)
        if len(firm):
            B = torch.cat([firm, parts])
            gram = B / cost @ B.T
            ridge = _RIDGE * gram.diagonal()
            ridge[: len(firm)] = 0
            ridge += _RIDGE * gram.diagonal()[: len(firm)].mean().clamp(min=1e-12)
            gram.diagonal().add_(ridge)
            self._spread -= (B / cost).T @ torch.linalg.solve(gram, B @ self._spread)
        self._kernel = A @ self._spread  # K (P, P)
        self._coefficients = A.new_zeros(len(reads), width)

    def bag(self) -> Tensor:
        """What the fact's change adds to its own bags, (P, V)."""
        return self._kernel @ self._coefficients

    def moved(self, gradient: Tensor) -> Tensor:
        """How the fact's bags would move by a step of size 1 along `gradient` (P, V): (P, V)."""
        return self._kernel @ gradient

    def step(self, gradient: Tensor, size: float) -> None:
        """α ← α - size · gradient, both of which are of the fact's bags, (P, V)."""
        self._coefficients = self._coefficients - size * gradient

    def change(self) -> Tensor:
        """The change of the chosen rows, (S, V)."""
        return self._spread @ self._coefficients
