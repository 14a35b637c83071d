"""Which words must be asked for a row to open: what its key's similarity cannot tell. Knows no language.

Words are numbers (`sketch.Words`), 0 stands for none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from model.memory.sketch import Sentence, Words

NAMES, EXCLUSIONS, SENTENCE, PARTS = 6, 12, 16, 4  # of a row, at most; parts, on either side
_WIDTHS = (NAMES, 2 * EXCLUSIONS, SENTENCE, PARTS, PARTS)
WIDTH = sum(_WIDTHS)  # numbers that a row keeps


@dataclass(frozen=True)
class Demand:
    """Words that a row demands of what the user's turns say.

    names       all of them must be asked
    exclusions  pairs: the second must not be asked unless the first is
    sentence    words of the key's own question; the same with one word exchanged for a telling one asks something else
    before      parts of names that stand before one of `names`: where one is not asked, and a telling word that the
                key's question lacks stands there, another one is meant
    behind      the same of parts that stand behind
    Nor does a row open where the prompt itself tells: where a sentence has all names and over half of what else is
    asked, and adds something.
    """

    names: tuple[int, ...] = ()
    exclusions: tuple[tuple[int, int], ...] = ()
    sentence: tuple[int, ...] = ()
    before: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()

    def is_met_by(self, words: Words) -> bool:
        """Whether these are what is demanded."""
        if not all(name in words.said for name in self.names):
            return False
        if any(other in words.said and own not in words.said for own, other in self.exclusions):
            return False
        lacking, added = frozenset(self.sentence) - words.sentence, words.sentence.difference(self.sentence)
        if len(lacking) == len(added) == 1 and added <= words.telling:
            return False
        if self._is_namesake(words, self.before, words.question.before):
            return False
        if self._is_namesake(words, self.behind, words.question.behind):
            return False
        return not any(self._is_told_by(sentence, words.question) for sentence in words.told)

    def is_asked_in(self, sentence: Sequence[int], words: Words) -> bool:
        """Whether a sentence, kept by how its words begin, has all names, as far as `words` tell how these begin."""
        begins = dict(words.question.telling)
        return not sentence or not any(begins[name].isdisjoint(sentence) for name in self.names if name in begins)

    def of_question(self, words: Words) -> "Demand":
        """What a question of the same demands: of its names and their parts what it says, and its own sentence."""
        names, before, behind = (
            tuple(filter(words.said.__contains__, part)) for part in (self.names, self.before, self.behind)
        )
        return Demand(names, self.exclusions, tuple(sorted(words.sentence)), before, behind)

    def _is_namesake(self, words: Words, parts: tuple[int, ...], beside: Iterable[tuple[int, frozenset[int]]]) -> bool:
        """Whether a part of a name is not asked, and another word stands beside one of `names` on its side."""
        if not self.sentence or words.said.issuperset(parts):
            return False
        return any(word in self.names and begins.isdisjoint(self.sentence) for word, begins in beside)

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
        parts = (self.names[:NAMES], pairs, sentence, self.before[:PARTS], self.behind[:PARTS])
        filled = ((*part, *[0] * (width - len(part))) for part, width in zip(parts, _WIDTHS, strict=True))
        return list(chain.from_iterable(filled))

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "Demand":
        """A demand from the numbers that a row keeps."""
        left = iter(numbers)
        names, pairs, *others = [tuple(islice(left, width)) for width in _WIDTHS]
        return cls(tuple(filter(None, names)), tuple(_pairs(pairs)), *(tuple(filter(None, part)) for part in others))


def _pairs(numbers: Sequence[int]) -> Iterable[tuple[int, int]]:
    return (pair for pair in zip(numbers[::2], numbers[1::2], strict=True) if all(pair))
