"""The version that jobs are learned on top of: its view."""

from collections import OrderedDict
from itertools import chain

import structlog
from sqlalchemy.orm import Session

from app.db.tables import BASE_VERSION
from app.errors import DamagedAnchor, DamagedDelta
from app.services import anchors, versions
from app.services.anchors import Route
from model.base.checkpoint import Checkpoint
from model.errors import DeltaError, WrongState
from model.memory.anchor import from_base, parts_of
from model.memory.delta import Delta
from model.memory.table import View

_KEPT = 4  # views, beside the base
_KEPT_SHARE = 0.5  # of the table's rows: learning needs the others
_log = structlog.get_logger()


class Parent:
    """Keeps the few versions that were asked for last, one of a line: jobs of several namespaces take turns.

    So the next one of a namespace is only as far away as the deltas since, or as an anchor and the deltas behind it.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._table = checkpoint.table
        self._version = BASE_VERSION
        self._kept: OrderedDict[int, View] = OrderedDict()  # the one asked for last at the end

    def bring(self, session: Session, version: int) -> View:
        """The view of `version`, brought up from stored deltas; it stays until others are asked for.

        Raises DamagedDelta when it cannot be had as it was made.
        """
        if version != BASE_VERSION and version not in self._kept:
            self._kept[version] = self._built(session, version)
        self._version = version
        if version in self._kept:
            self._kept.move_to_end(version)
        self._make_room()
        return self._kept.get(version, self._table.base)

    def keep_anchor(self, session: Session) -> None:
        """Store the anchor of the version at hand when it is due, so that engines start soon on a long history.

        The worker does it because nobody waits for it here, and it has the rows at hand.
        Raises WrongState when they are damaged; then all are forgotten, to be brought up anew.
        """
        if not anchors.due(session, self._version):
            return
        try:
            view = self._kept.get(self._version, self._table.base)
            stored = anchors.store(session, self._version, (part.to_bytes() for part in parts_of(self._table, view)))
        except WrongState:
            self._forget()
            raise
        _log.info("anchor stored" if stored else "anchor was there", version=self._version)

    def _built(self, session: Session, version: int) -> View:
        expected = versions.live(session, version).state_hash
        route = anchors.route(session, version, [BASE_VERSION, *self._kept])
        view = self._entered(session, route, expected)
        if view is not None and route.start in self._kept:
            self._table.release(self._kept.pop(route.start))  # its namespace has gone on from there
        if view is None:  # whatever is damaged there: deltas are the only copy of themselves
            line = versions.lineage(session, version)
            view = self._entered(session, Route(BASE_VERSION, by_anchor=False, steps=tuple(line[1:])), expected)
        if view is None:
            raise DamagedDelta(f"the deltas up to version {version} lead to another state than it was made with")
        return view

    def _entered(self, session: Session, route: Route, expected: str) -> View | None:
        """The view at the end of a route, or None where it is not the expected one."""
        steps = (Delta.from_bytes(data) for _, data in versions.deltas(session, route.steps))
        start = self._table.base if route.by_anchor else self._kept.get(route.start, self._table.base)
        try:
            if route.by_anchor:
                anchor = from_base(self._table, map(Delta.from_bytes, anchors.parts(session, route.start)))
                delta = Delta.path(chain([anchor], steps))
            else:
                delta = Delta.path(steps)
            view = self._table.enter(start, delta)
        except (DeltaError, DamagedAnchor) as error:
            _log.warning("parent not built", start=route.start, by_anchor=route.by_anchor, error=str(error))
            return None
        if view.state_hash == expected:
            return view
        self._table.release(view)
        return None

    def _make_room(self) -> None:
        """Drop what was asked for longest ago, but never the version at hand."""
        while len(self._kept) > 1 and (len(self._kept) > _KEPT or self._is_crowded()):
            self._table.release(self._kept.popitem(last=False)[1])

    def _is_crowded(self) -> bool:
        room = self._table.room()
        return room.rows > _KEPT_SHARE * room.spare_rows

    def _forget(self) -> None:
        while self._kept:
            self._table.release(self._kept.popitem()[1])
        self._version = BASE_VERSION
