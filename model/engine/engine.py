"""The owner thread: it takes requests in, steps, and hands answers out."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable

import torch

from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.engine.blocks import BLOCK
from model.engine.generation import Answer, Generation, Piece
from model.engine.loop import Loop
from model.engine.report import EngineReport
from model.engine.request import Request, refuse_unfit, what_is_asked
from model.engine.sampling import Sampling, TokenScores
from model.engine.sequence import Sequence
from model.engine.text import AnswerText, Vocabulary
from model.errors import Aborted, Cancelled, DeadlineExceeded, EngineStopped, NotFinite, QueueFull
from model.memory.delta import Delta
from model.memory.resident import Versions
from model.memory.traffic import Traffic


def _ignore(failure: BaseException) -> None:
    """The thread's own excepthook reports it."""


class Engine:
    """Answers prompts in batches on a thread of its own.

    max_batch      requests that run together
    max_queue      requests that may wait; one more is refused with QueueFull
    cache_tokens   positions whose keys and values are held at once, of what runs and of prompts that ran
    threads        that torch computes with; None leaves its choice, which is one for each processor
    on_failure     called once, on the dying thread, with what ended it
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        max_batch: int = 32,
        max_queue: int = 256,
        cache_tokens: int = 8_192,  # 377 MB, taken as they are used, where 30 layers have three heads of 64 in fp32
        threads: int | None = None,
        on_failure: Callable[[BaseException], None] = _ignore,
    ) -> None:
        self.checkpoint = checkpoint
        self.versions = Versions(checkpoint.table)
        self.failure: BaseException | None = None
        self._threads, self._on_failure = threads, on_failure
        self._loop = Loop(checkpoint, rows=max_batch, queue=max_queue, positions=cache_tokens)
        self._limit = min(checkpoint.positions, BLOCK * self._loop.blocks.count)
        self._vocabulary = Vocabulary(checkpoint.prompts)
        self._requests: dict[Sequence, Request] = {}
        self._wake = threading.Condition()  # guards the requests and the queue; what runs is the thread's own
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start the owner thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the owner thread after the step in hand; requests that wait or run get EngineStopped."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        else:
            self._abandon()

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

    def submit(
        self,
        prompt: Prompt,
        sampling: Sampling = Sampling(),
        *,
        version: int | None = None,
        seconds: float | None = None,
        client: str = "",
        only_taught: bool = False,
        on_piece: Callable[[Piece], None] | None = None,
    ) -> Generation:
        """Queue a prompt, bound to the view of `version` or of the live one.

        seconds      within which it must be answered, waiting included
        client       whose request it is; those that wait are admitted one a client in turn, in order within one.
                     What nobody's request reads (the service's own probes) is not counted as traffic
        only_taught  end with "untaught" where no fact opens at the beginning of the answer
        on_piece     called on the engine's thread with every piece of the answer; must not block
        Raises PromptTooLong, NotResident, QueueFull, EngineStopped; ValueError where the tokens of a conversation
        should be echoed.
        """
        refuse_unfit(prompt, sampling, self._limit, self.checkpoint.positions)
        wanted = self.versions.pinned if version is None else version
        asking = what_is_asked(self.checkpoint, prompt, sampling) if wanted else None
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        with self._wake:
            if self._stopping or self.failure is not None:
                raise EngineStopped("the engine has stopped") from self.failure
            bound, view = self.versions.bind(version)
            if bound and asking is None:  # it was switched meanwhile
                asking = what_is_asked(self.checkpoint, prompt, sampling)
            spoken, every_spoken = asking if bound and asking else (None, ())
            sequence = Sequence(
                prompt.ids,
                view,
                sampling,
                limit=self._limit,
                spoken=spoken,
                every_spoken=every_spoken,
                only_taught=only_taught,
                client=client,
            )
            try:
                self._loop.scheduler.add(sequence)
            except QueueFull:
                self.versions.release(view)
                raise
            cancelled = Cancelled("the request was cancelled")
            generation = Generation(bound, view.state_hash, len(prompt.ids), lambda: self._end([sequence], cancelled))
            text = AnswerText(self._vocabulary.text, sampling.stop)
            self._requests[sequence] = Request(generation, prompt, text, deadline, on_piece)
            self._wake.notify()
        return generation

    def abort(self, versions: Container[int] | Callable[[int], bool], reason: str) -> int:
        """End all requests bound to `versions` with Aborted(reason), before their next token; returns how many."""
        chosen = versions if callable(versions) else versions.__contains__
        with self._wake:
            bound = [sequence for sequence, request in self._requests.items() if chosen(request.generation.version)]
            return self._end(bound, Aborted(reason))

    def take_traffic(self) -> Traffic:
        """What questions of clients have read since the last call; from any thread."""
        return self._loop.traffic.take()

    def report(self) -> EngineReport:
        """What the engine is doing; from any thread."""
        with self._wake:
            running = [request for sequence, request in self._requests.items() if sequence.runs]
            by_version = Counter(request.generation.version for request in running)
            loop = self._loop
            return EngineReport(
                loop.scheduler.waiting,
                len(running),
                dict(by_version),
                BLOCK * loop.blocks.kept,
                loop.blocks.reused,
                loop.runner.steps,
            )

    def check(self, timeout: float) -> None:
        """A real forward pass of one token through the queue; raises TimeoutError (seconds) or EngineStopped."""
        generation = self.submit(self.checkpoint.prompts.question("?"), Sampling(max_tokens=1), seconds=timeout)
        try:
            generation.result(timeout)
        except TimeoutError:
            generation.cancel()
            raise

    def _end(self, sequences: Iterable[Sequence], error: Exception) -> int:
        """Let the thread end requests before their next token; returns how many had not ended."""
        with self._wake:
            requests = [self._requests[sequence] for sequence in sequences if sequence in self._requests]
            going_on = [request for request in requests if request.ended is None]
            for request in going_on:
                request.ended = error
            return len(going_on)

    def _run(self) -> None:
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            while self._wait_for_work():
                self._turn()
        except BaseException as error:
            self.failure = error
            try:
                self._abandon()
            finally:
                self._on_failure(error)
            raise
        self._abandon()

    def _turn(self) -> None:
        """One step, between which requests leave and join."""
        self._end_what_is_over()
        with self._wake:
            self._loop.admit()
            idle = not self._loop.scheduler.running
        if not idle:
            for sequence, scores in self._loop.step():
                self._deliver(sequence, scores)

    def _wait_for_work(self) -> bool:
        """Sleep until there is a request; False when the engine stops."""
        with self._wake:
            self._wake.wait_for(lambda: self._requests or self._stopping)
            return not self._stopping

    def _end_what_is_over(self) -> None:
        """Requests that were cancelled, aborted or are too late, waiting ones too."""
        now = time.monotonic()
        with self._wake:
            over = [s for s, request in self._requests.items() if request.ended is not None or request.deadline < now]
        for sequence in over:
            self._close(sequence, DeadlineExceeded("the request was not answered in the time that it was given"))

    def _deliver(self, sequence: Sequence, scores: TokenScores | None) -> None:
        """Hand out what the last token adds to an answer, and the answer when that was all."""
        request = self._requests[sequence]
        outcome: Answer | Exception | None
        if sequence.broken:
            version = request.generation.version
            outcome = NotFinite(f"the rows of version {version} make the model's output no number")
        else:
            try:
                outcome = self._answer(request, sequence, scores)
            except Exception as error:  # of its own text or of its caller's code: it fails alone
                outcome = error
        if outcome is not None:
            self._close(sequence, outcome)

    def _answer(self, request: Request, sequence: Sequence, scores: TokenScores | None) -> Answer | None:
        """Add the last token to the text; the answer, when that was all."""
        if sequence.answer and sequence.finish != "stop":
            token = sequence.answer[-1]
            named = None if scores is None else self._vocabulary.named(self._vocabulary.name(token), scores)
            request.text.add(token, named)
        if request.on_piece is not None or sequence.sampling.stop:
            piece, stopped = request.text.take()
            request.give(piece)
            if stopped:
                sequence.finish = "stop"
        if sequence.finish is None:
            return None
        request.give(request.text.finish())
        return request.answer(sequence, sequence.finish, self._vocabulary)

    def _close(self, sequence: Sequence, outcome: Answer | Exception) -> None:
        """End a request, unless another thread has ended it in another way, and give its blocks and its view back."""
        with self._wake:
            request = self._requests.pop(sequence)
            self._loop.remove(sequence)
        self.versions.release(sequence.view)
        request.generation.finish(request.ended or outcome)

    def _abandon(self) -> None:
        """Tell all who wait that no answer will come."""
        with self._wake:
            self._stopping = True
            left = list(self._requests.items())
            self._requests.clear()
        for sequence, request in left:  # their blocks stay as they are: the model may be what failed
            error = EngineStopped("the engine stopped before this request was answered")
            error.__cause__ = self.failure
            self.versions.release(sequence.view)
            request.generation.finish(request.ended or error)
