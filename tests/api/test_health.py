"""Health tells the truth: alive while the event loop turns, ready only while queries are answered."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg import sql

from app.errors import StackFailed, WrongCheckpoint
from app.main import create_app
from app.services import publishing
from app.settings import Settings
from model.errors import CheckpointError
from tests import tiny
from tests.api.teacher import QUESTION, Teacher


@contextmanager
def database_away(settings: Settings, postgres_url: str) -> Iterator[None]:
    """Every connection to the service's database is ended, and every new one refused."""
    name = settings.database_url.rpartition("/")[2]
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.Literal(True)))


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def failing(client: TestClient) -> dict[str, str]:
    reply = client.get("/readyz")
    if reply.status_code == 200:
        return {}
    assert reply.status_code == 503
    assert reply.headers["Content-Type"] == "application/problem+json"
    return reply.json()["failing"]


def test_a_good_service_is_ready_and_names_its_version(client: TestClient, teacher: Teacher):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["version"], ready["head"], ready["learning"]) == ("ready", 0, 0, "running")
    version = teacher.teach()
    wait_until(lambda: client.get("/readyz").json()["version"] == version)
    assert client.get("/readyz").json()["head"] == version


def test_a_stopped_engine_is_not_ready_and_queries_say_so(client: TestClient):
    client.app_state["serving"].engine.stop()
    assert failing(client) == {"engine": "the engine has stopped"}
    assert client.get("/healthz").status_code == 200
    reply = client.post("/v1/query", json={"question": QUESTION})
    assert reply.status_code == 503
    assert reply.headers["Retry-After"] == "1"
    assert client.get("/v1/facts").status_code == 200


def test_without_the_database_the_known_version_answers_for_a_while(
    client: TestClient, teacher: Teacher, settings: Settings, postgres_url: str
):
    version = teacher.teach(source="atlas")
    with database_away(settings, postgres_url):
        gone = time.monotonic()
        reply = client.post("/v1/query", json={"question": QUESTION})
        assert (reply.json()["answer"], reply.json()["version"]) == (teacher.answers[version], version)
        assert [one["source"] for one in reply.json()["citations"]] == [None]  # where it is kept nobody answers
        assert failing(client) == {}
        assert client.get("/readyz").json()["learning"] is None
        refused = client.post("/v1/facts", json={"statement": "Olms are blind."})
        assert refused.status_code == 503
        assert refused.json()["detail"] == "the database cannot be reached; nothing was stored"
        wait_until(lambda: failing(client) != {})
        assert time.monotonic() - gone > settings.max_stale_seconds - 0.5
        assert failing(client) == {"database": "the database has not answered for more than 3 s"}
        assert client.post("/v1/query", json={"question": QUESTION}).status_code == 503
        assert client.get("/healthz").status_code == 200
    wait_until(lambda: failing(client) == {})
    assert client.post("/v1/query", json={"question": QUESTION}).json()["version"] == version


def test_a_follower_in_trouble_is_reported_goes_on_and_recovers(client: TestClient, teacher: Teacher, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "ready", broken)
        wait_until(lambda: "follower" in failing(client))
        assert "secret" not in str(failing(client))
        assert client.post("/v1/query", json={"question": QUESTION}).status_code == 200
    wait_until(lambda: failing(client) == {})
    teacher.teach()


def test_an_engine_that_cannot_follow_the_head_is_not_ready(client: TestClient, teacher: Teacher, monkeypatch):
    version = teacher.teach()
    client.post("/v1/admin/rollback", json={"version": 0, "reason": "a test"})
    wait_until(lambda: client.get("/readyz").json().get("version") == 0)
    engine = client.app_state["serving"].engine
    monkeypatch.setattr(engine, "switch", lambda _: time.sleep(0.1))
    client.post("/v1/admin/rollback", json={"version": version, "reason": "a test"})
    # The head is read at every query, so even now no other version answers.
    assert client.post("/v1/query", json={"question": QUESTION}).json()["version"] == version
    monkeypatch.undo()
    wait_until(lambda: client.get("/readyz").json().get("version") == version)


def test_another_memory_than_the_datas_is_refused_and_both_are_named(untaught: TestClient, untaught_settings, tmp_path):
    memory = tiny.memory(tmp_path / "other", Path(untaught_settings.base), seed=1)
    other = create_app(untaught_settings.model_copy(update={"memory": memory}))
    own = untaught.get("/v1/admin/versions/0").json()["fingerprint"]
    with pytest.raises(WrongCheckpoint) as refusal, TestClient(other):
        pytest.fail("it must not start")
    assert own in str(refusal.value)
    assert len(re.findall(r"[0-9a-f]{64}", str(refusal.value))) == 2


def test_a_memory_of_another_base_is_refused_and_the_way_out_is_named(settings: Settings, tmp_path: Path):
    memory = tiny.memory(tmp_path / "memory", tiny.base(tmp_path / "other"))
    (tmp_path / "other" / "generation_config.json").write_text("{}")  # any change makes it another base
    other = create_app(settings.model_copy(update={"base": str(tmp_path / "other"), "memory": memory}))
    with (
        pytest.raises(CheckpointError, match=r"was made for the base [0-9a-f]{64}.*slotwise attach"),
        TestClient(other),
    ):
        pytest.fail("it must not start")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"base": "/nowhere"}, "the base /nowhere is neither a folder nor a file"),
        ({"memory": Path("/nowhere")}, "the memory folder /nowhere cannot be read"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_a_sentence(settings: Settings, broken: dict[str, object], said: str):
    broken_app = create_app(settings.model_copy(update=broken))
    with pytest.raises(CheckpointError, match=said), TestClient(broken_app):
        pytest.fail("it must not start")


def test_a_health_check_may_ask_for_the_head_alone(untaught: TestClient):
    del untaught.headers["Authorization"]
    for path in ("/healthz", "/readyz"):
        assert untaught.head(path).status_code == 200


def test_a_service_without_a_database_says_which_setting_is_missing():
    with pytest.raises(StackFailed, match="SLOTWISE_DATABASE_URL is not set"), TestClient(create_app(Settings())):
        pytest.fail("it must not start")


def test_the_description_has_an_example_for_every_call(app: FastAPI):
    document = app.openapi()
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for call in methods.values():
            assert call["description"], path
            for name, shown in _schemas_of(call, schemas):
                items = shown.get("properties", {}).get("items", {}).get("items", {}).get("$ref")
                assert "examples" in (schemas[items.rpartition("/")[2]] if items else shown), (path, name)


def _schemas_of(call: dict, schemas: dict) -> list[tuple[str, dict]]:
    """Names and schemas of what is sent and what comes back; one that stands in its place has none but its title."""
    bodies = [reply for status, reply in call["responses"].items() if status.startswith("2")]
    bodies += [call["requestBody"]] if "requestBody" in call else []
    contents = [body.get("content", {}) for body in bodies]
    found = [content["application/json"]["schema"] for content in contents if "application/json" in content]
    each = [one for schema in found for one in schema.get("oneOf", schema.get("anyOf", [schema]))]
    names = [(one.get("$ref", "").rpartition("/")[2], one) for one in each]
    return [(name or one["title"], schemas[name] if name else one) for name, one in names]
