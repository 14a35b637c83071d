"""What a caller gets of a request: pieces while it runs, an answer at its end, and a handle to wait or to cancel by."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

Finish = Literal["stop", "length", "untaught"]


@dataclass(frozen=True)
class TokenLogprob:
    """A produced token with its log-probability, and the most probable tokens in its place with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Piece:
    """What was added to an answer: text that is never taken back, and the log-probabilities of its tokens."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Citation:
    """A fact whose row was read, and how far that opened: 0 to 1, at most over the answer's tokens."""

    fact: int
    gate: float


@dataclass(frozen=True)
class Answer:
    """A finished request: its text, and the version and state hash of the view that it was bound to.

    text             the text of all pieces, in their order
    tokens           produced, the end token not counted
    finish           "stop" at the end token or before a stop string, "length" when the tokens asked for were used up,
                     "untaught" where taught facts alone were asked for and none opened: then the text is empty
    citations        the facts whose rows were read, in the order in which they were
    prompt_logprobs  of the prompt's tokens from the second on, where they were asked for: nothing is before the first
    """

    text: str
    version: int
    state_hash: str
    tokens: int
    finish: Finish
    prompt_tokens: int
    logprobs: tuple[TokenLogprob, ...] | None = None
    citations: tuple[Citation, ...] = ()
    prompt_logprobs: tuple[TokenLogprob, ...] | None = None


class Generation:
    """A request from its admission to its end, bound to the view of one version; usable from any thread."""

    def __init__(self, version: int, state_hash: str, prompt_tokens: int, cancel: Callable[[], object]) -> None:
        self.version = version
        self.state_hash = state_hash
        self.prompt_tokens = prompt_tokens
        self._cancel = cancel
        self._future: Future[Answer] = Future()

    def result(self, timeout: float | None = None) -> Answer:
        """Wait for the answer; raises TimeoutError after `timeout` seconds, or what ended the request.

        That is Cancelled, DeadlineExceeded, Aborted, NotFinite or EngineStopped.
        """
        return self._future.result(timeout)

    def done(self) -> bool:
        """Whether the request has ended, in whatever way."""
        return self._future.done()

    def cancel(self) -> None:
        """Take the request back; it ends with Cancelled before the next step, unless it has ended already."""
        self._cancel()

    def add_done_callback(self, callback: Callable[["Generation"], None]) -> None:
        """Call `callback` with this when it has ended: on the engine's thread, or at once if it has."""
        self._future.add_done_callback(lambda _: callback(self))

    def finish(self, outcome: Answer | BaseException) -> None:
        """End with an answer or an error; for the engine alone, once."""
        if isinstance(outcome, Answer):
            self._future.set_result(outcome)
        else:
            self._future.set_exception(outcome)
