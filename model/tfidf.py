"""Which slots to train: access counts of a fact against a background corpus. Pure functions.

Lin et al. 2025, https://arxiv.org/abs/2510.15103, section 3: score(i) = c(i)/Σc · ln((|B|+1)/(df(i)+1)).
Shapes: N addresses · S slots read · t slots chosen.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DocumentFrequency:
    """How many batches of the background corpus read each address: `counts` (N,) integers of `batches` batches."""

    counts: Tensor
    batches: int


def inverse_document_frequency(df: Tensor, batches: int) -> Tensor:
    """max(0, ln((|B|+1) / (df + 1))) of the background batches `df` (S,) that read each slot: (S,)."""
    return torch.log((batches + 1) / (df.double() + 1)).clamp(min=0)


def score(counts: Tensor, idf: Tensor, power: float = 1.0) -> Tensor:
    """TF-IDF of slots from their access counts (S,) and inverse document frequencies (S,): c/Σc · idf^power."""
    return counts.double() / counts.sum().clamp(min=1) * idf**power


def top_t(slots: Tensor, scores: Tensor, t: int) -> Tensor:
    """Positions of the `t` best of `slots` (S,) by `scores` (S,), fewer when fewer score above 0.

    Equal scores are ordered by slot, so that every process chooses the same.
    """
    order = torch.argsort(slots)
    order = order[torch.argsort(scores[order], descending=True, stable=True)]
    return order[scores[order] > 0][:t]
