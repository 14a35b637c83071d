"""Numbers that are free to be taken: rows and pages of the value table."""

import torch
from torch import Tensor


class FreeList:
    """Numbers from `first` up to below `end` that are free; the last given back is the first taken."""

    def __init__(self, first: int, end: int) -> None:
        self._numbers = torch.arange(first, end).flip(0)
        self._count = end - first

    def __len__(self) -> int:
        return self._count

    def take(self, count: int) -> Tensor:
        """`count` of them, of which there must be as many."""
        self._count -= count
        return self._numbers[self._count : self._count + count].clone()

    def give(self, numbers: Tensor) -> None:
        """Give back what was taken."""
        self._numbers[self._count : self._count + len(numbers)] = numbers
        self._count += len(numbers)
