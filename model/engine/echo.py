"""The places of a text that is scored token by token, each read as it would be if an answer had begun there.

At every place a query is made. Where a row opens, an answer that began there would carry the query on, with the tokens
since as its stem; so do the places behind it, as long as rows open. The prompt's own tokens are then scored by exactly
what generation would say in their place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from model.engine.runner import Piece, Seen
from model.memory.memory import Asked, Looked, Memory
from model.memory.stem import EMPTY, longer


@dataclass(frozen=True)
class Chain:
    """What was asked at a place where a row opened, and the stem of the tokens since."""

    asked: Asked
    stem: int

    def then(self, token: int) -> "Chain":
        """The chain behind one more token."""
        return Chain(self.asked, longer(self.stem, token))


def carried(
    memory: Memory, piece: Piece, seen: Seen, following: Sequence[int], chain: Chain | None
) -> tuple[Piece, Chain | None]:
    """The piece with the queries that its places carry, and the chain behind it.

    seen       what was found where each place made a query of its own
    following  tokens that follow the places which are scored, the first of all places
    chain      of the place before the first
    """
    places, differs = list(piece.places), False
    for index, token in enumerate(following):
        place = places[index]
        if chain is not None:
            if memory.read([Looked(chain.asked, place.view, chain.stem)])[0] is not None:
                places[index] = replace(place, spoken=None, asked=chain.asked, stem=chain.stem)
                chain, differs = chain.then(token), True
                continue
            chain = None
        asked = seen.asked[index]
        if seen.opened[index] is not None and asked is not None:
            chain = Chain(asked, EMPTY).then(token)
    return (replace(piece, places=places) if differs else piece), chain
