import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import points
from tests.faults.stack import Callers, Stack, running

SEED = 18


@pytest.fixture(scope="module")
def dice() -> random.Random:
    """The same in every run."""
    return random.Random(SEED)


@pytest.fixture(scope="module")
def stack(open_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One service for the tests of a file, which can be held at each point."""
    with running(open_root / "faults", tmp_path_factory.mktemp("faults")) as stack:
        points.install(stack.database_url)
        yield stack


@pytest.fixture(scope="module")
def callers(stack: Stack, dice: random.Random) -> Callers:
    return Callers(stack, dice)
