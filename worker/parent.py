"""The version that jobs are learned on top of, as a view."""

from sqlalchemy.orm import Session

from app.db.tables import BASE_VERSION
from app.services import versions
from model.delta import Delta
from model.values import ValueTable, View


class Parent:
    """Keeps one view, of the version asked for last: training needs the table's other places and rows."""

    def __init__(self, table: ValueTable) -> None:
        self._table = table
        self._version, self._view = BASE_VERSION, table.retain(table.base)

    def view(self, session: Session, version: int) -> View:
        """The view of `version`, brought up from stored deltas; it stays until another is asked for."""
        line = versions.lineage(session, version)
        if self._version not in line:
            self._keep(BASE_VERSION, self._table.retain(self._table.base))
        missing = versions.deltas(session, line[line.index(self._version) + 1 :])
        if missing:
            delta = Delta.path(data for _, data in missing)
            self._keep(version, self._table.enter(self._view, delta))
        return self._view

    def _keep(self, version: int, view: View) -> None:
        self._table.release(self._view)
        self._version, self._view = version, view
