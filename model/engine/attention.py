"""Attention whose bits do not depend on how long the batch's cache is, nor on the other rows, nor on the thread.

Shapes: B rows of the batch · H query heads · G key heads · T queries of a row · L keys, a multiple of BLOCK ·
d head width.
A product that sums over all L keys adds them up in another order when L grows, even by masked keys, and torch's fused
kernel on the CPU gives the second thread other bits than the first (a buffer that is aligned otherwise). So keys are
taken BLOCK at a time, in products of one shape, and what the blocks give is added in their order; a block of masked
keys adds exact zeros.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedConfig

BLOCK = 64  # keys
_NAME = "slotwise_blocks"


def reach(positions: int) -> int:
    """How many keys are attended to: the least multiple of BLOCK that covers `positions`."""
    return -(-positions // BLOCK) * BLOCK


def attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, *, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """query (B, H, T, d), key and value (B, G, L, d), mask (B, 1, T, L) to be added to the scores → (B, T, H, d)."""
    B, H, T, d = query.shape
    G, L = key.shape[1], key.shape[2]
    query = (query * scaling).reshape(B * G, H // G * T, d)  # the heads that share keys stand below each other
    key, value = key.flatten(0, 1), value.flatten(0, 1)  # (B·G, L, d)
    blocks = [slice(start, start + BLOCK) for start in range(0, L, BLOCK)]
    parts = [torch.bmm(query, key[:, block].mT) for block in blocks]
    scores = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
    scores = scores.view(B, H, T, L) + attention_mask
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(value.dtype).view(B * G, -1, L)
    out = torch.bmm(weights[:, :, blocks[0]], value[:, blocks[0]])
    for block in blocks[1:]:
        out.baddbmm_(weights[:, :, block], value[:, block])
    return out.view(B, H, T, d).transpose(1, 2).contiguous(), None


@contextmanager
def attention_in_blocks(config: PreTrainedConfig) -> Iterator[None]:
    """Let the model of `config` use `attend`; learning, which has no cache, keeps the kernel that it had."""
    AttentionInterface.register(_NAME, attend)
    before = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before
