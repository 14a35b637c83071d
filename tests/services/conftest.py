from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from app.db.session import Sessions, close_sessions, open_sessions
from app.db.tables import ApiKey
from app.services import keys
from app.settings import Settings
from tests.services.story import Story


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    sessions = open_sessions(database_url)
    yield sessions
    close_sessions(sessions)


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with sessions() as session:
        yield session


@pytest.fixture
def key(session: Session) -> ApiKey:
    return keys.create(session, "tester", "writer")[0]


@pytest.fixture
def story(sessions: Sessions, settings: Settings, key: ApiKey) -> Story:
    return Story(sessions, settings, key)
