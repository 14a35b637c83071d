"""Which words must be asked for a row to open: what its key's similarity cannot tell. Knows no language.

Words are numbers (`sketch.numbers_of`), 0 stands for none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAMES, EXCLUSIONS = 6, 12  # of a row, at most
WIDTH = NAMES + 2 * EXCLUSIONS  # numbers that a row keeps


@dataclass(frozen=True)
class Demand:
    """Words that a row demands of what the user's turns say.

    names       all of them must be asked
    exclusions  pairs: the second must not be asked unless the first is
    """

    names: tuple[int, ...] = ()
    exclusions: tuple[tuple[int, int], ...] = ()

    def is_met_by(self, words: frozenset[int]) -> bool:
        """Whether these are what is demanded."""
        return all(name in words for name in self.names) and not any(
            other in words and own not in words for own, other in self.exclusions
        )

    def numbers(self) -> list[int]:
        """The demand as a row keeps it: WIDTH numbers; what is beyond the most that fit is left out."""
        names = [*self.names[:NAMES], *[0] * (NAMES - len(self.names))]
        pairs = [number for pair in self.exclusions[:EXCLUSIONS] for number in pair]
        return [*names, *pairs, *[0] * (2 * EXCLUSIONS - len(pairs))]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "Demand":
        """A demand from the numbers that a row keeps."""
        names = tuple(name for name in numbers[:NAMES] if name)
        return cls(names, tuple(_pairs(numbers[NAMES:])))


def _pairs(numbers: Sequence[int]) -> Iterable[tuple[int, int]]:
    return (pair for pair in zip(numbers[::2], numbers[1::2], strict=True) if all(pair))
