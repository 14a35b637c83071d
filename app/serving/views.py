"""Versions brought up from their deltas, and never one in the wrong state."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from app.db.session import Sessions
from app.errors import VersionNotServed
from app.services import versions
from app.services.versions import Live
from model.delta import Delta
from model.engine import Engine


class Views:
    """Builds views on one thread of its own, so that what many requests wait for is built once."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._engine = engine
        self._sessions = sessions
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
        found = self._engine.resident(wanted.version) or self._rebuild(wanted.version)
        if found != wanted.state_hash:
            self._engine.drop(wanted.version)
        return found

    def _rebuild(self, version: int) -> str:
        with self._sessions() as session:
            line = versions.lineage(session, version)
            ancestor = self._engine.versions.nearest(line)
            steps = versions.deltas(session, line[line.index(ancestor) + 1 :])
        return self._engine.prepare(version, ancestor, Delta.path(data for _, data in steps))
