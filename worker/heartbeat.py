"""The heartbeat of a lease, on a thread of its own.

Facts that are taught together take as long as they take, which must not cost the lease; so it is not renewed between
them, but beside them. When the process dies, the thread dies with it.
"""

import threading
from types import TracebackType

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.db.session import Sessions
from app.errors import LeaseLost
from app.services import learning

_SHORTEST_PAUSE = 0.25  # seconds: quick facts share a beat, for each one is a commit
_LONGEST_PAUSE = 0.5  # a job that is cancelled is seen within a second
_log = structlog.get_logger()


class Heartbeat:
    """Renews the lease of `claim` at least every `seconds` while its block runs, and passes progress on."""

    def __init__(self, sessions: Sessions, claim: learning.Claim, seconds: float) -> None:
        self._sessions, self._claim, self._seconds = sessions, claim, seconds
        self._done = 0
        self._lost = False
        self._ended = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        """Beat at once, and from now on."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last beat: whoever leaves the block may give the lease up."""
        self._ended.set()
        self._wake.set()
        self._thread.join()

    def progress(self, done: int) -> None:
        """Report that `done` facts have been trained. Raises LeaseLost: further training is in vain."""
        self._done = done
        self._wake.set()
        if self._lost:
            raise LeaseLost(f"the lease of job {self._claim.job} was lost while it was learned")

    def _run(self) -> None:
        while not self._ended.is_set() and not self._lost:
            self._beat()
            self._ended.wait(min(_SHORTEST_PAUSE, self._seconds))
            self._wake.wait(min(_LONGEST_PAUSE, self._seconds))
            self._wake.clear()

    def _beat(self) -> None:
        try:
            with self._sessions() as session:
                learning.heartbeat(session, self._claim, self._done)
        except LeaseLost:
            self._lost = True
        except SQLAlchemyError as error:
            # The database may be back before the lease ends; if not, the fence refuses what was learned.
            _log.warning("heartbeat failed", job=self._claim.job, error=str(error))
