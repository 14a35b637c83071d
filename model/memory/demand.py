"""Which words must be asked for a row to open: what its key's similarity cannot tell. Knows no language.

Words are numbers (`sketch.Words`), 0 stands for none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model.memory.sketch import Words

NAMES, EXCLUSIONS, SENTENCE = 6, 12, 16  # of a row, at most
WIDTH = NAMES + 2 * EXCLUSIONS + SENTENCE  # numbers that a row keeps


@dataclass(frozen=True)
class Demand:
    """Words that a row demands of what the user's turns say.

    names       all of them must be asked
    exclusions  pairs: the second must not be asked unless the first is
    sentence    words of the key's own question; the same with one word exchanged for a telling one asks something else
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
        return not (len(lacking) == len(added) == 1 and added <= words.telling)

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
