"""Runs the model: one step of prompts or one of single tokens, in shapes whose bits do not depend on the neighbours.

Shapes: B rows of a step · T tokens a row · L keys · D width · W vocabulary.
A product over one, two or three rows is not bit-equal to the same row among more, and top-k of a memory layer amplifies
the difference. So every product here has at least four rows and one of few numbers of rows; what fills them up is
thrown away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.checkpoint import Checkpoint
from model.engine.attention import attention_in_blocks, reach
from model.engine.cache import RowCache, Step
from model.engine.head import Head
from model.retrofit import decoder_layers
from model.values import View

CHUNK = 64  # tokens of a prompt that one step takes at most; its borders are those at which prompts can be reused
_FEWEST = 4  # rows of a product
_WIDTHS = (16, 32, CHUNK)


@dataclass(frozen=True)
class Chunk:
    """A piece of a prompt: `ids` go to positions from `start` on of cache row `row`, and read `view`."""

    row: int
    start: int
    ids: list[int]
    view: View

    @property
    def width(self) -> int:
        """Tokens that it is padded to; chunks of one step share it."""
        return next(width for width in _WIDTHS if width >= len(self.ids))


@dataclass(frozen=True)
class Last:
    """The last token of a sequence: it goes to position `position` of the row that it stands in, and reads `view`."""

    token: int
    position: int
    view: View


def padded(count: int) -> int:
    """The number of rows that `count` of them are filled up to: a power of two, at least four."""
    return max(_FEWEST, 1 << (count - 1).bit_length())


class Runner:
    """The model of a checkpoint with a cache of `rows` sequences; for the thread that owns the model.

    limit  positions that a sequence can have
    Raises ValueError for a model whose attention does not see all positions.
    """

    def __init__(self, checkpoint: Checkpoint, rows: int, limit: int) -> None:
        self._model, self._context = checkpoint.model, checkpoint.context
        config, device = self._model.config, self._model.device
        partial = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
        if partial:
            raise ValueError(f"the model has layers with {sorted(partial)}; the engine runs full attention only")
        self._decoder = self._model.get_decoder()
        self._head = Head(self._model.lm_head)
        self._base = checkpoint.table.base
        self._spare = padded(rows)  # the row that chunks which only fill a step up are written to
        self._hide, self._show = (torch.tensor(x, dtype=self._model.dtype, device=device) for x in (-torch.inf, 0.0))
        self._index = torch.arange(limit + CHUNK, device=device)
        self.cache = RowCache(config, self._spare + 1, limit)
        # Then the memory's output matters at the positions whose logits are wanted, and nowhere else.
        self._memory_is_last = checkpoint.config.layers == (len(decoder_layers(self._model)) - 1,)
        self.steps = 0

    def prompts(self, chunks: Sequence[Chunk]) -> Tensor:
        """Process chunks of one width; the logits behind the last token of each: (B, W), on the model's device."""
        T, size = chunks[0].width, 1 << (len(chunks) - 1).bit_length()
        fill = Chunk(self._spare, 0, chunks[0].ids, self._base)
        filled = [*chunks, *[fill] * (size - len(chunks))]
        ids = self._tensor([[*chunk.ids, *[0] * (T - len(chunk.ids))] for chunk in filled])
        start = self._tensor([chunk.start for chunk in filled])
        positions = start[:, None] + self._arange(T)
        last = [len(chunk.ids) - 1 for chunk in filled]
        step = Step(self._tensor([chunk.row for chunk in filled]), positions, reach(max(c.start for c in filled) + T))
        self._context.needed = self._needed(last, T) if self._memory_is_last else None
        hidden = self._forward(ids, step, [chunk.view for chunk in filled])
        self._context.needed = None
        wanted = hidden[self._arange(size), self._tensor(last)]  # (size, D)
        return self._head.logits(wanted)[: len(chunks)]

    def tokens(self, batch: Sequence[Last | None]) -> Tensor:
        """Process one token of each of the first rows of the cache, None where a row has none: logits (B, W).

        A row without a token gets one at position 0, which the next sequence there overwrites. A row whose prompt is
        not finished must therefore come with a token, any, at its next position.
        """
        fill = Last(0, 0, self._base)
        filled = [last or fill for last in batch]
        filled += [fill] * (padded(len(filled)) - len(filled))
        positions = self._tensor([[last.position] for last in filled])
        step = Step(None, positions, reach(max(last.position for last in filled) + 1))
        hidden = self._forward(self._tensor([[last.token] for last in filled]), step, [last.view for last in filled])
        return self._head.logits(hidden[:, 0])[: len(batch)]

    @torch.inference_mode()
    def _forward(self, ids: Tensor, step: Step, views: Sequence[View]) -> Tensor:
        """Token ids (B, T) → what the decoder says of them, (B, T, D)."""
        self.steps += 1
        self._context.use(*views)
        later = self._arange(step.length) > step.positions[:, None, :, None]  # (B, 1, T, L)
        mask = torch.where(later, self._hide, self._show)  # a token always sees itself
        self._context.continued = self.cache.begin(step, ids)
        try:
            with attention_in_blocks(self._model.config):
                out: Tensor = self._decoder(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=step.positions,
                    past_key_values=self.cache.layers,
                    use_cache=True,
                ).last_hidden_state
        finally:
            self._context.continued = None
        return out

    def _needed(self, last: Sequence[int], T: int) -> Tensor:
        """Four positions of each row, the last token's among them, so that the memory has rows enough: (B, T) bool."""
        first = self._tensor([max(0, position - _FEWEST + 1) for position in last])[:, None]
        index = self._arange(T)
        return (index >= first) & (index < first + _FEWEST)

    def _tensor(self, numbers: list[int] | list[list[int]]) -> Tensor:
        return torch.tensor(numbers, device=self._model.device)

    def _arange(self, end: int) -> Tensor:
        return self._index[:end]
