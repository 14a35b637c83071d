"""Versions brought up from deltas and anchors, and never one in the wrong state.

Whatever a version is built from is checked: bytes against checksums, the result against the
state hash that the worker found. What does not fit is refused, named in the log, and healed
where that is possible: a damaged anchor is thrown away, a damaged view built anew, both from what is good.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from itertools import chain

import structlog
from sqlalchemy.orm import Session

from app.db.session import Sessions
from app.db.tables import BASE_VERSION
from app.errors import DamagedAnchor, DamagedDelta, VersionNotServed
from app.services import anchors, versions
from app.services.anchors import Route
from app.services.versions import Live
from model.engine import Engine
from model.errors import DeltaError
from model.memory.anchor import from_base
from model.memory.delta import Delta

_log = structlog.get_logger()


class Views:
    """Builds views on one thread of its own, so that what many requests wait for is built once.

    builds          how many views were built
    last_seconds    what the last of them took, from its first query on
    longest_seconds what the longest of them took
    refused         anchors and views that did not verify
    """

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self.builds = self.refused = 0
        self.last_seconds = self.longest_seconds = 0.0
        self._engine = engine
        self._sessions = sessions
        self._table = engine.checkpoint.table
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="views")

    def close(self) -> None:
        """End the thread after the view in hand."""
        self._thread.shutdown(cancel_futures=True)

    def build(self, wanted: Live) -> Future[str]:
        """Make a version resident; gives the state hash found. A view in the wrong state is dropped."""
        return self._thread.submit(self._build, wanted)

    def bring(self, wanted: Live, seconds: float) -> None:
        """Make a version resident within `seconds`. Raises VersionNotServed, or what hindered it."""
        began = time.monotonic()
        try:
            found = self.build(wanted).result(seconds)
        except FutureTimeout:
            waited = time.monotonic() - began
            raise VersionNotServed(f"version {wanted.version} was not rebuilt within {waited:.1f} s") from None
        if found != wanted.state_hash:
            raise VersionNotServed(f"version {wanted.version} was rebuilt in the wrong state")

    def _build(self, wanted: Live) -> str:
        found = self._engine.resident(wanted.version)
        if found is None:
            began = time.monotonic()
            found = self._built(wanted)
            self.builds, self.last_seconds = self.builds + 1, time.monotonic() - began
            self.longest_seconds = max(self.longest_seconds, self.last_seconds)
        if found != wanted.state_hash:
            self._engine.drop(wanted.version)
        return found

    def _built(self, wanted: Live) -> str:
        """Build a version by the cheapest way, and by another when that begins at something damaged.

        Raises DamagedDelta when the fault lies in what there is no other copy of.
        """
        while True:
            try:
                with self._sessions() as session:
                    route = anchors.route(session, wanted.version, self._engine.versions.resident())
                    start, delta = self._path(session, route)
                found = self._engine.prepare(wanted.version, start, delta)
            except (DeltaError, DamagedAnchor) as error:
                if not self._healed(route, str(error)):
                    raise DamagedDelta(f"version {wanted.version} cannot be rebuilt: {error}") from error
            else:
                if found == wanted.state_hash or not self._healed(route, f"it leads to the state {found}"):
                    return found
                self._engine.drop(wanted.version)

    def _path(self, session: Session, route: Route) -> tuple[int, Delta]:
        """The resident version that a route begins at, and the delta that leads on from there."""
        pace = self._engine.versions.pace()
        pace()
        steps = (Delta.from_bytes(data) for _, data in versions.deltas(session, route.steps, pace))
        if not route.by_anchor:
            return route.start, Delta.path(steps)
        return BASE_VERSION, Delta.path(chain([self._anchor(session, route.start)], steps))

    def _anchor(self, session: Session, version: int) -> Delta:
        parts = anchors.parts(session, version, self._engine.versions.pace())
        return from_base(self._table, map(Delta.from_bytes, parts))

    def _healed(self, route: Route, complaint: str) -> bool:
        """Whether a route that leads nowhere began at something damaged, of which we are rid now."""
        if route.start == BASE_VERSION:
            return False
        with self._sessions() as session:
            start = versions.live(session, route.start)
            if route.by_anchor:
                if self._is_good_anchor(session, start):
                    return False
                anchors.discard(session, route.start)
            elif self._engine.versions.intact(route.start):
                return False
            else:
                self._replace(session, start)
        self.refused += 1
        what = "anchor" if route.by_anchor else "view"
        _log.error("damaged start refused", what=what, version=route.start, complaint=complaint)
        return True

    def _is_good_anchor(self, session: Session, start: Live) -> bool:
        table = self._table
        try:
            delta = self._anchor(session, start.version)
            draft = table.draft(table.base, delta, self._engine.versions.pace())
        except (DeltaError, DamagedAnchor):
            return False
        return draft.state_hash == start.state_hash

    def _replace(self, session: Session, damaged: Live) -> None:
        """Build a resident version anew, from the base or an anchor. Raises VersionNotServed."""
        route = anchors.route(session, damaged.version, [BASE_VERSION])
        view = self._engine.versions.replace(damaged.version, *self._path(session, route))
        if view.state_hash != damaged.state_hash:
            raise VersionNotServed(f"version {damaged.version} was damaged in memory and cannot be rebuilt")
