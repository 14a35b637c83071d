"""A process that is started again when it ends by itself, after pauses that grow while it does so again and again."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.embedded.child import Child
from app.embedded.errors import ChildEnded
from app.embedded.told import Told
from app.errors import StackFailed

FIRST_SECONDS = 0.5  # the pause before it is started again; it doubles with each end in a row
LONGEST_SECONDS = 30.0
HEALTHY_SECONDS = 60.0  # that it has to run for its earlier ends to be forgotten
_dice = random.SystemRandom()


class Tended:
    """`child` is the process now, or the one that has ended; `again` starts another in its place."""

    def __init__(self, name: str, child: Child, again: Callable[[], Child]) -> None:
        self.name = name
        self.child = child
        self._again = again
        self._began = time.monotonic()
        self._due: float | None = None  # when it is started again; None while it runs
        self._ends = 0  # in a row
        self._ended_at: datetime | None = None

    @property
    def told(self) -> Told:
        """What others may know of it."""
        return Told(self.child.name, "running" if self._due is None else "ended", self._ends, self._ended_at)

    def check(self) -> None:
        """Nothing while it runs. Raises ChildEnded."""
        self.child.check()

    def tend(self) -> str:
        """See how it is, and start it again when that is due; returns what is to be said of it, or nothing."""
        now = time.monotonic()
        if self._due is None:
            return self._looked_at(now)
        if now < self._due:
            return ""
        try:
            self.child = self._again()
        except (StackFailed, OSError) as error:  # a full disk, say, which passes
            return self._end(f"{self.name} cannot be started: {error}")
        self._due, self._began = None, time.monotonic()
        return f"Started {self.name} again"

    def stop(self) -> None:
        """End it for good."""
        self.child.stop()

    def _looked_at(self, now: float) -> str:
        try:
            self.child.check()
        except ChildEnded as ended:
            return self._end(str(ended))
        if self._ends and now - self._began > HEALTHY_SECONDS:
            self._ends = 0
            return f"{self.name} has run for {HEALTHY_SECONDS:.0f} s again"
        return ""

    def _end(self, reason: str) -> str:
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**self._ends)
        pause = longest * _dice.uniform(0.5, 1)  # so that processes that need each other do not die in step
        self._ends += 1
        self._due, self._ended_at = time.monotonic() + pause, datetime.now(UTC)
        row = f", for the {self._ends}th time in a row" if self._ends > 3 else ""
        return f"{reason}\n{self.name} is started again in {pause:.1f} s{row}"
