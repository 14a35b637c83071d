"""The base as transformers runs it, which all rivals start from: batches, greedy answers, losses.

Shapes: B rows of a batch · T tokens · L tokens of an answer with its end token · D width.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DynamicCache

from evaluation.sets import Chat
from model.base.attach import last_norm
from model.base.checkpoint import load_base
from model.base.prompts import Prompt, Prompts

_ROWS = 32

Before = Callable[[Sequence[Prompt]], None]


@dataclass(frozen=True)
class Example:
    """A prompt and the ids of its answer, the end token last."""

    prompt: Prompt
    answer: tuple[int, ...]


@dataclass
class Seen:
    """States of one text, or of all rows of the last pass.

    states  by layer, what its feed-forward part was given (T, D)
    added   by layer, what it gave
    hidden  (T, D) behind the last block
    """

    states: dict[int, Tensor] = field(default_factory=dict)
    added: dict[int, Tensor] = field(default_factory=dict)
    hidden: Tensor = field(default_factory=lambda: torch.empty(0))

    def row(self, index: int) -> "Seen":
        """One text of a pass."""
        return Seen(
            {layer: each[index] for layer, each in self.states.items()},
            {layer: each[index] for layer, each in self.added.items()},
            self.hidden[index],
        )


@contextmanager
def watching(model: Any, layers: Sequence[int]) -> Iterator[Seen]:
    """Keep what passes of a model have at these layers, until the block is left."""
    seen, blocks, handles = Seen(), model.get_decoder().layers, []

    def watch(layer: int) -> Callable[..., None]:
        def keep(_: nn.Module, given: tuple[Tensor, ...], added: Tensor) -> None:
            seen.states[layer], seen.added[layer] = given[0], added

        return keep

    def keep_last(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.hidden = given[0]

    handles = [blocks[layer].mlp.register_forward_hook(watch(layer)) for layer in layers]
    handles.append(last_norm(model).register_forward_pre_hook(keep_last))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


class Base:
    """A model of one's own: a rival may change its weights.

    folder  of the base; device as torch names it
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        model, self.prompts = load_base(folder, device)
        self.model: Any = model
        self._entering: dict[Example, Tensor] = {}

    def prompt(self, chat: Chat) -> Prompt:
        """A chat as a prompt."""
        return chat_prompt(self.prompts, chat)

    def example(self, question: str, answer: str) -> Example:
        """A question with its answer."""
        return Example(self.prompts.question(question), self.prompts.answer(answer))

    @torch.inference_mode()
    def answers(self, prompts: Sequence[Prompt], tokens: int, before: Before | None = None) -> list[str]:
        """Greedy answers in the order of the prompts, at most so many tokens, in batches of about equal length.

        before  called with the prompts of each batch
        """
        ends = torch.tensor(sorted(self.prompts.ends), device=self.model.device)
        said: dict[int, str] = {}
        for batch, few in _batches(prompts, before):
            chosen = list[Tensor]()
            over = torch.zeros(len(few), dtype=torch.bool, device=self.model.device)
            for logits in self._steps([prompt.ids for prompt in few], chosen):
                chosen.append(logits.argmax(dim=1))
                over |= torch.isin(chosen[-1], ends)
                if len(chosen) == tokens or bool(over.all()):
                    break
            for index, row in zip(batch, torch.stack(chosen, dim=1).tolist(), strict=True):
                ended = next((at for at, token in enumerate(row) if token in self.prompts.ends), len(row))
                said[index] = self.prompts.text(row[:ended]).strip()
        return [said[index] for index in range(len(prompts))]

    @torch.inference_mode()
    def scores(self, prompts: Sequence[Prompt], answers: Sequence[str], before: Before | None = None) -> list[float]:
        """Mean log-probability of the tokens of an answer behind each prompt, in nats; read step by step as if said."""
        found: dict[int, float] = {}
        for batch, few in _batches(prompts, before):
            wanted = [self.prompts.answer(answers[index])[:-1] for index in batch]
            ids = [torch.tensor(row, device=self.model.device) for row in wanted]
            forced = nn.utils.rnn.pad_sequence(ids, padding_value=self.prompts.end)  # a step a row
            steps, chosen = list[Tensor](), list[Tensor]()
            for token, logits in zip(forced, self._steps([prompt.ids for prompt in few], chosen), strict=False):
                steps.append(logits.float().log_softmax(dim=1).gather(1, token[:, None])[:, 0])
                chosen.append(token)
            likely = torch.stack(steps, dim=1)
            found |= {
                index: float(likely[at, : len(row)].mean())
                for at, (index, row) in enumerate(zip(batch, wanted, strict=True))
            }
        return [found[index] for index in range(len(prompts))]

    @torch.inference_mode()
    def seen(self, examples: Sequence[Example], layers: Sequence[int]) -> Iterator[tuple[Example, "Seen"]]:
        """What the untouched base has at all places of examples, one after another."""
        with watching(self.model, layers) as kept:
            for example in examples:
                self.model.get_decoder()(input_ids=torch.tensor([_row(example)], device=self.model.device))
                yield example, kept.row(0)

    @contextmanager
    def above(self, block: int, examples: Sequence[Example]) -> Iterator[None]:
        """Until it is left, losses of these examples begin at a block: what it is given is kept, none below learns."""
        decoder = self.model.get_decoder()
        with torch.no_grad(), _given(decoder.layers[block]) as given:
            for example in examples:
                decoder(input_ids=torch.tensor([_row(example)], device=self.model.device))
                self._entering[example] = given.pop()[0]
        every, decoder.layers = decoder.layers, decoder.layers[block:]
        try:
            yield
        finally:
            decoder.layers = every
            self._entering.clear()

    def loss(self, examples: Sequence[Example]) -> Tensor:
        """Mean cross entropy of the tokens of the answers, end tokens included; the head is asked at these alone."""
        hidden = self.model.get_decoder()(**self._padded(examples), use_cache=False).last_hidden_state
        places = [
            (row, len(example.prompt.ids) - 1 + step)
            for row, example in enumerate(examples)
            for step in range(len(example.answer))
        ]
        at, positions = zip(*places, strict=True)
        logits = self.model.get_output_embeddings()(hidden[list(at), list(positions)])
        wanted = torch.tensor([token for example in examples for token in example.answer], device=logits.device)
        return F.cross_entropy(logits.float(), wanted)

    def _steps(self, rows: Sequence[Sequence[int]], chosen: Sequence[Tensor]) -> Iterator[Tensor]:
        """Logits (B, W) behind rows, then behind each token that the caller adds to `chosen`.

        Rows are filled up on the left behind what all of them begin with.
        """
        begun = _shared(rows)
        longest, device = max(map(len, rows)), self.model.device
        empty = [longest - len(row) for row in rows]
        filled = [[*[self.prompts.end] * few, *row[begun:]] for few, row in zip(empty, rows, strict=True)]
        seen = [[*[1] * begun, *[0] * few, *[1] * (longest - begun - few)] for few in empty]
        ids, mask = torch.tensor(filled, device=device), torch.tensor(seen, device=device)
        cache = DynamicCache(config=self.model.config)
        if begun:
            self.model.get_decoder()(input_ids=torch.tensor([rows[0][:begun]], device=device), past_key_values=cache)
            cache.batch_repeat_interleave(len(rows))
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, begun:]
        while True:
            output = self.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                logits_to_keep=1,
            )
            yield output.logits[:, -1]
            ids, positions = chosen[-1][:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)

    def _padded(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Rows filled up on the right: attention is causal, so that no place that is read sees it."""
        if self._entering:
            rows = [self._entering[example] for example in examples]
            return {"inputs_embeds": nn.utils.rnn.pad_sequence(rows, batch_first=True)}
        ids = [torch.tensor(_row(example), device=self.model.device) for example in examples]
        filled = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=self.prompts.end)
        return {"input_ids": filled, "attention_mask": torch.ones_like(filled)}


def chat_prompt(prompts: Prompts, chat: Chat) -> Prompt:
    """A chat as a prompt of this tokenizer."""
    return prompts.chat([{"role": role, "content": content} for role, content in chat])


def _row(example: Example) -> list[int]:
    """All tokens behind which a token of the answer is to be said."""
    return [*example.prompt.ids, *example.answer[:-1]]


@contextmanager
def _given(block: nn.Module) -> Iterator[list[Tensor]]:
    """What passes give a block, added to a list until it is left."""
    given: list[Tensor] = []
    handle = block.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    try:
        yield given
    finally:
        handle.remove()


def _batches(prompts: Sequence[Prompt], before: Before | None) -> Iterator[tuple[list[int], list[Prompt]]]:
    """Prompts of about equal length, with their indexes; `before` is called with them."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index].ids))
    for start in range(0, len(order), _ROWS):
        batch = order[start : start + _ROWS]
        few = [prompts[index] for index in batch]
        if before is not None:
            before(few)
        yield batch, few


def _shared(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with, at most all but the last of the shortest."""
    first, last = min(map(tuple, rows)), max(map(tuple, rows))
    same = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return min(same, min(map(len, rows)) - 1)
