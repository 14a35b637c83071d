"""What is started again, and when."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.embedded import tended
from app.embedded.errors import ChildEnded
from app.embedded.folder import DataFolder
from app.embedded.tended import FIRST_SECONDS, HEALTHY_SECONDS, LONGEST_SECONDS, Tended
from app.embedded.told import Told, tell, told
from app.errors import StackFailed


class Clock:
    """A clock that tests move."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Mortal:
    """A child that ends when it is told to."""

    name: str = "worker"
    ended: str = ""

    def check(self) -> None:
        if self.ended:
            raise ChildEnded(self.ended)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(tended, "time", clock)
    return clock


def pause_of(process: Tended, clock: Clock) -> float:
    """Tend it until it is started again; returns how long that took."""
    began = clock.now
    while not process.tend().startswith("Started"):
        clock.now += 0.01
    return clock.now - began


def test_pauses_double_up_to_a_limit_and_a_while_of_health_forgets_them(clock: Clock) -> None:
    children: list[Mortal] = []

    def born() -> Mortal:
        children.append(Mortal())
        return children[-1]

    process = Tended("the worker", born(), born)
    assert process.tend() == ""
    for ends in range(10):
        children[-1].ended = "worker ended by itself, exit status 3. The last lines of worker.log:\n    out of luck"
        news = process.tend()
        assert "out of luck" in news
        assert "the worker is started again in" in news
        assert process.told.state == "ended"
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2**ends)
        assert longest / 2 - 0.02 <= pause_of(process, clock) <= longest + 0.02
        assert (process.told.state, process.told.ends) == ("running", ends + 1)
    assert "for the 10th time in a row" in news
    clock.now += HEALTHY_SECONDS + 1
    assert "has run for" in process.tend()
    assert process.told.ends == 0
    children[-1].ended = "again"
    process.tend()
    assert pause_of(process, clock) <= FIRST_SECONDS + 0.02


def test_one_that_cannot_be_started_is_tried_again(clock: Clock) -> None:
    failures = [OSError("No space left on device"), StackFailed("processes of an earlier one")]

    def born() -> Mortal:
        if failures:
            raise failures.pop(0)
        return Mortal()

    process = Tended("PostgreSQL", Mortal("postgres", "postgres ended by itself"), born)
    said = []
    while process.told.state == "ended" or not said:
        said += [process.tend()]
        clock.now += 0.1
    assert [line.partition("\n")[0] for line in said if line] == [
        "postgres ended by itself",
        "PostgreSQL cannot be started: No space left on device",
        "PostgreSQL cannot be started: processes of an earlier one",
        "Started PostgreSQL again",
    ]


def test_a_child_of_the_stack_reads_what_the_stack_tells_and_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(tmp_path) is None
    process = Tended("the worker", Mortal(), Mortal)
    tell(DataFolder(tmp_path), [process.told])
    assert told(tmp_path) is None  # we are no child of ours
    monkeypatch.setattr(os, "getppid", os.getpid)
    assert told(tmp_path) == [Told("worker", "running")]
