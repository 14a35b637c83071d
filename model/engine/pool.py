"""Keys and values of all running sequences, in blocks, and a step's places in them.

Shapes: C blocks of the cache · G key heads · d head width · N tokens of a step.
transformers' caches hold one tensor for the whole batch; here the tokens of a step stand in one row, each with a place
of its own, and attention reads the blocks where they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.cache_utils import Cache, CacheLayerMixin

from model.engine.blocks import BLOCK

Kept = list[tuple[Tensor, Tensor]]  # keys and values of some blocks, (·, G, BLOCK, d) a layer


@dataclass(frozen=True)
class Stretch:
    """Tokens of one sequence in a step: one of an answer, or some of a prompt.

    first   where in the step they begin
    start   position of the first
    length  how many there are
    blocks  those of the sequence, up to that of the last token
    """

    first: int
    start: int
    length: int
    blocks: Sequence[int]


@dataclass
class Step:
    """Where the tokens of a forward pass stand in the cache.

    answers  stretches of one token each, at the front of the step
    prompts  the others
    blocks   (N,) block of each token
    offsets  (N,) its place therein
    """

    answers: Sequence[Stretch]
    prompts: Sequence[Stretch]
    blocks: Tensor
    offsets: Tensor
    plans: dict[str, Any] = field(default_factory=dict)  # what attention works out once for all layers


class BlockLayer(CacheLayerMixin):  # type: ignore[misc]  # transformers has no types
    """Keys and values (C, G, BLOCK, d) of one decoder layer. Zeros at first: masked keys are multiplied by zero."""

    keys: Tensor
    values: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self.step = Step((), (), torch.empty(0), torch.empty(0))

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take over the heads, the type and the device of the first keys (1, G, N, d)."""
        self.keys, self.values = (_zeros(self._count, states) for states in (key_states, value_states))
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write keys and values (1, G, N, d) where the step says; returns all blocks, (C, G, BLOCK, d)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        for held, states in ((self.keys, key_states), (self.values, value_states)):
            held[self.step.blocks, :, self.step.offsets] = states[0].transpose(0, 1)
        return self.keys, self.values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """There is no mask: attention knows of each token what it sees."""
        return query_length, 0

    def get_seq_length(self) -> int:
        """Sequences have lengths of their own; positions are always given."""
        return 0

    def get_max_length(self) -> int:
        """Positions that a sequence can have."""
        return self._count * BLOCK


class Pool:
    """The blocks of a whole model, `count` of them and one that takes what fills a step up."""

    def __init__(self, config: PreTrainedConfig, count: int) -> None:
        self._layers = [BlockLayer(count + 1) for _ in range(config.num_hidden_layers)]
        self.layers = Cache(layers=list(self._layers))

    def begin(self, step: Step) -> None:
        """Let the model write where `step` says."""
        for layer in self._layers:
            layer.step = step

    @torch.inference_mode()
    def copy(self, block: int, other: int) -> None:
        """Put into another block what a block holds."""
        for layer in self._layers:
            layer.keys[other], layer.values[other] = layer.keys[block], layer.values[block]

    @torch.inference_mode()
    def read(self, blocks: Sequence[int]) -> Kept:
        """Copies of blocks."""
        return [(layer.keys[list(blocks)], layer.values[list(blocks)]) for layer in self._layers]

    @torch.inference_mode()
    def write(self, blocks: Sequence[int], kept: Kept) -> None:
        """Put into blocks what `read` gave."""
        for layer, (keys, values) in zip(self._layers, kept, strict=True):
            layer.keys[list(blocks)] = keys
            layer.values[list(blocks)] = values


def _zeros(count: int, states: Tensor) -> Tensor:
    shape = (count, states.shape[1], BLOCK, states.shape[3])
    if states.device.type == "cpu" and states.dtype == torch.float32:
        return torch.from_numpy(np.zeros(shape, dtype=np.float32))  # memory is taken as it is written
    return states.new_zeros(shape)
