"""Learning a claimed job: facts in, a version out, ready to be verified.

It holds the loaded checkpoint and knows the services; it knows no Celery, and no environment.
"""

import threading
from collections.abc import Sequence

import structlog

from app.db.session import Sessions
from app.errors import LeaseLost
from app.phrasing import Phrasing
from app.queue import Queue
from app.services import learning, publishing, versions
from app.settings import Settings
from model.augment import augment
from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.delta import Delta
from model.errors import NotPretrained
from model.evaluate import Drift
from model.finetune import Learned, learn
from model.gate import Gate
from model.study import Fact, Study
from model.values import View
from worker import owner, report
from worker.heartbeat import Heartbeat
from worker.parent import Parent

_BEATS_A_LEASE = 3  # so a late one does not lose it

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
        config: FinetuneConfig | None = None,
    ) -> None:
        self._checkpoint, self._sessions, self._queue, self._settings = checkpoint, sessions, queue, settings
        self._config = config or FinetuneConfig()
        self._parent = Parent(checkpoint)
        self._gate = Gate(checkpoint)
        self._phrasing = Phrasing.configured(settings)
        self._owner = owner.own()
        self._stopping = threading.Event()

    def bootstrap(self) -> None:
        """Make sure that the data belong to this checkpoint, and do once what is slow the first time.

        Raises WrongCheckpoint.
        """
        base = self._checkpoint.table.base.state_hash
        with self._sessions() as session:
            versions.bootstrap(session, self._settings.namespace, self._checkpoint.fingerprint, base)
        self._gate.measure(self._checkpoint.table.base)
        augment(Fact(statement="The first fact is slow."), limit=self._config.texts)

    def stop(self) -> None:
        """End after the fact in hand; its job goes back to the queue."""
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

    def _attempt(self, claim: learning.Claim) -> None:
        log = _log.bind(job=claim.job, parent=claim.parent)
        try:
            self._hand_in(claim, *self._train(claim))
        except LeaseLost as lost:
            log.warning("lease lost", reason=str(lost))
        except Stopped:
            with self._sessions() as session:
                learning.put_down(session, claim)
        except NotPretrained as refusal:
            with self._sessions() as session:
                learning.reject(session, claim, [], str(refusal), {})
        except Exception as error:
            # Whatever went wrong, in whichever library: the job is not lost, and it says what went wrong.
            log.exception("attempt failed")
            with self._sessions() as session:
                learning.give_back(session, self._settings, claim, f"{type(error).__name__}: {error}")

    def _train(self, claim: learning.Claim) -> tuple[Learned, list[str], Drift | None]:
        """Learn the facts of a claim on top of its parent, and measure what that does to everything else."""
        with Heartbeat(self._sessions, claim, self._settings.lease_seconds / _BEATS_A_LEASE) as heartbeat:

            def on_progress(done: int) -> None:
                heartbeat.progress(done)
                if self._stopping.is_set():
                    raise Stopped

            with self._sessions() as session:
                parent, held = self._parent.bring(session, claim.parent)
            studies = [self._study(fact) for fact in claim.facts]
            notes = [study.note for study in studies]
            learned = learn(self._checkpoint, parent, studies, self._config, held=held, on_progress=on_progress)
            if learned.delta is None:
                return learned, notes, None
            taught = [study for study, one in zip(studies, learned.reports, strict=True) if one.learned]
            return learned, notes, self._drift(parent, learned.delta, taught)

    def _study(self, fact: learning.ClaimedFact) -> Study:
        return augment(_fact(fact), limit=self._config.texts, generate=self._phrasing)

    def _drift(self, parent: View, delta: Delta, taught: Sequence[Study]) -> Drift:
        table = self._checkpoint.table
        candidate = table.enter(parent, delta)
        try:
            return self._gate.drift(parent, candidate, taught)
        finally:
            table.release(candidate)

    def _hand_in(self, claim: learning.Claim, learned: Learned, notes: list[str], change: Drift | None) -> None:
        """Commit what was learned as a version, or say why it must not become one."""
        results = report.fact_results(claim, learned, notes)
        figures = report.figures(claim, learned, change)
        complaint = report.complaint(change, self._settings)
        with self._sessions() as session:
            if learned.delta is None or complaint:
                learning.reject(session, claim, results, complaint or "no fact was learned", figures)
                return
            version = learning.commit_version(
                session,
                claim,
                learning.LearnedVersion(
                    delta=learned.delta.to_bytes(),
                    state_hash=learned.state_hash,
                    fingerprint=self._checkpoint.fingerprint,
                    slots=report.written_slots(learned),
                    facts=results,
                    report=figures,
                ),
            )
            self._queue.hint()
            # Usually too early, but it sees at once when another version went live meanwhile.
            if publishing.publish(session, self._settings, version).state == "published":
                self._queue.hint()


def _fact(claimed: learning.ClaimedFact) -> Fact:
    return Fact(claimed.statement, claimed.question, claimed.answer, claimed.phrasings)
