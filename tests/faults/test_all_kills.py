"""Each process is killed at each point of a job: no accepted fact is lost, and no status is untrue."""

import pytest

from tests.faults.points import POINTS, Point
from tests.faults.stack import PROCESSES, Callers

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_a_kill(callers: Callers, point: Point, process: str):
    callers.kill_at(point, process)
