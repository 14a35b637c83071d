from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db.session import close_sessions, open_sessions
from app.services import keys
from app.settings import Settings
from tests.e2e.service import Service


@pytest.fixture
def admin_key(settings: Settings) -> str:
    sessions = open_sessions(settings.database_url)
    with sessions() as session:
        _, key = keys.create(session, "the test", "admin")
    close_sessions(sessions)
    return key


@pytest.fixture
def service(settings: Settings, admin_key: str, tmp_path: Path) -> Iterator[Service]:
    """Not started; whatever a test has started of it is ended."""
    service = Service(settings, admin_key, tmp_path)
    yield service
    service.kill()
    service.client.close()
