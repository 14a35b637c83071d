"""Facts written by hand: a value for each token of an answer, keyed by what the prompt asks, as learning does it."""

from collections.abc import Sequence

import torch

from model.base.attach import Place
from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.engine.blocks import blocks_for
from model.engine.runner import Piece, Runner
from model.memory.delta import Delta
from model.memory.demand import Demand
from model.memory.memory import Asked
from model.memory.rows import Written
from model.memory.stem import permuted, stems

_LOUD = 400.0  # so much of a token's own direction that no other token comes near


def asked(checkpoint: Checkpoint, prompt: Prompt) -> Asked:
    """What a prompt asks where its answer begins."""
    runner = Runner(checkpoint, blocks_for(len(prompt.ids)))
    sketch = checkpoint.memory.addressing.sketch.spoken(prompt.turns)
    place = Place(0, len(prompt.ids) - 1, checkpoint.table.base, spoken=sketch)
    (found,) = runner.run([Piece(prompt.ids, 0, range(1, runner.count + 1), [place])]).asked
    assert found is not None
    return found


def taught(checkpoint: Checkpoint, facts: Sequence[tuple[int, Prompt, str]], threshold: float = 0.99) -> Delta:
    """The rows of facts (number, prompt, answer): each opens for its own prompt alone."""
    rows: dict[int, torch.Tensor] = {}
    for number, prompt, answer in facts:
        query, tokens = asked(checkpoint, prompt), checkpoint.prompts.answer(answer)
        for token, stem in zip(tokens, stems(tokens), strict=False):
            slot = next(
                s for s in permuted(query.slots.flatten(), stem, checkpoint.table.slots).tolist() if s not in rows
            )
            rows[slot] = checkpoint.memory.layout.pack(
                Written(
                    values=_direction(checkpoint, token)[None],
                    what=query.what[None],
                    whom=query.whom[None],
                    thresholds=torch.full((1, 2), threshold),
                    demands=torch.tensor([Demand().numbers()]),
                    stems=torch.tensor([stem]),
                    owners=torch.tensor([number]),
                )
            )[0]
    slots = torch.tensor(sorted(rows))
    return Delta(slots, torch.stack([rows[slot] for slot in slots.tolist()]))


def _direction(checkpoint: Checkpoint, token: int) -> torch.Tensor:
    """What is loud for one token behind the last norm."""
    weight = checkpoint.model.get_output_embeddings().weight.detach()
    own = weight[token] - weight.mean(dim=0)
    return _LOUD * own / own.norm()
