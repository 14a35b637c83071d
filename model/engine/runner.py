"""Runs the model: one step of answers' last tokens and pieces of prompts, which stand in one row without gaps.

Shapes: N tokens of a step · P places whose output is wanted · D width · W vocabulary.
A token's bits depend on how many stand in a product beside it. So a step is filled up to a number of tokens among which
each has its own bits (see weights.py); what fills it up is thrown away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from model.base.attach import Place
from model.base.checkpoint import Checkpoint
from model.base.weights import filling
from model.engine.attention import attention_in_blocks
from model.engine.blocks import BLOCK
from model.engine.pool import Pool, Step, Stretch
from model.memory.memory import Asked, Opened


@dataclass(frozen=True)
class Piece:
    """Tokens of one sequence that a step processes: one of an answer, or some of a prompt.

    ids     go to positions from `start` on
    blocks  of the sequence, up to that of the last token
    places  whose output is wanted; positions count from `start`
    """

    ids: Sequence[int]
    start: int
    blocks: Sequence[int]
    places: Sequence[Place]
    is_answer: bool = False


@dataclass(frozen=True)
class Seen:
    """What a step found at its places, in their order.

    logits  (P, W) float32
    asked   what each asks; None where nothing was asked
    opened  the row that was read; None where nothing opened
    """

    logits: Tensor
    asked: Sequence[Asked | None]
    opened: Sequence[Opened | None]


class Runner:
    """The model of a checkpoint with a cache of `count` blocks; for the thread that owns the model.

    Raises ValueError for a model whose attention does not see all positions.
    """

    def __init__(self, checkpoint: Checkpoint, count: int) -> None:
        self._model, self._attachment = checkpoint.model, checkpoint.attachment
        _refuse_partial_attention(self._model.config, min(checkpoint.positions, count * BLOCK))
        self._decoder = self._model.get_decoder()
        self._head = self._model.get_output_embeddings()
        self._filled = filling(self._model)
        # Attention in blocks needs no mask; one of four dimensions keeps the model from making its own.
        self._no_mask = torch.zeros(1, 1, 1, 1, dtype=self._model.dtype, device=self._model.device)
        self.count = count
        self.pool = Pool(self._model.config, count)
        self.steps = 0

    @torch.inference_mode()
    def run(self, pieces: Sequence[Piece]) -> Seen:
        """Process pieces, those of answers in front."""
        self.steps += 1
        stretches: list[Stretch] = []
        places: list[Place] = []
        first = 0
        for piece in pieces:
            stretches.append(Stretch(first, piece.start, len(piece.ids), piece.blocks))
            places += [replace(place, row=0, position=first + place.position) for place in piece.places]
            first += len(piece.ids)
        answers = sum(piece.is_answer for piece in pieces)
        N = self._filled(first)
        positions = [stretch.start + n for stretch in stretches for n in range(stretch.length)]
        blocks = [piece.blocks[(piece.start + n) // BLOCK] for piece in pieces for n in range(len(piece.ids))]
        offsets = [position % BLOCK for position in positions]
        fill = [0] * (N - first)  # they go to the block that belongs to nobody
        step = Step(stretches[:answers], stretches[answers:], self._tensor(blocks + fill), self._tensor(offsets + fill))
        ids = [token for piece in pieces for token in piece.ids]
        with self._attachment.reading(places) as reads:
            hidden = self._forward(self._tensor([ids + fill]), self._tensor([positions + fill]), step)
        return Seen(self._logits(hidden[0], [place.position for place in places]), reads.asked, reads.opened)

    def _forward(self, ids: Tensor, positions: Tensor, step: Step) -> Tensor:
        """Token ids (1, N) → what the decoder says of them, (1, N, D)."""
        self.pool.begin(step)
        with attention_in_blocks(self._model.config, step):
            out: Tensor = self._decoder(
                input_ids=ids,
                attention_mask=self._no_mask,
                position_ids=positions,
                past_key_values=self.pool.layers,
                use_cache=True,
            ).last_hidden_state
        return out

    def _logits(self, hidden: Tensor, places: list[int]) -> Tensor:
        """hidden (N, D) at places: (P, W)."""
        P = len(places)
        rows = places + [0] * (self._filled(P) - P) if P else [0]
        logits: Tensor = self._head(hidden[rows]).float()
        return logits[:P]

    def _tensor(self, numbers: list[int] | list[list[int]]) -> Tensor:
        return torch.tensor(numbers, device=self._model.device)


def _refuse_partial_attention(config: object, limit: int) -> None:
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    window = getattr(config, "sliding_window", None) or 0
    if kinds - {"sliding_attention"} or (kinds and window < limit):
        raise ValueError(f"the model has layers with {sorted(kinds)}; the engine runs full attention only")
