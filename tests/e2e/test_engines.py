"""Two API processes on one history, and a writer: each pulls what is published, and neither needs the other."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db.session import Sessions, close_sessions, open_sessions
from app.settings import Settings
from tests import tiny
from tests.api.teacher import QUESTION, Teacher
from tests.e2e.service import Service

SECONDS = 20.0


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    base, memory = tiny.folders(tmp_path / "tiny")
    quick = {"base": str(base), "memory": memory, "spare_rows": 4_096, "poll_seconds": 0.2, "engine_fresh_seconds": 3.0}
    return settings.model_copy(update=quick)


@pytest.fixture
def sessions(settings: Settings) -> Iterator[Sessions]:
    sessions = open_sessions(settings.database_url)
    yield sessions
    close_sessions(sessions)


@pytest.fixture
def services(settings: Settings, admin_key: str, tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one, two = (Service(settings, admin_key, folder) for folder in folders)
    for service in (one, two):
        service.launch_api()
    for service in (one, two):
        service.wait_until_ready()
    yield one, two
    for service in (one, two):
        service.kill()
        service.client.close()


def engines(service: Service) -> dict[str, dict]:
    """What a process tells of all engines, by id."""
    return {one["id"]: one for one in service.client.get("/v1/admin/engines").json()["items"]}


def name_of(service: Service) -> str:
    return service.client.get("/readyz").json()["engine"]


def test_two_engines_serve_one_history_and_one_goes_on_without_the_other(
    services: tuple[Service, Service], sessions: Sessions, settings: Settings
):
    one, two = services
    names = {name_of(one), name_of(two)}
    teacher = Teacher(one.client, sessions, settings)
    versions = [teacher.teach() for _ in range(3)]

    def level(version: int) -> bool:
        told = engines(two)
        return names == {
            name
            for name, engine in told.items()
            if (engine["version"], engine["lag"]) == (version, 0) and engine["alive"]
        }

    def all_answer(version: int, *services: Service) -> None:
        for service in services:
            assert service.ask(QUESTION) == (teacher.answers[version], version)

    all_answer(versions[-1], one, two)
    two.wait_until(lambda: level(versions[-1]), SECONDS)
    assert len({engine["state_hash"] for engine in engines(one).values()}) == 1

    one.roll(versions[0])
    all_answer(versions[0], two, one)
    two.wait_until(lambda: level(versions[0]), SECONDS)
    for version in versions:  # any kept version can be asked of either
        assert two.ask(QUESTION, version) == one.ask(QUESTION, version) == (teacher.answers[version], version)

    dead = name_of(two)
    two.kill()
    all_answer(versions[0], one)
    began = time.monotonic()
    branch = teacher.teach()
    assert time.monotonic() - began < settings.engine_fresh_seconds + SECONDS
    all_answer(branch, one)
    assert {name: engine["alive"] for name, engine in engines(one).items()} == {name: name != dead for name in names}, (
        "the dead one is shown as such, and versions no longer wait for it"
    )

    two.start_api()
    all_answer(branch, two)
    two.wait_until(lambda: engines(one)[name_of(two)]["version"] == branch, SECONDS)
    fresh = engines(one)[name_of(two)]
    assert fresh["state_hash"] == engines(one)[name_of(one)]["state_hash"]
    assert fresh["report"]["views"]["resident"][-1]["version"] == branch
