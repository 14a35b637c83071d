"""Several engines on one history: all are shown, all follow the head, and all end what has to go."""

import threading
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from model.engine import Engine, Sampling
from model.errors import Aborted
from tests.api.held import Held
from tests.api.teacher import QUESTION, TOKENS, Teacher
from tests.api.test_health import wait_until


@pytest.fixture
def other(settings: Settings, key_of: dict[str, str], client: TestClient) -> Iterator[TestClient]:
    """Another service on the same history."""
    header = {"Authorization": f"Bearer {key_of['admin']}"}
    with TestClient(create_app(settings), headers=header) as other:
        yield other


def engine_of(client: TestClient) -> Engine:
    return client.app_state["serving"].engine


def told(client: TestClient) -> dict[str, dict]:
    reply = client.get("/v1/admin/engines")
    assert reply.status_code == 200, reply.text
    assert reply.json()["next_cursor"] is None
    return {one["id"]: one for one in reply.json()["items"]}


def roll(client: TestClient, version: int | str, **more: object) -> None:
    reply = client.post("/v1/admin/rollback", json={"version": version, "reason": "a test", **more})
    assert reply.status_code == 200, reply.text


def test_any_process_shows_all_engines_with_version_state_and_views(
    client: TestClient, other: TestClient, teacher: Teacher
):
    version = teacher.teach()
    own = {one.get("/readyz").json()["engine"] for one in (client, other)}
    detail = client.get(f"/v1/admin/versions/{version}").json()
    state, slots = detail["state_hash"], detail["slots"]
    wait_until(lambda: [one["version"] for one in told(other).values()] == [version] * 2)
    wait_until(lambda: {one["lag"] for one in told(client).values()} == {0})
    engines = told(client)
    assert set(engines) == own
    for one in engines.values():
        assert (one["alive"], one["state_hash"]) == (True, state)
        views = one["report"]["views"]
        assert [view["version"] for view in views["resident"]] == [0, version]
        assert views["places"] == {"used": 2, "of": 32}
        assert views["rows"] == {"used": slots, "of": 4_096}
        assert views["builds"]["count"] == 1
        assert one["report"]["requests"]["waiting"] == 0
    ready = other.get("/readyz").json()
    assert (ready["version"], ready["head"], ready["lag"], ready["state_hash"]) == (version, version, 0, state)
    assert ready["views"]["places"] == {"used": 2, "of": 32}


def test_only_operators_see_engines(untaught: TestClient, untaught_keys: dict[str, str]):
    for role, status in (("reader", 403), ("writer", 403), ("operator", 200)):
        header = {"Authorization": f"Bearer {untaught_keys[role]}"}
        assert untaught.get("/v1/admin/engines", headers=header).status_code == status


def test_a_rollback_that_ends_requests_in_flight_does_so_in_every_engine(
    client: TestClient, other: TestClient, teacher: Teacher
):
    first, second = teacher.teach(), teacher.teach()
    roll(client, first)
    branch = teacher.teach()
    for one in (client, other):
        wait_until(lambda one=one: one.get("/readyz").json().get("version") == branch)
    for version in (first, second):  # other's engine knows them, too
        other.post("/v1/query", json={"question": QUESTION, "version": version})
    for engine in map(engine_of, (client, other)):
        held = Held(engine, 0)  # the engine's thread stands still in it
        running = {0: held.generation}
        for version in (first, second, branch):
            prompt = engine.checkpoint.prompts.continuation("a?\n")
            running[version] = engine.submit(prompt, Sampling(max_tokens=8), version=version)
        roll(client, first, abort_in_flight=True)
        wait_until(lambda engine=engine: engine.live[0] == first)
        held.go()
        for version in (0, first):
            assert running[version].result(10).version == version
        for version in (second, branch):
            with pytest.raises(Aborted, match=f"version {first} went live"):
                running[version].result(10)
        roll(client, branch)
        wait_until(lambda: engine_of(other).live[0] == engine_of(client).live[0] == branch)


def test_a_plain_rollback_ends_nothing_and_whoever_asks_afterwards_is_answered(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    held = Held(engine_of(client), version)
    roll(client, 0)
    held.go()
    assert held.generation.result(10).version == version
    roll(client, version)
    held = Held(engine_of(client), version)
    roll(client, 0, abort_in_flight=True)
    held.go()
    with pytest.raises(Aborted):
        held.generation.result(10)
    for asked in (None, version):
        reply = client.post("/v1/query", json={"question": QUESTION, "version": asked})
        assert reply.json()["version"] == (asked or 0), "an order to end requests holds for those in flight then"


def test_who_read_the_head_before_a_version_had_to_go_is_admitted_to_the_next(
    client: TestClient, teacher: Teacher, monkeypatch
):
    """Between reading the head and being admitted, the rollback and its order to end requests pass by."""
    version = teacher.teach()
    serving = client.app_state["serving"]
    submit, rolled = serving._submit, []

    def late(*arguments):
        if not rolled:
            rolled.append(True)
            roll(client, 0, abort_in_flight=True)
        return submit(*arguments)

    monkeypatch.setattr(serving, "_submit", late)
    assert client.get("/readyz").json()["version"] == version
    reply = client.post("/v1/query", json={"question": QUESTION, "max_tokens": TOKENS}).json()
    assert (reply["answer"], reply["version"]) == (teacher.answers[0], 0)


def test_a_publication_is_answered_by_the_next_query_of_every_engine(
    client: TestClient, other: TestClient, teacher: Teacher
):
    for _ in range(2):
        version = teacher.teach()
        for one in (other, client):
            reply = one.post("/v1/query", json={"question": QUESTION}).json()
            assert (reply["answer"], reply["version"]) == (teacher.answers[version], version)


def test_a_stream_whose_version_has_to_go_ends_with_an_error_event(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    engine = engine_of(client)
    held = Held(engine, 0)
    bodies = []

    def stream() -> None:
        reply = client.post("/v1/query", json={"question": QUESTION, "stream": True, "version": version})
        bodies.append(reply.text)

    caller = threading.Thread(target=stream)
    caller.start()
    wait_until(lambda: engine.report().waiting == 1)
    roll(client, 0, abort_in_flight=True)
    held.go()
    caller.join(10)
    assert "event: error" in bodies[0]
    assert "version 0 went live" in bodies[0]
    assert "event: answer" not in bodies[0]
