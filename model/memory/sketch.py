"""Whom a conversation is about, as far as its words tell. Knows no model and no states.

Names that a base hardly knows are not in its last states; their letters are in the text.
"""

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

CELLS = 2**18
_WORD = re.compile(r"\w+")


class Sketch:
    """The sum over the distinct words of the user's turns of rarity ** `idf_power` × the word's fixed random vector.

    `rarity` (2**18,) in 0..1 is indexed by `cell(word)`. Words of the last turn count in full, those of the turn before
    it times `earlier_turns`, of the one before that times its square. The vector has unit length, or is zero where no
    word counts: a long text spreads it over many words, so that no few of them find a key.
    """

    def __init__(self, rarity: np.ndarray, width: int, idf_power: float, earlier_turns: float) -> None:
        self._weights = np.asarray(rarity, dtype=np.float32) ** np.float32(idf_power)
        self.width, self.earlier_turns = width, earlier_turns

    def of(self, turns: Sequence[str]) -> np.ndarray:
        """The sketch of the texts of the user's turns, oldest first: float32 (width,)."""
        total = np.zeros(self.width, dtype=np.float32)
        for word, share in self._shares(turns).items():
            total += share * self._weights[cell(word)] * vector(word, self.width)
        length = float(np.linalg.norm(total))
        return total / np.float32(length) if length > 0 else total

    def _shares(self, turns: Sequence[str]) -> dict[str, float]:
        shares: dict[str, float] = {}
        share = 1.0
        for turn in reversed(turns):
            for word in words(turn):
                shares.setdefault(word, share)
            share *= self.earlier_turns
            if share < 0.01:
                break
        return shares


def words(text: str) -> list[str]:
    """The words of a text, case folded."""
    return _WORD.findall(text.casefold())


def cell(word: str) -> int:
    """Where a word's rarity is kept."""
    return zlib.crc32(word.encode()) % CELLS


@lru_cache(maxsize=65536)
def vector(word: str, width: int) -> np.ndarray:
    """The word's own random vector, float32 (width,), of about unit length; the same in every process."""
    drawn = np.random.default_rng(zlib.crc32(word.encode())).standard_normal(width)
    return (drawn / np.sqrt(width)).astype(np.float32)
