"""A claimed job: its facts learned or forgotten, a version out, ready to be verified; a document read; facts asked.

It holds the loaded checkpoint and knows the services; it knows no Celery, and no environment.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.orm import Session

from app import tracing
from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.errors import LeaseLost, SlotwiseError, WrongCheckpoint
from app.phrasing import Phrasing
from app.queue import Queue
from app.reading.reader import Reader, Reading
from app.services import (
    document_reading,
    forgetting,
    learning,
    publishing,
    replacing,
    slot_statistics,
    verifying,
    versions,
)
from app.services.forgetting import ForgottenVersion
from app.services.handed import LearnedVersion
from app.services.learning import Claim
from app.services.replacing import Touched
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from model.config import LearnConfig
from model.errors import ModelError
from model.learn.gate import Drift, Gate
from model.learn.job import Learned, Teacher
from model.memory.table import View
from worker import owner, report
from worker.forgetting import Forgetter
from worker.heartbeat import Heartbeat
from worker.parent import Parent
from worker.retold import Retold, retell
from worker.verifying import Verifier

_BEATS_A_LEASE = 3  # so a late one does not lose it
_PAUSE_SECONDS = 0.5

_log = structlog.get_logger()


class Stopped(Exception):  # nothing went wrong
    """This process was told to end while it learned."""


class Learner:
    """Learns the jobs of one process, one after another, on one loaded checkpoint."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        sessions: Sessions,
        queue: Queue,
        settings: Settings,
        config: LearnConfig | None = None,
    ) -> None:
        self._checkpoint, self._sessions, self._queue, self._settings = checkpoint, sessions, queue, settings
        write = Phrasing.configured(settings)
        self._teacher = Teacher(checkpoint, config or LearnConfig(), write)
        self._reader = Reader(document_reading.limits(settings), write)
        self._forgetter = Forgetter(checkpoint, self._teacher.prober)
        self._parent = Parent(checkpoint)
        self._gate = Gate(checkpoint)
        self._verifier = Verifier(checkpoint, self._teacher.prober, self._gate)
        self._owner = owner.own()
        self._stopping = threading.Event()

    def bootstrap(self) -> None:
        """Make sure that the data belong to this checkpoint. Raises WrongCheckpoint."""
        base = self._checkpoint.table.base.state_hash
        with self._sessions() as session:
            versions.bootstrap(session, self._checkpoint.fingerprint, base)

    def stop(self) -> None:
        """End after the facts in hand; their job goes back to the queue."""
        self._stopping.set()

    def run(self) -> None:
        """Learn until there is nothing to claim."""
        while not self._stopping.is_set():
            with self._sessions() as session:
                claim = learning.claim(session, self._settings, self._owner)
            if claim is None:
                return
            self._attempt(claim)
            self._keep_anchor()

    def _keep_anchor(self) -> None:
        try:
            with self._sessions() as session:
                self._parent.keep_anchor(session)
        except Exception:
            # Without it cold starts take longer, and no fact is lost: learning goes on.
            _log.exception("anchor not stored")

    def _attempt(self, claim: Claim) -> None:
        with structlog.contextvars.bound_contextvars(job=claim.job, parent=claim.parent):
            self._survive(claim)

    def _survive(self, claim: Claim) -> None:
        """Whatever happens to an attempt, its job is told."""
        try:
            with tracing.span(claim.kind, claim.traceparent, job=claim.job, facts=len(claim.facts)):
                if claim.kind == "forget":
                    self._hand_in_forgotten(claim, self._forget(claim))
                elif claim.kind == "read":
                    self._hand_in_read(claim, self._read(claim))
                elif claim.kind == "verify":
                    self._verify(claim)
                else:
                    self._hand_in(claim, *self._train(claim))
        except LeaseLost as lost:
            _log.warning("lease lost", reason=str(lost))
        except Stopped:
            self._put_down(claim, "the worker was stopped")
        except WrongCheckpoint as refusal:  # the data were given to another base while this process ran
            _log.error("this worker has to be started anew", reason=str(refusal))
            self._stopping.set()
            self._put_down(claim, str(refusal))
        except DATABASE_AWAY as error:
            _log.warning("database away", error=str(error))
            self._put_down(claim, "the database was away")
        except Exception as error:
            # Whatever went wrong, in whichever library: the job is not lost, and it says what went wrong.
            _log.exception("attempt failed")
            own = isinstance(error, ModelError | SlotwiseError)
            self._give_back(claim, str(error) if own else f"{type(error).__name__}: {error}")

    def _give_back(self, claim: Claim, reason: str) -> None:
        try:
            with self._sessions() as session:
                learning.give_back(session, self._settings, claim, reason)
        except LeaseLost as lost:  # it was cancelled meanwhile, or another worker has it
            _log.warning("lease lost", job=claim.job, reason=str(lost))

    def _put_down(self, claim: Claim, reason: str) -> None:
        """Hand a job back that is not to blame, as soon as the database answers; after a lease it is too late."""
        end = time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                with self._sessions() as session:
                    learning.put_down(session, claim, reason)
            except LeaseLost as lost:
                _log.warning("lease lost", reason=str(lost))
            except DATABASE_AWAY:
                if time.monotonic() < end:
                    time.sleep(_PAUSE_SECONDS)
                    continue
                raise
            return

    @contextmanager
    def _beating(self, claim: Claim) -> Iterator[Callable[[int], None]]:
        """Keep the lease while the block runs; what it is given takes progress, and raises Stopped or LeaseLost."""
        with Heartbeat(self._sessions, claim, self._settings.lease_seconds / _BEATS_A_LEASE) as heartbeat:

            def on_progress(done: int) -> None:
                heartbeat.progress(done)
                if self._stopping.is_set():
                    raise Stopped

            yield on_progress

    def _forget(self, claim: Claim) -> ForgottenVersion | None:
        """Take the facts of a claim out of its parent; None where none of them is live any more."""
        ids = [fact.id for fact in claim.facts]
        if not ids:
            return None
        with self._beating(claim) as on_progress:
            with self._sessions() as session:
                parent = self._parent.bring(session, claim.parent)
                asked, riders = replacing.touched(session, ids), forgetting.riders(session, claim.namespace, ids)
            return self._forgetter.forget(parent, ids, asked, riders, on_progress)

    def _read(self, claim: Claim) -> Reading:
        """Read the document of a claim."""
        with self._beating(claim) as on_progress:
            with self._sessions() as session:
                document = document_reading.claimed(session, claim.job)
                chunks = self._reader.chunks(document.text, document.format)
                document_reading.expect(session, claim.job, len(chunks))
            return self._reader.read(document.text, document.title, chunks, on_progress)

    def _verify(self, claim: Claim) -> None:
        """Ask live facts again, a batch after the other, until all were asked or another job waits."""
        with self._beating(claim) as on_progress:
            with self._sessions() as session:
                view = self._parent.bring(session, claim.parent)
                batch = verifying.batch(session, claim)
            while batch.facts:
                on_progress(batch.done)
                found = self._verifier.ask(view, batch.facts)
                near = self._verifier.near(view, batch.facts, claim.job)
                with self._sessions() as session:
                    if not verifying.store(session, claim, found, near):
                        return
                    batch = verifying.batch(session, claim)
            bank = self._verifier.bank(view)
            on_progress(batch.done)
        with self._sessions() as session:
            verifying.end(session, claim, bank)

    def _train(self, claim: Claim) -> tuple[Learned, Drift | None, list[Retold]]:
        """Learn the facts of a claim on top of its parent, and see what that does to everything else."""
        with self._beating(claim) as on_progress:
            with self._sessions() as session:
                parent = self._parent.bring(session, claim.parent)
                traffic = slot_statistics.traffic(session, self._checkpoint.fingerprint)
            learned = self._teacher.learn(parent, claim.facts, on_progress, traffic)
            if learned.delta is None:
                return learned, None, []
            table = self._checkpoint.table
            candidate = table.enter(parent, learned.delta)
            try:
                return learned, self._gate.drift(parent, candidate), self._retold(claim, learned, candidate)
            finally:
                table.release(candidate)

    def _retold(self, claim: Claim, learned: Learned, view: View) -> list[Retold]:
        """What the new version says to the probes of the facts that lost rows to it, or to a later one of its own."""
        lost = {fact for each in learned.reports if each.learned for fact in each.replaces}
        own = {fact.id: each.probe for fact, each in zip(claim.facts, learned.reports, strict=True)}
        with self._sessions() as session:
            asked = replacing.touched(session, lost - set(own))
        asked += [Touched(fact, own[fact].text, own[fact].answer) for fact in sorted(lost & set(own))]
        return retell(self._teacher.prober, self._checkpoint.prompts, view, asked)

    def _hand_in(self, claim: Claim, learned: Learned, change: Drift | None, retold: list[Retold]) -> None:
        """Commit what was learned as a version, or say why it must not become one."""
        results = report.fact_results(claim, learned)
        slots = report.written_slots(claim, learned, self._checkpoint.memory.layout)
        figures = report.figures(learned, len(slots.slots), change, retold)
        complaint = report.complaint(change, self._settings)
        with self._sessions() as session:
            if learned.delta is None or complaint:
                learning.reject(session, claim, results, complaint or "no fact was learned", figures)
                return
            version = learning.commit_version(
                session,
                claim,
                LearnedVersion(
                    delta=learned.delta.to_bytes(),
                    state_hash=learned.state_hash,
                    fingerprint=self._checkpoint.fingerprint,
                    slots=slots,
                    facts=results,
                    report=figures,
                    silent=frozenset(each.touched.fact for each in retold if not each.right),
                ),
            )
            self._publish(session, version)

    def _hand_in_forgotten(self, claim: Claim, forgotten: ForgottenVersion | None) -> None:
        with self._sessions() as session:
            if forgotten is None:
                learning.reject(session, claim, [], "none of its facts is live any more", {})
                return
            self._publish(session, learning.commit_forgotten(session, claim, forgotten))

    def _hand_in_read(self, claim: Claim, reading: Reading) -> None:
        with self._sessions() as session:
            learning.commit_reading(session, self._settings, claim, reading)
        self._queue.hint()

    def _publish(self, session: Session, version: int) -> None:
        _log.info("handed in", version=version)
        self._queue.hint()
        # Usually too early, but it sees at once when another version went live meanwhile.
        if publishing.publish(session, self._settings, version).state == "published":
            self._queue.hint()
