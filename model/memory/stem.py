"""The stem of a place: the tokens of an answer so far, as one number, and where they send its slots.

A token of an answer makes no query of its own. It carries that of the place where the answer began, and reads the slots
of that place permuted by its stem. So the same token at two places of an answer has two addresses, and an answer that
has left the path that was taught reads nothing that was written for it.
"""

from collections.abc import Sequence
from itertools import count as count_from
from math import gcd

from torch import Tensor

from model.memory.rows import MAX_NUMBER

EMPTY = 0  # the stem where an answer begins
_MULTIPLIER, _INCREMENT = 6_364_136_223_846_793_005, 1_442_695_040_888_963_407  # Knuth's MMIX generator
_WORD = (1 << 64) - 1


def longer(stem: int, token: int) -> int:
    """The stem behind one more token: from 1 to MAX_NUMBER, never EMPTY."""
    mixed = ((stem << 20) ^ (token + 1)) * _MULTIPLIER + _INCREMENT & _WORD
    mixed ^= mixed >> 29
    mixed = mixed * _MULTIPLIER & _WORD
    return (mixed >> 20) % MAX_NUMBER + 1


def stems(tokens: Sequence[int]) -> list[int]:
    """The stems of the places before each of `tokens` and behind the last: one more than there are tokens."""
    found = [EMPTY]
    for token in tokens:
        found.append(longer(found[-1], token))
    return found


def permuted(slots: Tensor, stem: int, count: int) -> Tensor:
    """`slots` of `count`, as a place with that stem reads them: a permutation of all slots, the identity for EMPTY."""
    if stem == EMPTY:
        return slots
    factor = next(factor for factor in count_from((stem >> 13) % count | 1, 2) if gcd(factor, count) == 1)
    return (slots * factor + stem) % count  # below 2^57: slots are below 2^28
