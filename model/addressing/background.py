"""What nobody teaches: how rare words are, how often addresses are read, a bank of queries that must open nothing."""

import json
import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from model.memory.query import Addressing, Query
from model.memory.sketch import number_of

QUESTION_FILES = ("qa/nq_open", "qa/webquestions", "qa/opentriviaqa", "qa/truthfulqa", "qa/creak_claims")
BANK = 6_000
_AT_ONCE = 512


def rarity_tensors(rarity: Mapping[str, float]) -> dict[str, Tensor]:
    """Words by their numbers, int32 ascending, and how rare they are, float16: 0 for the commonest.

    Where two words share a number the commoner decides.
    """
    levels: dict[int, float] = {}
    for word, level in rarity.items():
        levels[number_of(word)] = min(level, levels.get(number_of(word), 1.0))
    numbers = sorted(levels)
    return {
        "rarity.words": torch.tensor(numbers, dtype=torch.int32),
        "rarity.levels": torch.tensor([levels[number] for number in numbers]).half(),
    }


def document_frequency(addressing: Addressing, queries: Query) -> Tensor:
    """How many of these queries read each address: int32 (n·n,)."""
    counts = torch.zeros(addressing.config.addresses, dtype=torch.int64)
    for first in range(0, len(queries), _AT_ONCE):
        slots, _ = addressing.slots(queries[slice(first, first + _AT_ONCE)])
        read = slots[:, :, 0] // addressing.config.ways  # (P, R)
        for addresses in read:
            counts[addresses.unique()] += 1
    return counts.to(torch.int32)


def bank_of(queries: Query, own: int) -> Query:
    """At most BANK of the queries: the first `own`, then the others evenly."""
    rest = max(0, min(len(queries), BANK) - own)
    others = torch.linspace(own, len(queries) - 1, rest).long() if rest else torch.empty(0, dtype=torch.int64)
    return queries[torch.cat([torch.arange(min(own, BANK)), others])]


def questions_of(data: Path, limit: int) -> Iterator[str]:
    """Questions from a folder in the layout of the shared data, a share from each file that is there."""
    files = [path for name in QUESTION_FILES if (path := data / f"{name}.jsonl.xz").exists()]
    for path in files:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                if number >= limit // len(files):
                    break
                row = json.loads(line)
                yield str(row.get("question") or row.get("claim") or row.get("sentence") or "")
