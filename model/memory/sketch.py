"""Whom a conversation is about, as far as its words tell. Knows no model and no states.

Names that a base hardly knows are not in its last states; their letters are in the text.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WORDS = 2**22  # numbers of words; 0 stands for none
_BEGINNING = 5  # letters of a word that stand for it and its inflections in a sentence
_TELLING = 0.3  # rarity from which on a word tells what is asked
_WORD = re.compile(r"\w+")
_BETWEEN = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"'”’»)]))\s+|\n+")  # sentences, and items of a list
_ASKS = re.compile(r".*[?？؟;][\"'”’»)]*", re.DOTALL)


@dataclass(frozen=True)
class Sentence:
    """Numbers of the words of a sentence.

    said     all, as a demand names them
    begins   all, by how they begin
    telling  those that are not common: (as a demand names it, by how it and its singular begin)
    before   of words behind one that is not common: (as a demand names it, by how the other and its singular begin)
    behind   the same of words before one
    """

    said: frozenset[int] = frozenset()
    begins: frozenset[int] = frozenset()
    telling: tuple[tuple[int, frozenset[int]], ...] = ()
    before: tuple[tuple[int, frozenset[int]], ...] = ()
    behind: tuple[tuple[int, frozenset[int]], ...] = ()


@dataclass(frozen=True)
class Words:
    """Numbers of the words of the user's turns.

    said      of all turns; a plural in -s has that of its singular
    sentence  of the last turn, by how they begin
    telling   those of the sentence that are not common
    question  the sentence that asks: the last one of the last turn with a question mark, else the last one
    told      what all others tell that do not ask themselves, of system messages and the user's turns
    """

    said: frozenset[int] = frozenset()
    sentence: frozenset[int] = frozenset()
    telling: frozenset[int] = frozenset()
    question: Sentence = Sentence()
    told: tuple[Sentence, ...] = ()


NOTHING = Words()


@dataclass(frozen=True)
class Spoken:
    """What the words of the user's turns tell: their sketch (width,), and their numbers."""

    sketch: NDArray[np.float32]
    words: Words


class Sketch:
    """The sum over the distinct words of the user's turns of rarity ** `idf_power` × the word's fixed random vector.

    `rarity`, 0 to 1, is told by the numbers of words; a word that is not listed has 1. Words of the last turn count in
    full, those of the turn before it times `earlier_turns`, of the one before that times its square. The vector has
    unit length, or is zero where no word counts: a long text spreads it over many words, so that no few of them find a
    key.
    """

    def __init__(self, rarity: Mapping[int, float], width: int, idf_power: float, earlier_turns: float) -> None:
        self._rarity, self._idf_power = rarity, idf_power
        self.width, self.earlier_turns = width, earlier_turns
        self._sentence = lru_cache(maxsize=4096)(self._read)  # beginnings of a text that is scored share theirs

    def of(self, turns: Sequence[str]) -> np.ndarray:
        """The sketch of the texts of the user's turns, oldest first: float32 (width,)."""
        total: NDArray[np.float32] = np.zeros(self.width, dtype=np.float32)
        for word, share in self._shares(turns).items():
            total += np.float32(share * self.rarity(word) ** self._idf_power) * vector(word, self.width)
        length = float(np.linalg.norm(total))
        return total / np.float32(length) if length > 0 else total

    def rarity(self, word: str) -> float:
        """How rare a word is, from 0 to 1."""
        return self._rarity.get(number_of(word), 1.0)

    def spoken(self, turns: Sequence[str], around: Sequence[str] = ()) -> Spoken:
        """The sketch of the texts of the user's turns, oldest first; and the words of these, and of what is around."""
        return Spoken(self.of(turns), self.words(turns, around))

    def words(self, turns: Sequence[str], around: Sequence[str] = ()) -> Words:
        """The numbers of the words of the texts of the user's turns, oldest first, and of what is said around them."""
        last = words(turns[-1]) if turns else []
        asking, others = _parted(turns, around)
        return Words(
            frozenset(number for turn in turns for number in numbers_of(turn)),
            frozenset(map(_beginning, last)),
            frozenset(_beginning(word) for word in last if self.rarity(word) >= _TELLING),
            self._sentence(asking),
            tuple(self._sentence(text) for text in others if not _ASKS.fullmatch(text)),
        )

    def _read(self, text: str) -> Sentence:
        said, numbers = words(text), numbers_of(text)
        begins = [frozenset({_beginning(word), _beginning(_singular(word))}) for word in said]
        telling = [at for at, word in enumerate(said) if self.rarity(word) >= _TELLING]
        return Sentence(
            frozenset(numbers),
            frozenset(map(_beginning, said)),
            tuple((numbers[at], begins[at]) for at in telling),
            tuple((numbers[at + 1], begins[at]) for at in telling if at + 1 < len(said)),
            tuple((numbers[at - 1], begins[at]) for at in telling if at),
        )

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


def _parted(turns: Sequence[str], around: Sequence[str]) -> tuple[str, list[str]]:
    """The sentence that asks, and all others."""
    *earlier, last = [_sentences(text) for text in turns] or [[]]
    at = next((at for at in reversed(range(len(last))) if _ASKS.fullmatch(last[at])), len(last) - 1)
    others = [text for texts in (*map(_sentences, around), *earlier, last[:at], last[at + 1 :]) for text in texts]
    return (last[at], others) if last else ("", others)


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _BETWEEN.split(text) if _WORD.search(part)]


def words(text: str) -> list[str]:
    """The words of a text, case folded."""
    return _WORD.findall(text.casefold())


def numbers_of(text: str) -> list[int]:
    """The numbers of a text's words; a plural in -s has that of its singular."""
    return [number_of(_singular(word)) for word in words(text)]


def number_of(word: str) -> int:
    """A word's number, from 1 to WORDS - 1."""
    return zlib.crc32(word.encode()) % (WORDS - 1) + 1


def _beginning(word: str) -> int:
    return number_of(word[:_BEGINNING])


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=65536)
def vector(word: str, width: int) -> np.ndarray:
    """The word's own random vector, float32 (width,), of about unit length; the same in every process."""
    drawn = np.random.default_rng(zlib.crc32(word.encode())).standard_normal(width)
    scaled: np.ndarray = (drawn / np.sqrt(width)).astype(np.float32)
    return scaled
