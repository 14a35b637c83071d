from collections.abc import Iterator

import pytest

from app.db.session import Sessions
from app.db.tables import ApiKey
from app.queue import Queue
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from tests import tiny
from tests.services.conftest import key, session, sessions
from tests.services.story import Story
from worker.learner import Learner

__all__ = ["key", "session", "sessions"]  # fixtures that are the same here


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url)


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    queue = Queue(settings)
    yield queue
    queue.close()


@pytest.fixture
def checkpoint() -> Checkpoint:
    return tiny.build(spare_rows=1_024)


@pytest.fixture
def story(sessions: Sessions, settings: Settings, key: ApiKey, checkpoint: Checkpoint) -> Story:
    return Story(sessions, settings, key, checkpoint.fingerprint, checkpoint.table.base.state_hash)


@pytest.fixture
def learner(checkpoint: Checkpoint, sessions: Sessions, queue: Queue, settings: Settings) -> Learner:
    return Learner(checkpoint, sessions, queue, settings)
