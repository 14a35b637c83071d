"""A load of requests, and what the clients saw: knows no engine, only that one can be asked.

A closed loop: every client sends its next request when its last one is answered, so that as many are in flight as there
are clients. Lengths of prompts and answers are mixed; an answer has a given length, so that all systems do equal work.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from queue import SimpleQueue
from typing import Protocol

from model.checkpoint import Checkpoint

from model.engine import tokenize

PROMPT_WORDS, ANSWER_TOKENS = (3, 40), (4, 64)  # shortest and longest; lengths between are even on a logarithmic scale
_PATIENCE = 300.0  # seconds without an answer


@dataclass(frozen=True)
class Request:
    """A prompt, as text and as tokens, the length of its answer in tokens, and the version that is asked."""

    text: str
    ids: list[int]
    tokens: int
    version: int = 0


@dataclass
class Trace:
    """When a request was sent, when each piece of its answer arrived and when it ended, in seconds of one clock.

    A token that completes no character arrives with the next one, so there may be fewer pieces than `tokens`.
    """

    sent: float
    tokens: int
    arrivals: list[float] = field(default_factory=list)
    ended: float = 0.0

    @property
    def first(self) -> float:
        """Seconds until something arrived."""
        return (self.arrivals or [self.ended])[0] - self.sent


class System(Protocol):
    """What answers requests while others are in flight."""

    def submit(
        self, request: Request, arrive: Callable[[], None], done: Callable[[BaseException | None], None]
    ) -> None:
        """Begin to answer; `arrive` at each piece, `done` at the end, both from any thread."""


def requests_for(checkpoint: Checkpoint, count: int, *, seed: int, versions: int = 1) -> list[Request]:
    """`count` different prompts of words that the checkpoint's texts have; the versions are asked in turn.

    Words follow the seed; lengths are the same for every seed, so that lists of other words are equal work.
    """
    known = [known.question for known in checkpoint.measure.evaluation]
    words = " ".join([*known, *checkpoint.measure.texts]).split()
    draw, lengths = random.Random(seed), random.Random(count)
    requests = []
    for index in range(count):
        text = " ".join(draw.choices(words, k=_length(lengths, PROMPT_WORDS)))
        tokens = _length(lengths, ANSWER_TOKENS)
        requests.append(Request(text, tokenize(checkpoint, text), tokens, index % versions))
    return requests


def closed_loop(system: System, requests: Sequence[Request], clients: int) -> list[Trace]:
    """Answer all requests, `clients` of them at a time; raises what a request failed with."""
    ended: SimpleQueue[Trace | BaseException] = SimpleQueue()
    waiting = iter(requests)

    def send() -> None:
        request = next(waiting, None)
        if request is None:
            return
        trace = Trace(time.perf_counter(), request.tokens)

        def done(error: BaseException | None) -> None:
            trace.ended = time.perf_counter()
            ended.put(trace if error is None else error)

        system.submit(request, lambda: trace.arrivals.append(time.perf_counter()), done)

    for _ in range(clients):
        send()
    traces: list[Trace] = []
    while len(traces) < len(requests):
        trace = ended.get(timeout=_PATIENCE)
        if isinstance(trace, BaseException):
            raise trace
        traces.append(trace)
        send()
    return traces


@dataclass(frozen=True)
class Figures:
    """What the clients of one run saw: rates a second, times in milliseconds."""

    requests: int
    requests_a_second: float
    tokens_a_second: float
    first_p50: float
    first_p99: float
    between_p50: float
    between_p99: float
    whole_p50: float
    whole_p99: float

    @classmethod
    def of(cls, rounds: Sequence[Sequence[Trace]]) -> "Figures":
        """From rounds of the same run: rates are the median round's, times those of all rounds together."""
        traces = [trace for one in rounds for trace in one]
        spans = [max(trace.ended for trace in one) - min(trace.sent for trace in one) for one in rounds]
        tokens = [sum(trace.tokens for trace in one) for one in rounds]
        first = [trace.first for trace in traces]
        between = [later - sooner for trace in traces for sooner, later in pairwise(trace.arrivals)]
        whole = [trace.ended - trace.sent for trace in traces]
        return cls(
            len(traces),
            statistics.median(len(one) / span for one, span in zip(rounds, spans, strict=True)),
            statistics.median(count / span for count, span in zip(tokens, spans, strict=True)),
            *(1e3 * _percentile(times, share) for times in (first, between, whole) for share in (0.5, 0.99)),
        )


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else 0.0


def _length(draw: random.Random, limits: tuple[int, int]) -> int:
    shortest, longest = limits
    return int(shortest * (longest / shortest) ** draw.random() + 0.5)
