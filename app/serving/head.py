"""What is live, and for how long that holds while the database is away."""

import time

from sqlalchemy.orm import Session

from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.errors import HeadUnknown
from app.services import versions
from app.services.versions import Live


class HeadReader:
    """Reads the head of `namespace`; what it read last counts for `max_stale_seconds` of silence."""

    def __init__(self, sessions: Sessions, namespace: str, max_stale_seconds: float) -> None:
        self._sessions = sessions
        self._namespace = namespace
        self._max_stale_seconds = max_stale_seconds
        self._last: tuple[Live, float] | None = None

    def read(self) -> Live:
        """What is live now. The database's errors pass through; raises NotBootstrapped."""
        with self._sessions() as session:
            return self.read_by(session)

    def read_by(self, session: Session) -> Live:
        """The same, by a session that is open."""
        live = versions.head(session, self._namespace)
        self._last = live, time.monotonic()
        return live

    def read_or_remember(self) -> Live:
        """What is live, or was when the database was last heard of. Raises HeadUnknown, NotBootstrapped."""
        try:
            return self.read()
        except DATABASE_AWAY as error:
            if self._last is None or time.monotonic() - self._last[1] > self._max_stale_seconds:
                limit = f"{self._max_stale_seconds:g} s"
                raise HeadUnknown(f"the database has not answered for more than {limit}") from error
            return self._last[0]
