"""Which kept versions are resident as views; the least recently used are dropped and can be entered again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from model.errors import NotResident, SpareRowsExhausted
from model.memory.delta import Delta
from model.memory.table import Draft, ValueTable, View

_WORKING_SHARE = 0.07  # of the time in which others are served
_LONGEST_REST = 0.02  # seconds


class Pace:
    """Rests between short pieces of work while others are served, for many times as long as the pieces take.

    Python runs one thread at a time: pieces without a rest between them would let a decoding step, which asks for
    the interpreter at every operation, wait for each of them.
    """

    def __init__(self, serving: Callable[[], bool]) -> None:
        self._serving = serving
        self._since = time.thread_time()

    def __call__(self) -> None:
        """Rest after a piece of work."""
        if self._serving():
            worked = time.thread_time() - self._since
            time.sleep(min(worked * (1 / _WORKING_SHARE - 1), _LONGEST_REST))
        self._since = time.thread_time()


@dataclass(frozen=True)
class Resident:
    """A resident version: how many requests read it, seconds since somebody asked for it, seconds it took to enter."""

    version: int
    users: int
    idle_seconds: float
    enter_seconds: float


@dataclass
class _Kept:
    """A view that is kept, with what the report tells of it."""

    view: View
    used: float
    enter_seconds: float = 0.0


class Versions:
    """Version numbers and their views. Version 0 is the base and always resident; so is the pinned one.

    Methods may be called from any thread.
    """

    def __init__(self, table: ValueTable) -> None:
        self._pinned = 0
        self._bound = 0  # users of views that are no keepers of them
        self._table = table
        self._kept: OrderedDict[int, _Kept] = OrderedDict({0: _Kept(table.base, time.monotonic())})
        self._lock = threading.RLock()

    @property
    def pinned(self) -> int:
        """The version that is never dropped: the one that new requests get."""
        return self._pinned

    def pin(self, version: int) -> None:
        """Pin another version; raises NotResident."""
        with self._lock:
            if self.view(version) is None:
                raise NotResident(f"version {version} is not resident")
            self._pinned = version

    def view(self, version: int) -> View | None:
        """The view of `version` while it is resident; the caller does not become a user of it."""
        with self._lock:
            kept = self._kept.get(version)
            if kept is None:
                return None
            self._kept.move_to_end(version)
            kept.used = time.monotonic()
            return kept.view

    def bind(self, version: int | None = None) -> tuple[int, View]:
        """`version`, or the pinned one, and its view with the caller as a user until `release`.

        Raises NotResident.
        """
        with self._lock:
            bound = self._pinned if version is None else version
            view = self.view(bound)
            if view is None:
                raise NotResident(f"version {bound} is not resident")
            self._bound += 1
            return bound, self._table.retain(view)

    def release(self, view: View) -> None:
        """Give back what `bind` returned."""
        with self._lock:
            self._bound -= 1
        self._table.release(view)

    def resident(self) -> list[int]:
        """All resident versions, the least recently used first."""
        with self._lock:
            return list(self._kept)

    def enter(self, version: int, ancestor: int, delta: Delta) -> View:
        """Make `version` resident from a resident `ancestor`; the least recently used make room.

        It takes its time: who serves meanwhile comes first. A version that is resident keeps the view it has.
        Raises NotResident for the ancestor, WrongState for a delta that does not fit, and SpareRowsExhausted
        when views in use leave no room.
        """
        kept = self._built(ancestor, delta)
        with self._lock:
            if version in self._kept:  # another thread was faster
                self._table.release(kept.view)
            return self._kept.setdefault(version, kept).view

    def replace(self, version: int, ancestor: int, delta: Delta) -> View:
        """Like `enter`, for a resident version whose view was damaged: new requests get another one."""
        kept = self._built(ancestor, delta)
        with self._lock:
            damaged = self._kept.pop(version, None)
            self._kept[version] = kept
            if damaged is not None:
                self._table.release(damaged.view)
            return kept.view

    def intact(self, version: int) -> bool:
        """Whether the rows of a resident version are those that it was entered with. Raises NotResident."""
        _, view = self.bind(version)
        try:
            return self._table.state_of(view, self.pace(own=1)) == view.state_hash
        finally:
            self.release(view)

    def drop(self, version: int) -> None:
        """Forget the view of `version`, if it is resident; requests that are bound to it finish on it."""
        with self._lock:
            if version not in (0, self._pinned) and version in self._kept:
                self._table.release(self._kept.pop(version).view)

    def pace(self, own: int = 0) -> Pace:
        """A pace for work beside these versions' users, of whom `own` are who works."""
        return Pace(lambda: self._bound > own)

    def report(self) -> list[Resident]:
        """What is resident, the least recently used first."""
        now = time.monotonic()
        with self._lock:
            return [
                Resident(version, kept.view.users - 1, round(now - kept.used, 3), round(kept.enter_seconds, 4))
                for version, kept in self._kept.items()
            ]

    def _built(self, ancestor: int, delta: Delta) -> _Kept:
        began, pace = time.monotonic(), self.pace(own=1)
        _, parent = self.bind(ancestor)
        try:
            view = self._settled(self._table.draft(parent, delta, pace), ancestor, pace)
        finally:
            self.release(parent)
        now = time.monotonic()
        return _Kept(view, now, now - began)

    def _settled(self, draft: Draft, keep: int, pace: Pace) -> View:
        while True:
            try:
                return self._table.settle(draft, pace)
            except SpareRowsExhausted:
                if not self._drop_oldest(keep):
                    raise

    def _drop_oldest(self, keep: int) -> bool:
        with self._lock:
            # One that requests are bound to would free nothing, and be built again beside itself.
            free = (v for v, kept in self._kept.items() if kept.view.users == 1)
            oldest = next((v for v in free if v not in (0, self._pinned, keep)), None)
            if oldest is not None:
                self.drop(oldest)
            return oldest is not None
