"""The version that jobs are learned on top of: its view."""

import structlog
from sqlalchemy.orm import Session

from app.db.tables import BASE_VERSION
from app.errors import DamagedDelta
from app.services import anchors, versions
from model.base.checkpoint import Checkpoint
from model.errors import WrongState
from model.memory.anchor import parts_of
from model.memory.delta import Delta
from model.memory.table import View

_log = structlog.get_logger()


class Parent:
    """Keeps one version, the one asked for last: learning needs the table's other places and rows.

    From there the next one is only as far away as the deltas between them, however long the history is.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._table = checkpoint.table
        self._version, self._view = BASE_VERSION, self._table.retain(self._table.base)

    def bring(self, session: Session, version: int) -> View:
        """The view of `version`, brought up from stored deltas; it stays until another version is asked for.

        Raises DamagedDelta when it cannot be had as it was made.
        """
        line = versions.lineage(session, version)
        if self._version not in line:
            self._forget()
        missing = line[line.index(self._version) + 1 :]
        if missing:
            delta = Delta.path(Delta.from_bytes(data) for _, data in versions.deltas(session, missing))
            expected = versions.live(session, version).state_hash
            view = self._table.enter(self._view, delta)
            if view.state_hash != expected:
                self._table.release(view)
                raise DamagedDelta(f"the deltas up to version {version} lead to another state than it was made with")
            self._keep(version, view)
        return self._view

    def keep_anchor(self, session: Session) -> None:
        """Store the anchor of the version at hand when it is due, so that engines start soon on a long history.

        The worker does it because nobody waits for it here, and it has the rows at hand.
        Raises WrongState when they are damaged; then they are forgotten, to be brought up anew.
        """
        if not anchors.due(session, self._version):
            return
        try:
            parts = (part.to_bytes() for part in parts_of(self._table, self._view))
            stored = anchors.store(session, self._version, parts)
        except WrongState:
            self._forget()
            raise
        _log.info("anchor stored" if stored else "anchor was there", version=self._version)

    def _forget(self) -> None:
        self._keep(BASE_VERSION, self._table.retain(self._table.base))

    def _keep(self, version: int, view: View) -> None:
        self._table.release(self._view)
        self._version, self._view = version, view
