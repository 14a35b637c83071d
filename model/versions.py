"""Which kept versions are resident as views; the least recently used are dropped and can be entered again."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from model.delta import Delta
from model.errors import NotResident, SpareRowsExhausted
from model.values import ValueTable, View


class Versions:
    """Version numbers and their views. Version 0 is the base and always resident; so is the pinned one.

    Methods may be called from any thread.
    """

    def __init__(self, table: ValueTable) -> None:
        self._pinned = 0
        self._table = table
        self._views: OrderedDict[int, View] = OrderedDict({0: table.base})
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
            if version in self._views:
                self._views.move_to_end(version)
            return self._views.get(version)

    def bind(self, version: int | None = None) -> tuple[int, View]:
        """`version`, or the pinned one, and its view with the caller as a user until `release`.

        Raises NotResident.
        """
        with self._lock:
            bound = self._pinned if version is None else version
            view = self.view(bound)
            if view is None:
                raise NotResident(f"version {bound} is not resident")
            return bound, self._table.retain(view)

    def release(self, view: View) -> None:
        """Give back what `bind` returned."""
        self._table.release(view)

    def nearest(self, lineage: Sequence[int]) -> int:
        """The last resident version of a lineage that begins with the base."""
        with self._lock:
            return next(version for version in reversed(lineage) if version in self._views)

    def enter(self, version: int, ancestor: int, delta: Delta) -> View:
        """Make `version` resident from a resident `ancestor`; the least recently used make room.

        Raises NotResident for the ancestor, WrongState for a delta that does not fit, and SpareRowsExhausted
        when views in use leave no room.
        """
        _, parent = self.bind(ancestor)
        try:
            while True:
                try:
                    view = self._table.enter(parent, delta)
                    break
                except SpareRowsExhausted:
                    if not self._drop_oldest(ancestor):
                        raise
        finally:
            self.release(parent)
        with self._lock:
            if version in self._views:  # another thread was faster
                self.release(view)
            return self._views.setdefault(version, view)

    def drop(self, version: int) -> None:
        """Forget the view of `version`, if it is resident; requests that are bound to it finish on it."""
        with self._lock:
            if version not in (0, self._pinned) and version in self._views:
                self.release(self._views.pop(version))

    def _drop_oldest(self, keep: int) -> bool:
        with self._lock:
            oldest = next((v for v in self._views if v not in (0, self._pinned, keep)), None)
            if oldest is not None:
                self.drop(oldest)
            return oldest is not None
