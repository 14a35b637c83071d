"""An engine on a tiny model."""

import pytest

from model.engine import Engine
from tests import tiny


@pytest.fixture
def engine():
    engine = Engine(tiny.build())
    engine.start()
    yield engine
    engine.stop()
