"""Greedy generation without a thread, for measuring and for the gate: the engine's own loop, turned by the caller."""

from collections.abc import Sequence as ListOf
from dataclasses import dataclass

from model.checkpoint import Checkpoint
from model.engine.generation import Finish
from model.engine.loop import Loop
from model.engine.sampling import Sampling
from model.engine.sequence import Sequence
from model.errors import NotFinite, PromptTooLong
from model.text import start_tokens
from model.values import View

_ROWS = 64


@dataclass(frozen=True)
class Prompt:
    """What is to be continued: token ids, the view to read, and at most how many tokens to add."""

    ids: list[int]
    view: View
    max_tokens: int


@dataclass(frozen=True)
class Completion:
    """Generated token ids without the end token, and why they end."""

    ids: list[int]
    finish: Finish


def tokenize(checkpoint: Checkpoint, prompt: str) -> list[int]:
    """Token ids of a prompt, the beginning of sequence in front.

    Raises PromptTooLong for one that could not fit, however few tokens it made: to count them would take seconds.
    """
    positions = checkpoint.model.config.max_position_embeddings
    if len(prompt) > (limit := positions * checkpoint.longest_token):
        raise PromptTooLong(f"the prompt has {len(prompt)} characters; {positions} positions hold at most {limit}")
    ids: list[int] = checkpoint.tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return [*start_tokens(checkpoint.tokenizer), *ids]


def generate(checkpoint: Checkpoint, prompts: ListOf[Prompt]) -> list[Completion]:
    """Continue prompts greedily until each has ended; must run on the thread that owns the model.

    Raises NotFinite when a view's rows make the output of the model no number.
    """
    if not prompts:
        return []
    limit = max(len(prompt.ids) + prompt.max_tokens for prompt in prompts)
    loop = Loop(checkpoint, rows=min(_ROWS, len(prompts)), queue=len(prompts), limit=limit, prefix_tokens=0)
    sequences = [Sequence(prompt.ids, prompt.view, Sampling(prompt.max_tokens)) for prompt in prompts]
    for sequence in sequences:
        loop.scheduler.add(sequence)
    completions: dict[Sequence, Completion] = {}
    while len(completions) < len(sequences):
        loop.admit()
        for sequence, _ in loop.step():
            if sequence.broken:
                raise NotFinite("the rows of a version make the model's output no number")
            if sequence.finish is not None:
                completions[sequence] = Completion(sequence.answer, sequence.finish)
                loop.remove(sequence)
    return [completions[sequence] for sequence in sequences]
