"""What is live, and for how long that holds while the database is away."""

import math
import threading
import time
from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.errors import HeadUnknown
from app.services import versions
from app.services.versions import Live


class HeadReader:
    """Reads the heads of namespaces; what it read last counts for `max_stale_seconds` of silence.

    Who follows the moves of all heads calls `followed`: by then every head that is remembered is known to be right.
    """

    def __init__(self, sessions: Sessions, max_stale_seconds: float) -> None:
        self._sessions = sessions
        self._max_stale_seconds = max_stale_seconds
        self._last: dict[str, tuple[Live, float]] = {}  # by namespace: what was live, and when it was read
        self._followed = -math.inf
        self._lock = threading.Lock()

    def read(self, namespace: str) -> Live:
        """What is live now. The database's errors pass through; raises NotBootstrapped."""
        began = time.monotonic()
        with self._sessions() as session:
            live = versions.head(session, namespace)
        self._remember({namespace: live}, began)
        return live

    def read_by(self, session: Session, namespaces: Collection[str] | None) -> dict[str, Live]:
        """The same of several namespaces (None: of all) with one query, by a session that is open."""
        began, heads = time.monotonic(), versions.heads(session, namespaces)
        self._remember(heads, began)
        return heads

    def followed(self, since: float) -> None:
        """At `since` (monotonic seconds) no head had moved that has not been read after its move."""
        self._followed = since

    def read_or_remember(self, namespace: str) -> Live:
        """What is live, or was when the database was last heard of. Raises HeadUnknown, NotBootstrapped."""
        try:
            return self.read(namespace)
        except DATABASE_AWAY as error:
            live, read = self._last.get(namespace, (None, -math.inf))
            if live is None or time.monotonic() - max(read, self._followed) > self._max_stale_seconds:
                limit = f"{self._max_stale_seconds:g} s"
                raise HeadUnknown(f"the database has not answered for more than {limit}") from error
            return live

    def _remember(self, heads: Mapping[str, Live], began: float) -> None:
        """Of two threads the one counts that began to read later: it has seen what the other one has."""
        with self._lock:
            for namespace, live in heads.items():
                if namespace not in self._last or self._last[namespace][1] <= began:
                    self._last[namespace] = live, began
