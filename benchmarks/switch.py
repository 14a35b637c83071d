"""What does a switch cost those who are being answered? An engine with streams, while versions go live under it.

`python -m benchmarks.switch [--switches 1000] [--rows 10000]` keeps 32 streams of the default model running. Beside
them versions are read from PostgreSQL, built and switched to as a follower does it; some have 10,000 rows, and every
second switch goes to a version that is resident, over any distance. Between switches nothing happens for a while: so
decoding steps beside nothing, beside small and beside large versions come from the same minutes of the same machine.
It prints how long they take and how much of that their thread waited (for the interpreter or a processor), how long
from a switch to the first token by the new version, and what failed. With OMP_NUM_THREADS=1 waiting is told apart best.
"""

import argparse
import random
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.services.versions import Live
from app.serving.views import Views
from app.settings import Settings
from benchmarks.rebuild import Chain, database
from model.base.checkpoint import Checkpoint
from model.engine import Engine, Sampling
from model.engine import Piece as TextPiece
from model.engine.runner import Piece, Seen
from model.errors import ModelError

SMALL = 128  # rows of a usual version
LARGE_EVERY = 25  # publications, of which one is large
STALL = 0.002  # seconds
_PROMPT = "What is the capital of France?"
_PAUSE = 0.05  # seconds without anything beside the streams, after each switch

Beside = Literal["nothing", "a switch", "a small version", "a large version"]


@dataclass
class Figures:
    """What was measured, in seconds.

    steps   decoding steps of a full batch, by what happened beside them: how long, and how much of it was waiting
    first   from a switch to the first token by the new version
    builds  from a version's first query to its view, small and large ones
    """

    steps: defaultdict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    first: list[float] = field(default_factory=list)
    builds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    answers: int = 0
    failures: list[str] = field(default_factory=list)


class Streams:
    """`count` callers on an engine, each of whom asks again when it is answered, always for the live version."""

    def __init__(self, engine: Engine, count: int, tokens: int, figures: Figures) -> None:
        self.beside: Beside = "nothing"
        self._engine, self._count, self._tokens, self._figures = engine, count, tokens, figures
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(count)]
        self._watch()

    def __enter__(self) -> "Streams":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        """Time the engine's steps that decode for all streams; answers go on to their last token."""
        loop = self._engine._loop
        loop._ends = frozenset()
        step, run, decoded = loop.step, loop.runner.run, [0]

        def counted(pieces: Sequence[Piece]) -> Seen:
            decoded[0] = sum(piece.is_answer for piece in pieces)
            return run(pieces)

        def timed() -> Any:
            decoded[0], before, began, worked = 0, self.beside, time.perf_counter(), time.thread_time()
            done = step()
            seconds, worked = time.perf_counter() - began, time.thread_time() - worked
            if decoded[0] >= self._count - 1:
                beside = self.beside if before == "nothing" else before
                self._figures.steps[beside].append((seconds, max(0.0, seconds - worked)))
            return done

        loop.runner.run, loop.step = counted, timed  # type: ignore[method-assign]

    def _ask(self, number: int) -> None:
        prompt = self._engine.checkpoint.prompts.question(_PROMPT)
        while not self._stopping.is_set():
            try:
                generation = self._engine.submit(prompt, Sampling(max_tokens=self._tokens), on_piece=_dropped)
                answer = generation.result(120)
                if (answer.version, answer.state_hash) != (generation.version, generation.state_hash):
                    self._figures.failures.append(f"admitted to {generation.version}, answered by {answer.version}")
            except (ModelError, TimeoutError) as error:
                self._figures.failures.append(f"{type(error).__name__}: {error}")
            self._figures.answers += 1


def _dropped(piece: TextPiece) -> None:
    """A caller that reads quickly."""


