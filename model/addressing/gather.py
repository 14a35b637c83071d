"""States of all prompts that a projection is trained on, kept in a folder chunk by chunk: what broke off goes on."""

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.addressing.companies import COURTESY, LOWER, PLAIN, SYSTEM, TOPIC, TURNS, UNFRAMED, Companion
from model.addressing.pairs import ATTRIBUTES, Item, PairFile, prompts_of
from model.addressing.states import Prompt, StateReader

CHUNK_ITEMS, BACKGROUND_PARTS = 500, 5
_BACKGROUND_KINDS = [*[PLAIN] * 4, SYSTEM, TURNS, TOPIC, COURTESY, LOWER, UNFRAMED]

Say = Callable[[str], None]


@dataclass
class Gathered:
    """States (T, layers, D) float16 with the turns of each text; `item` is its item's number, `kind` its company."""

    states: np.ndarray
    turns: list[tuple[str, ...]]
    item: list[int]
    kind: list[str]

    def of_layers(self, layers: Sequence[int], known: Sequence[int]) -> Tensor:
        """(T, E·D) float16: states of `layers`, of those that are `known`, side by side."""
        chosen = [list(known).index(layer) for layer in layers]
        return torch.from_numpy(self.states[:, chosen].reshape(len(self.states), -1))

    def where(self, keep: Sequence[bool]) -> "Gathered":
        """The texts for which `keep` is true."""
        at = np.flatnonzero(np.array(keep))
        turns, item, kind = [self.turns[i] for i in at], [self.item[i] for i in at], [self.kind[i] for i in at]
        return Gathered(self.states[at], turns, item, kind)


class Gatherer:
    """Reads states of the pair file's prompts, and keeps them in `folder`."""

    def __init__(self, reader: StateReader, folder: Path, say: Say) -> None:
        self._reader, self._folder, self._say = reader, folder, say
        folder.mkdir(parents=True, exist_ok=True)

    def wordings(self, file: PairFile, seconds: float) -> Gathered:
        """As many chunks of items as `seconds` allow for, at least one; chunks that are there cost nothing.

        Many attributes of one subject come first: they are short, and nothing else tells so well what is asked.
        """
        end, found = time.monotonic() + seconds, list[Gathered]()
        names = {
            f"{part}{number}": (number, chunk)
            for part, chosen in (("a", True), ("c", False))
            for number, chunk in enumerate(chunks_of(file.items, attributes=chosen))
        }
        for name, (number, chunk) in names.items():
            if found and time.monotonic() > end and not self._is_there(name):
                break
            items = [file.items[index] for index in chunk]
            drawn = prompts_of(items, Companion(self._reader.tokenizer, number), random.Random(number))  # noqa: S311 - seeded, not secret
            found.append(self._kept(name, [(chunk[index], kind, prompt) for index, kind, prompt in drawn]))
        self._say(f"{len(found)} of {len(names)} chunks of questions read")
        return _joined(found)

    def background(self, questions: Sequence[str], seconds: float, name: str = "bg") -> Gathered:
        """Questions that nobody teaches, most of them plain, some in company."""
        end, found = time.monotonic() + seconds, list[Gathered]()
        for part in range(BACKGROUND_PARTS):
            if found and time.monotonic() > end and not self._is_there(f"{name}{part}"):
                break
            seed = 90 + part
            companion, rng = Companion(self._reader.tokenizer, seed), random.Random(seed)  # noqa: S311 - seeded, not secret
            kinds = [random.Random(i).choice(_BACKGROUND_KINDS) for i in range(len(questions[part::BACKGROUND_PARTS]))]  # noqa: S311 - seeded, not secret
            texts = zip(questions[part::BACKGROUND_PARTS], kinds, strict=True)
            found.append(
                self._kept(f"{name}{part}", [(-1, kind, companion.put(text, kind, rng)) for text, kind in texts])
            )
        return _joined(found)

    def _is_there(self, name: str) -> bool:
        return (self._folder / f"{name}.json").exists()

    def _kept(self, name: str, drawn: list[tuple[int, str, Prompt]]) -> Gathered:
        path = self._folder / f"{name}.npy"
        turns = [list(prompt.turns) for *_, prompt in drawn]
        # What was read of other pairs is read anew.
        if not self._is_there(name) or json.loads(path.with_suffix(".json").read_text())["turns"] != turns:
            began = time.monotonic()
            np.save(path, self._reader.last([prompt for _, _, prompt in drawn]))
            path.with_suffix(".json").write_text(json.dumps({"turns": turns}))
            self._say(f"{name}: {len(drawn)} prompts in {time.monotonic() - began:.0f} s")
        kept = [prompt.turns for *_, prompt in drawn]
        return Gathered(np.load(path), kept, [item for item, _, _ in drawn], [kind for _, kind, _ in drawn])


def chunks_of(items: Sequence[Item], *, attributes: bool) -> list[list[int]]:
    """Numbers of the items of kind ATTRIBUTES, or of all others, 500 or some more at a time.

    They are shuffled; items about one subject stay together.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        if (item.kind == ATTRIBUTES) is attributes:
            groups[item.group].append(number)
    shuffled = list(groups.values())
    random.Random(5).shuffle(shuffled)  # noqa: S311 - seeded, not secret
    chunks: list[list[int]] = [[]]
    for group in shuffled:
        if len(chunks[-1]) >= CHUNK_ITEMS:
            chunks.append([])
        chunks[-1] += group
    return chunks


def _joined(parts: list[Gathered]) -> Gathered:
    turns = [each for part in parts for each in part.turns]
    item, kind = [each for part in parts for each in part.item], [each for part in parts for each in part.kind]
    return Gathered(np.concatenate([part.states for part in parts]), turns, item, kind)
