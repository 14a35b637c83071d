"""A request in flight, as the scheduler and the loop see it: tokens, the view, and where it stands."""

from collections.abc import Sequence as ListOf
from functools import cached_property

from model.base.attach import Place
from model.engine.blocks import BLOCK, blocks_for, names
from model.engine.echo import Chain
from model.engine.generation import Citation, Finish
from model.engine.pool import Kept
from model.engine.runner import Piece
from model.engine.sampling import Draws, Sampling, TokenScores
from model.memory.memory import Asked, Opened
from model.memory.sketch import Spoken
from model.memory.stem import EMPTY, longer
from model.memory.table import View

_FORESEEN = 128  # positions of an answer that room is kept for; longer ones find it as they grow, or wait


class Sequence:
    """Tokens of a prompt and of its answer, bound to one view from the beginning to the end.

    limit         positions that it can have
    spoken        what the user's words tell; None: it reads no memory
    every_spoken  the same of the prompt's beginnings, place by place, where the prompt's own tokens are scored
    only_taught   whether it ends at once where nothing opens at the beginning of the answer
    runs          whether it has a place among those that are run
    blocks        of the cache that it uses
    cached        positions whose keys are in them
    lent          a block whose beginning its last one is to have, until that is copied
    kept          copies of its blocks while others have the room
    answer        tokens produced, the end token left out
    prompt_scores of the prompt's tokens, from the second on
    chain         what the place before asked whose tokens are scored, if a row opened there
    finish        why the answer ends, None before it does
    broken        whether the model gave no numbers for it
    """

    def __init__(
        self,
        ids: ListOf[int],
        view: View,
        sampling: Sampling,
        *,
        limit: int,
        spoken: Spoken | None = None,
        every_spoken: ListOf[Spoken] = (),
        only_taught: bool = False,
        client: str = "",
    ) -> None:
        self.ids, self.view, self.sampling, self.client = list(ids), view, sampling, client
        self.limit = limit if sampling.max_tokens is None else min(limit, len(ids) + sampling.max_tokens)
        self.spoken, self.every_spoken, self.only_taught = spoken, every_spoken, only_taught
        self.draws = Draws(sampling.seed)
        self.runs = False
        self.blocks: list[int] = []
        self.cached = 0
        self.lent: int | None = None
        self.kept: Kept | None = None
        self.answer: list[int] = []
        self.prompt_scores: list[TokenScores] = []
        self.finish: Finish | None = None
        self.broken = False
        self.chain: Chain | None = None
        self._cited: dict[int, float] = {}
        self._asked: Asked | None = None
        self._stem = EMPTY

    @cached_property
    def names(self) -> list[bytes]:
        """The names of its prompt."""
        return list(names(self.ids))

    @property
    def reading(self) -> bool:
        """Whether tokens of the prompt are still to be processed."""
        return self.cached < len(self.ids)

    @property
    def foreseen(self) -> int:
        """How many blocks it should find room for; it may need more."""
        return blocks_for(min(self.limit, max(len(self.ids), self.cached) + _FORESEEN))

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The facts whose rows were read, in the order in which they were."""
        return tuple(Citation(fact, gate) for fact, gate in self._cited.items())

    def prompt(self, tokens: int) -> Piece:
        """The next tokens of the prompt, at most so many."""
        end = min(self.cached + tokens, len(self.ids))
        places: list[Place] = []
        if self.sampling.scores_prompt:
            places = [self._scored(position) for position in range(self.cached, min(end, len(self.ids) - 1))]
        if end == len(self.ids):
            places.append(Place(0, end - 1 - self.cached, self.view, spoken=self.spoken))
        return Piece(self.ids[self.cached : end], self.cached, self.blocks[: blocks_for(end)], places)

    def last(self) -> Piece:
        """The token to process next, the last of the answer."""
        place = Place(0, 0, self.view, asked=self._asked, stem=self._stem)
        return Piece([self.answer[-1]], self.cached, self.blocks[: self.cached // BLOCK + 1], [place], is_answer=True)

    def saw(self, asked: Asked | None, opened: Opened | None) -> None:
        """What was found at the place whose output gives the next token.

        Where nothing opened nothing is read again: the stems of the places behind it are in no row.
        """
        self._asked = asked if opened is not None else None
        if opened is not None:
            self._cited[opened.fact] = max(opened.gate, self._cited.get(opened.fact, 0.0))
        elif self.only_taught and not self.answer:
            self.finish = "untaught"

    def add(self, token: int, ends: frozenset[int]) -> None:
        """One more token of the answer; `ends` are those that end one."""
        if token in ends:
            self.finish = "stop"
            return
        self.answer.append(token)
        self._stem = longer(self._stem, token)
        if len(self.ids) + len(self.answer) >= self.limit:
            self.finish = "length"

    def _scored(self, position: int) -> Place:
        spoken = self.every_spoken[position] if self.every_spoken else None
        return Place(0, position - self.cached, self.view, spoken=spoken)
