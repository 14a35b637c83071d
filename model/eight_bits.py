"""Rows of numbers in 8 bits, each with a step of its own: how large tensors are stored."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class EightBitRows:
    """Rows (N, V) in 8 bits: whole steps (N, V) int8 from -127 to 127, of the size scales (N,) float32."""

    steps: Tensor
    scales: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "EightBitRows":
        """The nearest to `rows` (N, V), each with its own step."""
        scales = rows.float().abs().amax(dim=1) / 127
        steps = (rows / scales.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round()
        return cls(steps.to(torch.int8), scales)

    def rows(self) -> Tensor:
        """The rows, (N, V) float32; the same bits on every machine."""
        return self.steps.float() * self.scales[:, None]
