"""Keys and values of all running sequences: fixed rows, each written at positions of its own.

Shapes: R rows · G key heads · P positions · d head width · B rows of a step · T tokens a row of a step.
transformers' static cache has one length for the whole batch; here a step says which rows it writes, and where.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.cache_utils import Cache, CacheLayerMixin

from model.engine.attention import reach
from model.words import Texts


@dataclass
class Step:
    """Where a forward pass writes, and how far it reads.

    rows       (B,) rows of the cache; None: the first B, which are read in place, without a copy
    positions  (B, T) where the tokens' keys go
    length     keys that are attended to, those that the mask hides included
    """

    rows: Tensor | None
    positions: Tensor
    length: int


class RowCacheLayer(CacheLayerMixin):  # type: ignore[misc]  # transformers has no types
    """Keys and values (R, G, P, d) of one decoder layer. P grows by doubling up to `limit`, as sequences need it."""

    keys: Tensor
    values: Tensor

    def __init__(self, rows: int, limit: int) -> None:
        super().__init__()
        self._rows, self._limit = rows, limit
        self._index = torch.empty(0)
        self.step = Step(None, torch.empty(0), 0)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take over the shape, the type and the device of the first keys (B, G, T, d)."""
        shape = (self._rows, key_states.shape[1], 0, key_states.shape[3])
        self.keys, self.values = key_states.new_empty(shape), value_states.new_empty(shape)
        self._index = torch.arange(self._rows, device=key_states.device)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write keys and values (B, G, T, d) where the step says; returns all that it attends to, (B, G, L, d)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.reserve(self.step.length)
        B, L = len(key_states), self.step.length
        rows = self._index[:B] if self.step.rows is None else self.step.rows
        where = (rows[:, None], slice(None), self.step.positions)
        self.keys[where] = key_states.transpose(1, 2)
        self.values[where] = value_states.transpose(1, 2)
        if self.step.rows is None:
            return self.keys[:B, :, :L], self.values[:B, :, :L]
        return self.keys[:, :, :L].index_select(0, rows), self.values[:, :, :L].index_select(0, rows)

    def reserve(self, length: int) -> None:
        """Have at least `length` positions."""
        R, G, P, d = self.keys.shape
        if length <= P:
            return
        wider = min(max(length, 2 * P), reach(self._limit))
        for name in ("keys", "values"):
            old: Tensor = getattr(self, name)
            new = old.new_zeros(R, G, wider, d)  # masked keys are multiplied by zero, which takes numbers
            new[:, :, :P] = old
            setattr(self, name, new)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many keys are attended to, from which position on."""
        return self.step.length, 0

    def get_seq_length(self) -> int:
        """Rows have lengths of their own; positions and masks are always given."""
        return 0

    def get_max_length(self) -> int:
        """Positions that a sequence can have."""
        return self._limit


class RowCache:
    """The cache of a whole model; rows are moved, copied out, put back and cleared between steps.

    The token ids of every row are kept in the same way, for memories whose query is the words so far.
    """

    def __init__(self, config: PreTrainedConfig, rows: int, limit: int) -> None:
        attention = [RowCacheLayer(rows, limit) for _ in range(config.num_hidden_layers)]
        self._ids = RowCacheLayer(rows, limit)
        self._layers = [*attention, self._ids]
        self.layers = Cache(layers=list(attention))

    def begin(self, step: Step, ids: Tensor) -> Texts:
        """Let the model write where `step` says, and keep the token ids (B, T) of the step; all that rows have."""
        for layer in self._layers:
            layer.step = step
        kept, _ = self._ids.update(ids[:, None, :, None], ids[:, None, :, None])
        return Texts(kept[:, 0, :, 0], step.positions)

    @torch.inference_mode()
    def move(self, source: int, target: int, length: int) -> None:
        """Move the first `length` positions of a row to another row."""
        for layer in self._layers:
            layer.keys[target, :, :length] = layer.keys[source, :, :length]
            layer.values[target, :, :length] = layer.values[source, :, :length]
        self.clear(source)

    @torch.inference_mode()
    def read(self, row: int, start: int, end: int) -> list[tuple[Tensor, Tensor]]:
        """Copies of keys and values of positions `start` to `end` of a row, (G, end - start, d) a layer."""
        where = (row, slice(None), slice(start, end))
        return [(layer.keys[where].clone(), layer.values[where].clone()) for layer in self._layers]

    @torch.inference_mode()
    def write(self, row: int, start: int, kept: list[tuple[Tensor, Tensor]]) -> None:
        """Put back into a row, from position `start` on, what `read` gave."""
        for layer, (keys, values) in zip(self._layers, kept, strict=True):
            end = start + keys.shape[1]
            layer.reserve(reach(end))
            layer.keys[row, :, start:end] = keys
            layer.values[row, :, start:end] = values

    @torch.inference_mode()
    def clear(self, row: int) -> None:
        """Zeros in a row: what is no number would spoil a later sequence there, even where it is masked."""
        for layer in self._layers:
            if layer.is_initialized:
                layer.keys[row].zero_()
                layer.values[row].zero_()
