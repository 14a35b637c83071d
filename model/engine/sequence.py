"""A request in flight, as the scheduler and the model's runner see it: tokens, the view, and where it stands."""

from model.engine.generation import Finish
from model.engine.runner import CHUNK, Chunk, Last
from model.engine.sampling import Draws, Sampling
from model.values import View

WAITING = -1


class Sequence:
    """Tokens of a prompt and of its answer, bound to one view from the beginning to the end.

    client   whose request it is
    row      of the cache, WAITING before it has one
    cached   positions whose keys are in the cache
    answer   tokens produced, the end token left out
    finish   why the answer ends, None before it does
    broken   whether the model gave no numbers for it
    """

    def __init__(self, ids: list[int], view: View, sampling: Sampling, client: str = "") -> None:
        self.ids, self.view, self.sampling, self.client = ids, view, sampling, client
        self.draws = Draws(sampling.seed)
        self.row = WAITING
        self.cached = 0
        self.answer: list[int] = []
        self.finish: Finish | None = None
        self.broken = False

    @property
    def reading(self) -> bool:
        """Whether tokens of the prompt are still to be processed."""
        return self.cached < len(self.ids)

    def next_chunk(self) -> Chunk:
        """The tokens of the prompt that come next, up to a multiple of CHUNK."""
        return Chunk(self.row, self.cached, self.ids[self.cached : self.cached + CHUNK], self.view)

    def last(self) -> Last:
        """The token to process next; while the prompt is read, any: its place is written again."""
        return Last(self.answer[-1] if self.answer else 0, self.cached, self.view)

    def add(self, token: int, ends: frozenset[int]) -> None:
        """One more token of the answer; `ends` are those that end one."""
        if token in ends:
            self.finish = "stop"
            return
        self.answer.append(token)
        if len(self.answer) == self.sampling.max_tokens:
            self.finish = "length"
