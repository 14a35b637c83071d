"""API keys, recognised also while the database is away: an engine that can still answer should be asked."""

import hashlib
import time

from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.db.tables import ApiKey
from app.services import keys


class Keyring:
    """Asks the database at every call, and remembers the good keys for as long as an outage is borne.

    So a key that is revoked is refused at once, and at worst `max_stale_seconds` later if the database falls
    silent at that moment. Plain keys are not kept.
    """

    def __init__(self, sessions: Sessions, max_stale_seconds: float) -> None:
        self._sessions = sessions
        self._max_stale_seconds = max_stale_seconds
        self._seen: dict[bytes, tuple[ApiKey, float]] = {}

    def authenticate(self, plain: str) -> ApiKey:
        """The key whose plain text this is. Raises KeyRejected."""
        digest = hashlib.sha256(plain.encode(errors="backslashreplace")).digest()
        try:
            # Its own short session: a query must not hold a connection while it waits for its answer.
            with self._sessions() as session:
                key = keys.authenticate(session, plain)
                keys.note_use(session, key)
        except DATABASE_AWAY:
            remembered, seen = self._seen.get(digest, (None, 0.0))
            if remembered is None or time.monotonic() - seen > self._max_stale_seconds:
                raise
            return remembered
        self._seen[digest] = key, time.monotonic()
        return key
