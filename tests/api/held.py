"""An engine that stands still: what waits then waits for as long as a test wants."""

import threading

from model.engine import Engine, Generation, Sampling
from tests.api.teacher import QUESTION


class Held:
    """A request that runs on `version`; the engine stands still behind its first piece until it is let go."""

    def __init__(self, engine: Engine, version: int) -> None:
        self._running, self._free = threading.Event(), threading.Event()
        prompt = engine.checkpoint.prompts.question(QUESTION)
        self.generation: Generation = engine.submit(
            prompt, Sampling(max_tokens=8), version=version, on_piece=self._hold
        )
        assert self._running.wait(10)

    def _hold(self, _: object) -> None:
        self._running.set()
        self._free.wait(10)

    def go(self) -> None:
        self._free.set()

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.go()
