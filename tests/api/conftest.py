"""The real application on a tiny model, real PostgreSQL and real Redis; `Teacher` stands in for the worker."""

from collections.abc import Iterator
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


@pytest.fixture
def settings(settings: Settings, folders: tuple[Path, Path]) -> Settings:
    base, memory = folders
    quick = {
        "base": str(base),
        "memory": memory,
        "spare_rows": 4_096,
        "poll_seconds": 0.05,
        "max_stale_seconds": 1.0,
        "rebuild_wait_seconds": 2.0,
        "max_batch": 8,
        "max_queue": 16,
    }
    return settings.model_copy(update=quick)


@pytest.fixture
def sessions(settings: Settings) -> Iterator[Sessions]:
    sessions = open_sessions(settings.database_url)
    yield sessions
    close_sessions(sessions)


@pytest.fixture
def key_of(sessions: Sessions) -> dict[str, str]:
    """A key of every role."""
    with sessions() as session:
        return {role: keys.create(session, f"the {role}", role)[1] for role in keys.ROLES}


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


@pytest.fixture
def official(service: Running, key_of: dict[str, str]) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{service.url}/v1", api_key=key_of["reader"], max_retries=0) as client:
        yield client
