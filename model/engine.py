"""The live model: one thread owns it, a bounded queue stands in front. Knows versions as views, no database, no HTTP.

A request is bound to the view of one version when it is admitted and finishes on it. A switch changes which view
new requests get; it waits for nobody and aborts nobody. `python -m model.engine DIR "question"` asks a checkpoint.
"""

import argparse
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from model.checkpoint import Checkpoint
from model.delta import Delta
from model.errors import EngineStopped, PromptTooLong, QueueFull
from model.generation import Prompt, generate, tokenize
from model.versions import Versions


@dataclass(frozen=True)
class Answer:
    """A finished request: its text, and the version and state hash of the view it was bound to."""

    text: str
    version: int
    state_hash: str
    tokens: int
    finish: Literal["stop", "length"]


@dataclass(frozen=True)
class _Request:
    prompt: Prompt
    version: int
    future: Future[Answer]


class Engine:
    """Answers prompts in batches on a thread of its own.

    max_batch  requests that are answered together
    max_queue  requests that may wait; one more is refused with QueueFull
    """

    def __init__(self, checkpoint: Checkpoint, *, max_batch: int = 8, max_queue: int = 256) -> None:
        self.checkpoint = checkpoint
        self.versions = Versions(checkpoint.table)
        self._max_batch, self._max_queue = max_batch, max_queue
        self._waiting: deque[_Request] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start the owner thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the owner thread after the batch in hand; requests that wait get EngineStopped."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def live(self) -> tuple[int, str]:
        """The version that new requests get, and its state hash."""
        version, view = self.versions.bind()
        self.versions.release(view)
        return version, view.state_hash

    def resident(self, version: int) -> str | None:
        """The state hash of `version` while its view is in memory, else None."""
        view = self.versions.view(version)
        return None if view is None else view.state_hash

    def prepare(self, version: int, ancestor: int, delta: Delta) -> str:
        """Build the view of `version` from a resident ancestor, on the caller's thread; returns its state hash.

        Raises NotResident, WrongState, SpareRowsExhausted; the served version is untouched by any of them.
        """
        return self.versions.enter(version, ancestor, delta).state_hash

    def drop(self, version: int) -> None:
        """Forget the view of a version that must not be served."""
        self.versions.drop(version)

    def switch(self, version: int) -> None:
        """Give new requests `version`; raises NotResident."""
        self.versions.pin(version)

    def submit(self, prompt: str, *, version: int | None = None, max_tokens: int = 32) -> Future[Answer]:
        """Queue a prompt, bound to the view of `version` or of the live one, for at most `max_tokens` tokens.

        Raises PromptTooLong, NotResident, QueueFull, EngineStopped.
        """
        ids = tokenize(self.checkpoint, prompt)
        limit: int = self.checkpoint.model.config.max_position_embeddings
        if len(ids) + max_tokens > limit:
            raise PromptTooLong(
                f"the prompt has {len(ids)} tokens and asks for {max_tokens} more; the model has {limit} positions"
            )
        with self._wake:
            if self._stopping or self._failure is not None:
                raise EngineStopped("the engine has stopped") from self._failure
            if len(self._waiting) >= self._max_queue:
                raise QueueFull(f"{len(self._waiting)} requests wait; the queue holds {self._max_queue}")
            bound, view = self.versions.bind(version)
            request = _Request(Prompt(ids, view, max_tokens), bound, Future())
            self._waiting.append(request)
            self._wake.notify_all()
        return request.future

    def check(self, timeout: float) -> None:
        """A real forward pass of one token through the queue; raises TimeoutError (seconds) or EngineStopped."""
        self.submit("?", max_tokens=1).result(timeout)

    def _run(self) -> None:
        batch: list[_Request] = []
        try:
            while batch := self._next_batch():
                completions = generate(self.checkpoint, [request.prompt for request in batch])
                for request, completion in zip(batch, completions, strict=True):
                    text = self.checkpoint.tokenizer.decode(completion.ids, skip_special_tokens=True).strip()
                    view = request.prompt.view
                    answer = Answer(text, request.version, view.state_hash, len(completion.ids), completion.finish)
                    self.versions.release(view)
                    request.future.set_result(answer)
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._abandon([request for request in batch if not request.future.done()])

    def _next_batch(self) -> list[_Request]:
        """The oldest waiting request and those behind it that share its padded length; empty when stopping."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._stopping)
            if self._stopping:
                return []
            bucket = self._waiting[0].prompt.bucket
            batch = [request for request in self._waiting if request.prompt.bucket == bucket][: self._max_batch]
            for request in batch:
                self._waiting.remove(request)
            running = [request for request in batch if request.future.set_running_or_notify_cancel()]
            for request in batch:
                if request not in running:
                    self.versions.release(request.prompt.view)
        return running or self._next_batch()

    def _abandon(self, batch: list[_Request]) -> None:
        with self._wake:
            abandoned = [*batch, *self._waiting]
            self._waiting.clear()
        for request in abandoned:
            self.versions.release(request.prompt.view)
            error = EngineStopped("the engine stopped before this request was answered")
            error.__cause__ = self._failure
            if not request.future.cancelled():
                request.future.set_exception(error)


def main() -> None:
    """Command line of `python -m model.engine`: ask a checkpoint one question, with no service around it."""
    parser = argparse.ArgumentParser(description="Ask a checkpoint one question.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("question")
    arguments = parser.parse_args()
    engine = Engine(Checkpoint.load(arguments.checkpoint, spare_rows=0, places=1))
    engine.start()
    try:
        prompt = engine.checkpoint.question_prompt(arguments.question)
        print(engine.submit(prompt).result().text)
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
