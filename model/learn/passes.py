"""What the frozen base says at the places of a fact's texts: what they ask, and its states behind the last block.

Nothing here reads a version: these states are the same for all of them. What all prompts begin with, such as the
template's own system turn, passes once; its keys and values are handed to every batch.
Shapes: B texts · T tokens · L tokens of an answer, its end token included · D width.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from model.base.attach import Place
from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.memory.memory import Asked

_TOKENS = 2_048  # of a pass, at most


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
    def said(self, texts: Sequence[tuple[Prompt, Sequence[int]]]) -> list[Said]:
        """Of prompts with the ids of their answers: what is asked, and the states before each token of the answer.

        A prompt without an answer has the one state before whatever follows it.
        """
        found: dict[int, Said] = {}
        for few in self._batches(texts):
            rows = [(*texts[index][0].ids, *texts[index][1][:-1]) for index in few]
            begun = self._begin(rows)
            places = []
            for row, index in enumerate(few):
                prompt, answer = texts[index]
                last = len(prompt.ids) - 1 - len(begun)
                base = self._checkpoint.table.base
                places.append(Place(row, last, base, spoken=self._sketch.spoken(prompt.turns)))
                places += [Place(row, last + more, base) for more in range(1, len(answer))]
            cache = copy.deepcopy(self._begun[1])
            cache.batch_repeat_interleave(len(rows))
            with self._checkpoint.attachment.reading(places) as reads:
                self._decoder(input_ids=self._padded([row[len(begun) :] for row in rows]), past_key_values=cache)
            asked = {place.row: asked for place, asked in zip(places, reads.asked, strict=True) if asked is not None}
            for row, index in enumerate(few):
                own = [at for at, place in enumerate(places) if place.row == row]
                found[index] = Said(asked[row], reads.hidden[own])
        return [found[index] for index in range(len(texts))]

    def _begin(self, rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
        """What all rows begin with, at most all but their last token, passed if it was not what passed last."""
        shared = _shared([row[:-1] for row in rows])
        kept, _ = self._begun
        if shared[: len(kept)] == kept and kept:  # a batch may have more in common by chance
            return kept
        cache = DynamicCache()
        if shared:
            self._decoder(input_ids=torch.tensor([shared], device=self._checkpoint.model.device), past_key_values=cache)
        self._begun = shared, cache
        return shared

    def _padded(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Token ids (B, T), padded on the right: with causal attention no real token sees the padding."""
        T = max(map(len, rows))
        ids = [[*row, *[self._checkpoint.prompts.end] * (T - len(row))] for row in rows]
        return torch.tensor(ids, device=self._checkpoint.model.device)

    @staticmethod
    def _batches(texts: Sequence[tuple[Prompt, Sequence[int]]]) -> Iterator[list[int]]:
        """Indices of texts of about one length, at most _TOKENS tokens together."""
        lengths = [len(prompt.ids) + len(answer) for prompt, answer in texts]
        batch: list[int] = []
        for index in sorted(range(len(texts)), key=lengths.__getitem__):
            if batch and (len(batch) + 1) * lengths[index] > _TOKENS:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch


def _shared(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The longest beginning that all rows have."""
    first, last = min(map(tuple, rows)), max(map(tuple, rows))  # what these two share all between them do
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]
