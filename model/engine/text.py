"""The text of an answer as its tokens come: nothing that was given out is ever taken back.

Held back are half characters, white space that may turn out to be the end, and what may become a stop string.
"""

from collections import deque
from collections.abc import Callable
from functools import lru_cache

from model.base.prompts import Prompts
from model.engine.generation import Piece, TokenLogprob
from model.engine.sampling import TokenScores

_HALF = "\ufffd"  # what decoding puts where bytes are no character, or not yet


class Vocabulary:
    """Tokens as text."""

    def __init__(self, prompts: Prompts) -> None:
        self.text = prompts.text
        self.name = lru_cache(maxsize=65536)(lambda token: str(prompts.tokenizer.decode([token])))

    def named(self, text: str, scores: TokenScores) -> TokenLogprob:
        """A token of this text with its figures, and its alternatives by their texts."""
        return TokenLogprob(text, scores.logprob, tuple((self.name(other), logprob) for other, logprob in scores.top))


class AnswerText:
    """Tokens in, pieces of text out; the pieces together are the decoded tokens, cut and stripped.

    decode  token ids into text, special tokens left out
    stop    strings before which the answer ends
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: tuple[str, ...]) -> None:
        self._decode, self._stop = decode, stop
        self._tokens: list[int] = []
        # Decoded are the tokens from `_start` on, of which those below `_read` are context: some tokenizers
        # put a space in front of the first token, and must not do so in the middle.
        self._start = self._read = 0
        self._text = ""  # as decoded, white space included
        self._given = 0  # characters of it that pieces hold
        self._logprobs: deque[tuple[int, TokenLogprob]] = deque()  # with where in the text their tokens begin
        self._ended = False

    def add(self, token: int, logprob: TokenLogprob | None = None) -> None:
        """One more token; it is decoded by the next call of `take` or `finish`."""
        self._tokens.append(token)
        if logprob is not None:
            self._logprobs.append((len(self._text), logprob))

    def take(self) -> tuple[Piece, bool]:
        """What can be given out by now, and whether a stop string has ended the answer."""
        cut = self._advance()
        if cut is not None:
            return self._end(cut, stopped=True), True
        return self._piece(len(self._text) - self._held()), False

    def finish(self) -> Piece:
        """The rest of the answer; nothing where a stop string has ended it."""
        if self._ended:
            return Piece("")
        cut = self._advance(to_the_end=True)
        return self._end(len(self._text) if cut is None else cut, stopped=cut is not None)

    def _advance(self, *, to_the_end: bool = False) -> int | None:
        """Decode what is new; returns where the first stop string begins, if there is one."""
        context = self._decode(self._tokens[self._start : self._read])
        decoded = self._decode(self._tokens[self._start :])
        if len(decoded) <= len(context) or (decoded.endswith(_HALF) and not to_the_end):
            return None
        before = len(self._text)
        self._text += decoded[len(context) :]
        self._start, self._read = self._read, len(self._tokens)
        found = [self._text.find(stop, max(0, before - len(stop) + 1)) for stop in self._stop]
        return min((place for place in found if place >= 0), default=None)

    def _held(self) -> int:
        """How many of the last characters may be the beginning of a stop string."""
        lengths = (n for stop in self._stop for n in range(1, len(stop)) if self._text.endswith(stop[:n]))
        return max(lengths, default=0)

    def _piece(self, end: int) -> Piece:
        """The text up to `end` that no piece holds yet, white space at the ends of the answer left out."""
        text = self._text[self._given : end]
        whole = text.rstrip() if self._given else text.strip()
        if whole:
            self._given += text.index(whole) + len(whole)
        logprobs: list[TokenLogprob] = []
        while self._logprobs and self._logprobs[0][0] < self._given:
            logprobs.append(self._logprobs.popleft()[1])
        return Piece(whole, tuple(logprobs))

    def _end(self, cut: int, *, stopped: bool) -> Piece:
        self._ended = True
        piece = self._piece(cut)
        rest = [logprob for start, logprob in self._logprobs if start < cut or not stopped]
        self._logprobs.clear()
        return Piece(piece.text, (*piece.logprobs, *rest))
