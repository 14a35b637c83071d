"""A few kills at points that a seed chose; `make test-faults` goes through all of them."""

import random

from tests.faults.points import POINTS
from tests.faults.stack import Callers, Stack


def test_accepted_facts_are_told_and_statuses_true_whoever_is_killed(
    stack: Stack, callers: Callers, dice: random.Random
):
    first, second = dice.sample(POINTS, 2)
    slow = dice.choice(("api", "worker"))  # to start, as it loads a model
    callers.kill_at(first, "redis", "postgres")
    callers.kill_at(second, slow)
    assert callers.check() == {"live": 4}
    log = stack.log.read_text()
    for name in ("redis", "postgres", slow):
        assert f"{name} ended by itself, killed by SIGKILL" in log
