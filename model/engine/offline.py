"""Greedy generation without a thread, for measuring and for the gate: the engine's own loop, turned by the caller."""

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.engine.blocks import BLOCK, blocks_for
from model.engine.generation import Citation, Finish
from model.engine.loop import Loop
from model.engine.sampling import Sampling
from model.engine.sequence import Sequence
from model.errors import NotFinite, PromptTooLong
from model.memory.sketch import Spoken
from model.memory.table import View

_ROWS = 32
_POSITIONS = 8_192  # of the cache, or as many as one prompt needs


@dataclass(frozen=True)
class Ask:
    """What is to be continued, the view to read, and at most how many tokens to add."""

    prompt: Prompt
    view: View
    max_tokens: int


@dataclass(frozen=True)
class Completion:
    """Generated token ids without the end token, why they end, and the facts that were read."""

    ids: list[int]
    finish: Finish
    citations: tuple[Citation, ...]


def spoken_in(checkpoint: Checkpoint, prompt: Prompt, view: View) -> Spoken | None:
    """What the words of a prompt tell; None where there is nothing to be asked, in the base."""
    sketch = checkpoint.memory.addressing.sketch
    return None if view is checkpoint.table.base else sketch.spoken(prompt.turns, prompt.around)


def generate(checkpoint: Checkpoint, asks: ListOf[Ask]) -> list[Completion]:
    """Continue prompts greedily until each has ended; must run on the thread that owns the model.

    Raises NotFinite when a view's rows make the output of the model no number, PromptTooLong where the positions do
    not hold prompt and answer.
    """
    if not asks:
        return []
    needs = [len(ask.prompt.ids) + ask.max_tokens for ask in asks]
    if max(needs) > checkpoint.positions:
        raise PromptTooLong(f"prompt and answer have {max(needs):,} tokens; the model has {checkpoint.positions:,}")
    room = min(sum(BLOCK * blocks_for(need) for need in needs), max(_POSITIONS, max(needs)))
    loop = Loop(checkpoint, rows=min(_ROWS, len(asks)), queue=len(asks), positions=room)
    sequences = [
        Sequence(
            ask.prompt.ids,
            ask.view,
            Sampling(ask.max_tokens),
            limit=checkpoint.positions,
            spoken=spoken_in(checkpoint, ask.prompt, ask.view),
        )
        for ask in asks
    ]
    for sequence in sequences:
        loop.scheduler.add(sequence)
    completions: dict[Sequence, Completion] = {}
    while len(completions) < len(sequences):
        loop.admit()
        for sequence, _ in loop.step():
            if sequence.broken:
                raise NotFinite("the rows of a version make the model's output no number")
            if sequence.finish is not None:
                completions[sequence] = Completion(sequence.answer, sequence.finish, sequence.citations)
                loop.remove(sequence)
    return [completions[sequence] for sequence in sequences]
