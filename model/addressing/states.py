"""States of a frozen base at the last place of many prompts. Knows no memory and no training.

A state is the input of a block's feed-forward part. Prompts of one company begin alike: what they share is computed
once and its keys and values are handed to every batch, which saves most of the tokens.
"""

import contextlib
import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import DynamicCache

BATCH_TOKENS = 2048
CHUNK_PROMPTS = 2000


class _Enough(Exception):
    """Raised inside the base once the last wanted layer is seen: what lies above it is not computed."""


@dataclass(frozen=True)
class Prompt:
    """What the base reads; `company` names prompts that begin alike, `turns` are the texts of the user's turns."""

    text: str
    company: str
    turns: tuple[str, ...]
    whole: bool = True  # the chat template has set the special tokens; False: a bare text, the tokenizer sets them


def blocks_of(model: nn.Module) -> Sequence[nn.Module]:
    """The decoder's blocks in order.

    Raises:
        ValueError: the model has no list of blocks with a feed-forward part named `mlp`.

    """
    wanted = getattr(model.config, "num_hidden_layers", 0)
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == wanted and hasattr(module[0], "mlp"):
            return list(module)
    raise ValueError(f"{type(model).__name__} has no list of {wanted} blocks with a part named mlp")


def layers_at(fractions: Sequence[float], depth: int) -> list[int]:
    """Indices of blocks at these fractions of the depth, e.g. .6 of 30 blocks is block 18."""
    return sorted({min(depth - 1, round(fraction * depth)) for fraction in fractions})


class StateReader:
    """Runs the base's blocks (never its head) and keeps what the feed-forward parts of `layers` are given."""

    def __init__(self, model: Any, tokenizer: Any, layers: Sequence[int]) -> None:
        self.tokenizer, self.layers = tokenizer, list(layers)
        self.body = getattr(model, model.base_model_prefix, model)
        self.device = next(model.parameters()).device
        self._kept: dict[int, torch.Tensor] = {}
        blocks = blocks_of(model)
        for layer in self.layers:
            feed_forward: Any = blocks[layer].mlp
            feed_forward.register_forward_pre_hook(self._keeper(layer))

    def _keeper(self, layer: int) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def keep(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            self._kept[layer] = inputs[0]
            if layer == max(self.layers):
                raise _Enough

        return keep

    def tokens(self, prompt: Prompt) -> list[int]:
        """Token ids of a prompt."""
        return list(self.tokenizer(prompt.text, add_special_tokens=not prompt.whole)["input_ids"])

    def last(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """States at the last place of each prompt, float16 (prompts, layers, width)."""
        ids = [self.tokens(prompt) for prompt in prompts]
        companies: dict[str, list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            companies[prompt.company].append(index)
        found: list[np.ndarray | None] = [None] * len(prompts)
        for members in companies.values():
            for batch, states in self._company(ids, members):
                for index, state in zip(batch, states, strict=True):
                    found[index] = state
        return np.stack([state for state in found if state is not None])

    def _company(self, ids: list[list[int]], members: list[int]) -> Iterator[tuple[list[int], np.ndarray]]:
        shared = _common([ids[index] for index in members])
        shared = shared[: min(len(shared), min(len(ids[index]) for index in members) - 1)]
        if len(members) < 4 or len(shared) < 8:
            shared = []
        cache = self._cache(shared)
        members = sorted(members, key=lambda index: len(ids[index]))
        while members:
            size = max(1, min(256, BATCH_TOKENS // (len(ids[members[0]]) - len(shared) + 1)))
            batch, members = members[:size], members[size:]
            yield batch, self._read([ids[index][len(shared) :] for index in batch], cache)

    @torch.inference_mode()
    def _cache(self, shared: list[int]) -> Any:
        if not shared:
            return None
        cache = DynamicCache(config=self.body.config)
        self._run(torch.tensor([shared], device=self.device), cache)
        return cache

    def _run(self, ids: torch.Tensor, cache: Any) -> None:
        with contextlib.suppress(_Enough):
            self.body(ids, past_key_values=cache, use_cache=cache is not None)

    @torch.inference_mode()
    def _read(self, rows: list[list[int]], cache: Any) -> np.ndarray:
        width = max(map(len, rows))
        # Padding on the right: attention is causal, so no place that is read sees it.
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=self.device)
        last = torch.tensor([len(row) - 1 for row in rows], device=self.device)
        past = copy.deepcopy(cache)
        if past is not None:
            past.batch_repeat_interleave(len(rows))
        self._run(ids, past)
        every = torch.arange(len(rows), device=self.device)
        states = torch.stack([self._kept[layer][every, last] for layer in self.layers], dim=1)  # (B, layers, D)
        return states.to(torch.float16).cpu().numpy()

    @torch.inference_mode()
    def everywhere(self, text: str, limit: int = 512) -> tuple[list[int], np.ndarray]:
        """Token ids of a bare text and states at each of its places, float16 (places, layers, width)."""
        ids = list(self.tokenizer(text)["input_ids"])[:limit]
        self._run(torch.tensor([ids], device=self.device), None)
        states = torch.stack([self._kept[layer][0] for layer in self.layers], dim=1)
        return ids, states.to(torch.float16).cpu().numpy()


def _common(rows: list[list[int]]) -> list[int]:
    """What all of these begin with."""
    first, last = min(rows), max(rows)
    same = next(
        (place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:same]
