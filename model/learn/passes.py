"""What the frozen base says at the places of a fact's texts: what they ask, and its states behind the last block.

Nothing here reads a version: these states are the same for all of them. Texts pass woven into one row, in which what
some of them begin with stands once and each token sees its own text alone. What all begin with, such as the template's
own system turn, passes once; its keys and values are handed to every row.
Shapes: N tokens of a row · P tokens that all texts begin with · L tokens of an answer with its end token · D width.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from model.base.attach import Place
from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.memory.memory import Asked

_TOKENS = 256  # of a row, if its first text has no more: products are as quick as with more, attention is quicker


@dataclass(frozen=True)
class Said:
    """What a prompt asks, and the states (L, D) behind the last block before each token of its answer."""

    asked: Asked
    hidden: Tensor


class Passes:
    """Passes of one base over prompts and answers. It belongs to the thread that runs the model."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._decoder = checkpoint.model.get_decoder()
        self._sketch = checkpoint.memory.addressing.sketch
        self._begun: tuple[tuple[int, ...], Cache] = ((), DynamicCache())

    def asked(self, prompts: Sequence[Prompt]) -> list[Asked]:
        """What prompts ask, where their answers begin."""
        return [said.asked for said in self.said([(prompt, ()) for prompt in prompts])]

    @torch.inference_mode()
    def said(
        self, texts: Sequence[tuple[Prompt, Sequence[int]]], between: Callable[[], None] = lambda: None
    ) -> list[Said]:
        """Of prompts with the ids of their answers: what is asked, and the states before each token of the answer.

        A prompt without an answer has the one state before whatever follows it. `between` is called before each row
        passes; what it raises ends the call.
        """
        rows = [(*prompt.ids, *answer[:-1]) for prompt, answer in texts]
        begun, cache = self._begin([prompt.ids for prompt, _ in texts]) if rows else ((), DynamicCache())
        found: dict[int, Said] = {}
        for row in _woven(rows, len(begun)):
            places, first = list[Place](), list[int]()
            base = self._checkpoint.table.base
            for index, path in row.paths.items():
                prompt, _ = texts[index]
                first.append(len(places))
                asking, *behind = path[len(prompt.ids) - 1 - len(begun) :]
                places.append(Place(0, asking, base, spoken=self._sketch.spoken(prompt.turns, prompt.around)))
                places += [Place(0, position, base) for position in behind]
            between()
            with self._checkpoint.attachment.reading(places) as reads:
                self._pass(row, copy.deepcopy(cache))
            for index, start, end in zip(row.paths, first, [*first[1:], len(places)], strict=True):
                asked = reads.asked[start]
                assert asked is not None  # its place has words  # noqa: S101
                found[index] = Said(asked, reads.hidden[start:end])
        return [found[index] for index in range(len(texts))]

    def _pass(self, row: "Row", cache: Cache) -> None:
        """One pass of a row behind what is in the cache."""
        model = self._checkpoint.model
        N, P = len(row.ids), cache.get_seq_length()
        mask = torch.zeros(N, P + N, dtype=model.dtype)
        mask[:, P:].masked_fill_(~torch.from_numpy(row.sees), -torch.inf)
        self._decoder(
            input_ids=torch.tensor([row.ids], device=model.device),
            position_ids=P + torch.tensor([row.depths], device=model.device),
            attention_mask=mask[None, None].to(model.device),
            past_key_values=cache,
        )

    def _begin(self, rows: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], Cache]:
        """What all prompts begin with, at most all but their last token, passed if it was not what passed last."""
        shared = _shared([row[:-1] for row in rows])
        kept, _ = self._begun
        if not kept or shared[: len(kept)] != kept:  # these may have more in common, by chance
            cache = DynamicCache()
            if shared:
                ids = torch.tensor([shared], device=self._checkpoint.model.device)
                self._decoder(input_ids=ids, past_key_values=cache)
            self._begun = shared, cache
        return self._begun


@dataclass(frozen=True)
class Row:
    """Texts woven into one row of N tokens.

    ids     of the tokens; depths, how many tokens of its text stand before each
    sees    (N, N) whether a token sees another: those before it in its text, and itself
    paths   by text, where its tokens stand
    """

    ids: list[int]
    depths: list[int]
    sees: npt.NDArray[np.bool_]
    paths: dict[int, list[int]]


def _woven(texts: Sequence[Sequence[int]], begun: int) -> Iterator[Row]:
    """Texts in rows of about _TOKENS tokens, without their first `begun` ones; those that begin alike side by side."""
    order = sorted(range(len(texts)), key=lambda index: tuple(texts[index]))
    few: dict[int, Sequence[int]] = {}
    count, before = 0, list[int]()
    for index in order:
        text = list(texts[index][begun:])
        own = len(text) - len(_shared([before, text])) if few else len(text)
        if few and count + own > _TOKENS:
            yield _row(few)
            few, count, own = {}, 0, len(text)
        few[index], before = text, text
        count += own
    if few:
        yield _row(few)


def _row(texts: Mapping[int, Sequence[int]]) -> Row:
    """Some texts in one row."""
    ids, depths, parents = list[int](), list[int](), list[int]()
    places: dict[tuple[int, int], int] = {}  # by what stands before it and what it is, where a token stands
    paths: dict[int, list[int]] = {}
    for index, text in texts.items():
        path = paths[index] = []
        for depth, token in enumerate(text):
            parent = path[-1] if path else -1
            if (parent, token) not in places:
                places[parent, token] = len(ids)
                ids.append(token)
                depths.append(depth)
                parents.append(parent)
            path.append(places[parent, token])
    sees = np.eye(len(ids), dtype=np.bool_)
    for at, parent in enumerate(parents):
        if parent >= 0:
            sees[at] |= sees[parent]
    return Row(ids, depths, sees, paths)


def _shared(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The longest beginning that all rows have."""
    first, last = min(map(tuple, rows)), max(map(tuple, rows))  # what these two share all between them do
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]
