"""The sweeper wakes what no message woke. A thread of the worker, not a process that could be forgotten."""

import threading
from datetime import UTC, datetime

import structlog
from sqlalchemy.orm import Session

from app.db.session import Sessions
from app.queue import Queue
from app.services import erasing, expiry, learning, publishing, verifying, versions
from app.settings import Settings
from worker.owner import is_dead

_log = structlog.get_logger()


class Sweeper:
    """Looks every `sweep_seconds` for versions that can be published, jobs that nobody learns, and what time brings."""

    def __init__(self, sessions: Sessions, queue: Queue, settings: Settings) -> None:
        self._sessions, self._queue, self._settings = sessions, queue, settings
        self._night: datetime | None = None  # for which it was seen to that live facts are asked
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Sweep at once, and from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End after the sweep in hand."""
        self._stopping.set()
        self._thread.join()

    def sweep(self) -> None:
        """Look once. A worker that hears its bell twice finds nothing to claim the second time."""
        with self._sessions() as session:
            for version in publishing.ready(session):
                if publishing.publish(session, self._settings, version).state == "published":
                    self._queue.hint()
            for job in learning.sweep(session, self._settings, is_dead):
                self._queue.ring(job)
            for namespace in expiry.over_in(session):
                self._ring(expiry.forget_due(session, self._settings, namespace))
            self._see_to_the_night(session)
            erasing.erase_due(session, self._settings)

    def _see_to_the_night(self, session: Session) -> None:
        """Let facts be asked again, once a night: what is taught later was asked when it went live."""
        if self._settings.verify_hour < 0:
            return
        night = verifying.last_night(self._settings.verify_hour, datetime.now(UTC))
        if night != self._night:
            for namespace in versions.heads(session):
                self._ring(verifying.queue_nightly(session, namespace, night))
            self._night = night

    def _ring(self, job: int | None) -> None:
        if job is not None:
            self._queue.ring(job)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.sweep()
            except Exception:
                # A database that is away comes back; a sweeper that ended would not.
                _log.exception("sweep failed")
            self._stopping.wait(self._settings.sweep_seconds)
