"""Which words must be asked for a row to open: what its key's similarity cannot tell. Knows no language.

Words are numbers (`sketch.Words`), 0 stands for none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model.memory.sketch import Sentence, Words

NAMES, EXCLUSIONS, SENTENCE = 6, 12, 16  # of a row, at most
WIDTH = NAMES + 2 * EXCLUSIONS + SENTENCE  # numbers that a row keeps


@dataclass(frozen=True)
class Demand:
    """Words that a row demands of what the user's turns say.

    names       all of them must be asked
    exclusions  pairs: the second must not be asked unless the first is
    sentence    words of the key's own question; the same with one word exchanged for a telling one asks something else
    Nor does a row open where the prompt itself tells: where a sentence has all names and over half of what else is
    asked, and adds something.
    """

    names: tuple[int, ...] = ()
    exclusions: tuple[tuple[int, int], ...] = ()
    sentence: tuple[int, ...] = ()

    def is_met_by(self, words: Words) -> bool:
        """Whether these are what is demanded."""
        if not all(name in words.said for name in self.names):
            return False
        if any(other in words.said and own not in words.said for own, other in self.exclusions):
            return False
        lacking, added = frozenset(self.sentence) - words.sentence, words.sentence.difference(self.sentence)
        if len(lacking) == len(added) == 1 and added <= words.telling:
            return False
        return not any(self._is_told_by(sentence, words.question) for sentence in words.told)

    def _is_told_by(self, told: Sentence, question: Sentence) -> bool:
        """Whether a sentence of the prompt answers: it has the names, over half of what is asked of them, and more."""
        if not self.names or not told.said.issuperset(self.names):
            return False
        asked = frozenset().union(*(begins for word, begins in question.telling if word not in self.names))
        tells = [begins for word, begins in told.telling if word not in self.names]
        shared = [begins for begins in tells if begins & asked or not begins.isdisjoint(self.sentence)]
        adds = any(begins.isdisjoint(question.begins) and begins.isdisjoint(self.sentence) for begins in tells)
        wanted = sum(word not in self.names for word, _ in question.telling)
        return adds and 2 * len(set(shared)) > wanted

    def numbers(self) -> list[int]:
        """The demand as a row keeps it: WIDTH numbers; what is beyond the most that fit is left out."""
        pairs = [number for pair in self.exclusions[:EXCLUSIONS] for number in pair]
        sentence = self.sentence if len(self.sentence) <= SENTENCE else ()  # of a long one a part would mean nothing
        parts = ((self.names[:NAMES], NAMES), (pairs, 2 * EXCLUSIONS), (sentence, SENTENCE))
        return [number for part, room in parts for number in (*part, *[0] * (room - len(part)))]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "Demand":
        """A demand from the numbers that a row keeps."""
        names, pairs, sentence = numbers[:NAMES], numbers[NAMES:-SENTENCE], numbers[-SENTENCE:]
        return cls(tuple(filter(None, names)), tuple(_pairs(pairs)), tuple(filter(None, sentence)))


def _pairs(numbers: Sequence[int]) -> Iterable[tuple[int, int]]:
    return (pair for pair in zip(numbers[::2], numbers[1::2], strict=True) if all(pair))
