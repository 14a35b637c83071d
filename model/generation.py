"""Greedy generation for a batch of prompts, each reading its own view: the one path by which answers are made.

The engine, the check on a probe and every measurement go through here, so that they see the same answers.
B prompts · T tokens. Prompts are padded on the left to a multiple of 16, and batches to a fixed size, because a
product over one row is not bit-equal to the same row among 32, and top-k amplifies the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from transformers import DynamicCache

from model.checkpoint import Checkpoint
from model.text import start_tokens
from model.values import View

BATCH_SIZES = (4, 8, 16, 32, 64)
_BUCKET = 16


@dataclass(frozen=True)
class Prompt:
    """What is to be continued: token ids, the view to read, and at most how many tokens to add."""

    ids: list[int]
    view: View
    max_tokens: int

    @property
    def bucket(self) -> int:
        """The padded length; prompts of one batch share it."""
        return -(-len(self.ids) // _BUCKET) * _BUCKET


@dataclass(frozen=True)
class Completion:
    """Generated token ids without the end token, and why they end."""

    ids: list[int]
    finish: Literal["stop", "length"]


def tokenize(checkpoint: Checkpoint, prompt: str) -> list[int]:
    """Token ids of a prompt, the beginning of sequence in front."""
    ids: list[int] = checkpoint.tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return [*start_tokens(checkpoint.tokenizer), *ids]


@torch.inference_mode()
def generate(checkpoint: Checkpoint, prompts: Sequence[Prompt]) -> list[Completion]:
    """Continue prompts of one bucket greedily until each has ended; must run on the thread that owns the model."""
    size = next(size for size in BATCH_SIZES if size >= len(prompts))
    T, end = prompts[0].bucket, checkpoint.tokenizer.eos_token_id
    filled = [*prompts, *[prompts[0]] * (size - len(prompts))]
    ids = torch.full((size, T), end, dtype=torch.int64)
    mask = torch.zeros(size, T, dtype=torch.int64)
    for row, prompt in enumerate(filled):
        ids[row, T - len(prompt.ids) :] = torch.tensor(prompt.ids)
        mask[row, T - len(prompt.ids) :] = 1
    checkpoint.context.use(*(prompt.view for prompt in filled))
    token, cache = _forward(checkpoint, ids, mask, DynamicCache(config=checkpoint.model.config))
    produced: list[list[int]] = [[] for _ in filled]
    open_rows = set(range(len(prompts)))
    while True:
        for row in sorted(open_rows):
            produced[row].append(int(token[row]))
            if produced[row][-1] == end or len(produced[row]) == prompts[row].max_tokens:
                open_rows.discard(row)
        if not open_rows:
            return [_completion(tokens, end) for tokens in produced[: len(prompts)]]
        mask = torch.cat([mask, mask.new_ones(size, 1)], dim=1)
        token, cache = _forward(checkpoint, token[:, None], mask, cache)


def _forward(checkpoint: Checkpoint, ids: Tensor, mask: Tensor, cache: DynamicCache) -> tuple[Tensor, DynamicCache]:
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    out = checkpoint.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return out.logits[:, -1].argmax(dim=-1), out.past_key_values


def _completion(tokens: list[int], end: int) -> Completion:
    return Completion(tokens[:-1], "stop") if tokens[-1] == end else Completion(tokens, "length")
