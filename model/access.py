"""Access counts: which slots a forward pass read, and how often. B batch · T tokens · H heads · K slots a head."""

from collections.abc import Iterable

import torch
from torch import Tensor


def count(reads: Iterable[Tensor], real: Tensor) -> tuple[Tensor, Tensor]:
    """Slots read and their raw reads, over all tokens, heads, ranks and layers; only padding is left out.

    reads  one (B, T, H, K) tensor of slots per memory layer
    real   (B, T) bool, False on padding
    Returns slots (S,) ascending and counts (S,).
    """
    flat = torch.cat([slots[real].flatten() for slots in reads])
    slots, counts = torch.unique(flat, return_counts=True)
    return slots, counts


def usage(reads: Tensor, slots: int) -> tuple[float, float]:
    """Share of so many slots, or rows, that are read at all, and share of reads on the most read 1 % of them."""
    counts = torch.bincount(reads.flatten(), minlength=slots)
    top = counts.sort(descending=True).values[: max(slots // 100, 1)]
    return float((counts > 0).double().mean()), float(top.sum() / counts.sum().clamp(min=1))
