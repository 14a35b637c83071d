"""Hands what the engine counted of its callers' questions to the database, in batches."""

import time

from app.db.session import Sessions
from app.services import slot_statistics
from model.engine import Engine

_BATCH_SECONDS = 10.0  # a batch may be some thousand rows: 20 ms of PostgreSQL


class Tally:
    """For one thread, that which talks to the database anyhow."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._engine, self._sessions = engine, sessions
        self._next = time.monotonic() + _BATCH_SECONDS

    def hand_over_when_due(self) -> None:
        """Add the next batch, when enough time has passed since the last."""
        if time.monotonic() >= self._next:
            self.hand_over()

    def hand_over(self) -> None:
        """Add what was counted since the last batch.

        It is taken from the engine when the database has answered, so an outage costs nothing; where the commit fails
        the batch is lost, as it may have been stored and must not be added twice.
        """
        self._next = time.monotonic() + _BATCH_SECONDS
        with self._sessions() as session:
            session.connection()
            batch = self._engine.take_traffic()
            if batch.queries:
                slot_statistics.add(session, self._engine.checkpoint.fingerprint, batch)