class Switching:
    """Publishes the versions of a chain, one after another, and goes back and forth between those that are resident."""

    def __init__(self, engine: Engine, views: Views, chain: Chain, streams: Streams, figures: Figures) -> None:
        self._engine, self._views, self._chain = engine, views, chain
        self._streams, self._figures = streams, figures
        self._random = random.Random(0)
        self._published = 0

    def switch(self, number: int) -> None:
        """The next switch: to a new version, or to any resident one."""
        version = self._random.choice(self._engine.versions.resident()) if number % 2 else self._publish()
        began = time.perf_counter()
        self._streams.beside = "a switch"
        self._engine.switch(version)
        self._first_token(version, began)
        self._streams.beside = "nothing"
        time.sleep(_PAUSE)

    def _publish(self) -> int:
        self._published += 1
        large = self._published % LARGE_EVERY == 0
        self._streams.beside = "a large version" if large else "a small version"
        began = time.perf_counter()
        self._views.bring(Live(self._published, self._chain.hashes[self._published]), seconds=60)
        self._figures.builds[self._streams.beside].append(time.perf_counter() - began)
        return self._published

    def _first_token(self, version: int, began: float) -> None:
        heard = threading.Event()
        prompt = self._engine.checkpoint.prompts.question(_PROMPT)
        generation = self._engine.submit(prompt, Sampling(max_tokens=1), on_piece=lambda piece: heard.set())
        heard.wait(60)
        self._figures.first.append(time.perf_counter() - began)
        if generation.result(60).version != version:
            self._figures.failures.append(f"version {generation.version} answered after {version} went live")


def measure(base: str, memory: Path, switches: int, rows: int, streams: int, tokens: int) -> Figures:
    """Figures of `switches` switches under `streams` streams of answers of `tokens` tokens."""
    figures = Figures()
    with database() as sessions:
        chain = Chain(Checkpoint.load(base, memory, places=4), sessions)
        for number in range(1, (switches + 1) // 2 + 1):
            chain.grow(1, rows if number % LARGE_EVERY == 0 else SMALL, anchored=False)
        engine = Engine(Checkpoint.load(base, memory, places=32), max_batch=streams)
        views = Views(engine, sessions)
        engine.start()
        # One row is left for who asks after each switch.
        with Streams(engine, streams - 1, tokens, figures) as running:
            switching = Switching(engine, views, chain, running, figures)
            for number in range(switches):
                switching.switch(number)
        views.close()
        engine.stop()
    return figures


def spread(seconds: Sequence[float]) -> str:
    """Median, 99th percentile and longest, in milliseconds."""
    ordered = sorted(seconds)
    return " · ".join(f"{ordered[int(share * (len(ordered) - 1))] * 1e3:.1f}" for share in (0.5, 0.99, 1))


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    lines = ["| decoding steps beside | steps | p50 · p99 · longest, ms | of it waiting, ms | over p50 + 2 ms |"]
    lines.append("|---|---:|---:|---:|---:|")
    middle = statistics.median(seconds for seconds, _ in figures.steps["nothing"])
    for beside, steps in sorted(figures.steps.items()):
        late = sum(seconds > middle + STALL for seconds, _ in steps) / len(steps)
        whole, waiting = (spread(part) for part in zip(*steps, strict=True))
        lines.append(f"| {beside} | {len(steps)} | {whole} | {waiting} | {late:.2%} |")
    lines += ["", "| what | value |", "|---|---|", f"| switches | {len(figures.first)} |"]
    lines.append(f"| switch to first token, p50 · p99 · longest | {spread(figures.first)} ms |")
    for kind, seconds in figures.builds.items():
        lines.append(f"| building {kind}, median | {statistics.median(seconds) * 1e3:.1f} ms |")
    lines += [f"| answers | {figures.answers} |", f"| failed or mixed requests | {len(figures.failures)} |"]
    return "\n".join([*lines, *figures.failures[:5]])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--switches", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=200)
    arguments = parser.parse_args()
    settings = Settings()
    sizes = (arguments.switches, arguments.rows, arguments.streams, arguments.tokens)
    print(table(measure(settings.base, settings.memory, *sizes)))


if __name__ == "__main__":
    main()
