"""The real application on a tiny model, real PostgreSQL and real Redis; `Teacher` stands in for the worker.

`client` and `service` are a service of the test's own. A test that stores nothing, teaches nothing and breaks nothing
asks `untaught`, `untaught_service` or `official`, of which there is one for all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient
from openai import OpenAI

from app.db.session import Sessions, close_sessions, open_sessions
from app.main import create_app
from app.services import keys
from app.settings import Settings
from tests import tiny
from tests.api.running import Running, running
from tests.api.teacher import Teacher
from tests.conftest import fresh_database


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Several models run at once here, and a tiny one gains nothing from threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny base and its memory."""
    return tiny.folders(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def small(folders: tuple[Path, Path]) -> dict[str, object]:
    """The settings that all services here share."""
    base, memory = folders
    return {"base": str(base), "memory": memory, "spare_rows": 4_096, "max_batch": 8, "max_queue": 16}


@pytest.fixture
def settings(settings: Settings, small: dict[str, object]) -> Settings:
    quick = {"poll_seconds": 0.05, "max_stale_seconds": 3.0, "rebuild_wait_seconds": 2.0}
    return settings.model_copy(update={**small, **quick})


@contextmanager
def opened(settings: Settings) -> Iterator[Sessions]:
    sessions = open_sessions(settings.database_url)
    yield sessions
    close_sessions(sessions)


@pytest.fixture
def sessions(settings: Settings) -> Iterator[Sessions]:
    with opened(settings) as sessions:
        yield sessions


def keys_on(sessions: Sessions) -> dict[str, str]:
    with sessions() as session:
        return {role: keys.create(session, f"the {role}", role)[1] for role in keys.ROLES}


@pytest.fixture
def key_of(sessions: Sessions) -> dict[str, str]:
    """A key of every role."""
    return keys_on(sessions)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI, key_of: dict[str, str]) -> Iterator[TestClient]:
    """An admin's client of the running service."""
    with TestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {key_of['admin']}"
        yield client


@pytest.fixture
def teacher(client: TestClient, sessions: Sessions, settings: Settings) -> Teacher:
    return Teacher(client, sessions, settings)


@pytest.fixture
def service(app: FastAPI) -> Iterator[Running]:
    with running(app) as service:
        yield service


def official_client(service: Running, key_of: dict[str, str]) -> OpenAI:
    return OpenAI(base_url=f"{service.url}/v1", api_key=key_of["reader"], max_retries=0)


@pytest.fixture
def own_official(service: Running, key_of: dict[str, str]) -> Iterator[OpenAI]:
    with official_client(service, key_of) as client:
        yield client


@pytest.fixture(scope="package")
def untaught_settings(
    postgres_url: str, template: str, redis_server_url: str, small: dict[str, object]
) -> Iterator[Settings]:
    with fresh_database(postgres_url, template) as url:
        yield Settings(database_url=url, redis_url=redis_server_url).model_copy(update=small)


@pytest.fixture(scope="package")
def untaught_sessions(untaught_settings: Settings) -> Iterator[Sessions]:
    with opened(untaught_settings) as sessions:
        yield sessions


@pytest.fixture(scope="package")
def untaught_keys(untaught_sessions: Sessions) -> dict[str, str]:
    return keys_on(untaught_sessions)


@pytest.fixture(scope="package")
def untaught_client(untaught_settings: Settings, untaught_keys: dict[str, str]) -> Iterator[TestClient]:
    with TestClient(create_app(untaught_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def untaught(untaught_client: TestClient, untaught_keys: dict[str, str]) -> TestClient:
    """An admin's client of the service that nothing is taught to."""
    untaught_client.headers["Authorization"] = f"Bearer {untaught_keys['admin']}"  # a test may have taken it off
    return untaught_client


@pytest.fixture(scope="package")
def untaught_service(untaught_settings: Settings) -> Iterator[Running]:
    """The same on a real port, a second process of one history."""
    with running(create_app(untaught_settings)) as service:
        yield service


@pytest.fixture(scope="package")
def official(untaught_service: Running, untaught_keys: dict[str, str]) -> Iterator[OpenAI]:
    with official_client(untaught_service, untaught_keys) as client:
        yield client
