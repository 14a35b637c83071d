"""Where database and engine meet: what is published, what never is, and what wakes the engine."""

import threading
import time

import torch
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.db.session import Sessions
from app.db.tables import Acknowledgement, EngineRow, JobEvent, Version
from app.main import create_app
from app.settings import Settings
from model.memory.delta import Delta
from tests.api.teacher import QUESTION, Teacher
from tests.api.test_health import wait_until

WRONG = "0" * 64


def wrong_states(sessions: Sessions, job: int) -> list[dict]:
    with sessions() as session:
        query = select(JobEvent.data).where(JobEvent.job_id == job, JobEvent.kind == "wrong_state")
        return list(session.scalars(query))


def test_a_version_in_the_wrong_state_is_never_served_and_the_engine_is_named(
    client: TestClient, teacher: Teacher, sessions: Sessions
):
    job = teacher.post()
    version = teacher.commit(state_hash=WRONG)
    wait_until(lambda: wrong_states(sessions, job) != [])
    (event,) = wrong_states(sessions, job)
    with sessions() as session:
        engine = session.scalars(select(EngineRow.id)).one()
        answers = session.scalars(select(Acknowledgement.answers)).one()
    assert (event["engine"], event["expected"], answers) == (engine, WRONG, [])
    assert client.app_state["serving"].engine.resident(version) is None
    assert client.get(f"/v1/jobs/{job}").json()["state"] == "verifying"
    assert client.post("/v1/query", json={"question": QUESTION}).json()["version"] == 0
    assert client.get("/readyz").status_code == 200


def test_a_delta_that_cannot_be_read_stops_nothing_but_its_own_version(
    client: TestClient, teacher: Teacher, sessions: Sessions
):
    job = teacher.post()
    teacher.commit(data=b"no delta")
    wait_until(lambda: wrong_states(sessions, job) != [])
    assert wrong_states(sessions, job)[0]["found"] == ""
    assert client.post("/v1/query", json={"question": QUESTION}).json()["version"] == 0
    assert client.get("/readyz").status_code == 200


def test_a_version_of_more_facts_than_the_queue_holds_is_verified(client: TestClient, teacher: Teacher, settings):
    job = teacher.post(size=3 * settings.max_queue)
    version = teacher.commit()
    found = teacher.wait_for(job, "succeeded")
    assert found["version"] == version
    assert {fact["status"] for fact in found["facts"]} == {"live"}


def test_a_hint_wakes_the_engine_long_before_its_next_poll(settings: Settings, sessions: Sessions, key_of):
    slow = settings.model_copy(update={"poll_seconds": 60.0})
    with TestClient(create_app(slow)) as client:
        client.headers["Authorization"] = f"Bearer {key_of['admin']}"
        began = time.monotonic()
        Teacher(client, sessions, slow).teach()
        assert time.monotonic() - began < 20


def test_a_version_that_cannot_be_rebuilt_in_time_asks_for_patience(
    client: TestClient, teacher: Teacher, settings, monkeypatch
):
    first, second = teacher.teach(), teacher.teach()
    serving = client.app_state["serving"]
    engine = serving.engine
    wait_until(lambda: engine.live[0] == second)
    engine.drop(first)
    prepare, go_on = engine.prepare, threading.Event()

    def held_up(*arguments):
        go_on.wait(10)
        return prepare(*arguments)

    monkeypatch.setattr(engine, "prepare", held_up)
    monkeypatch.setattr(serving, "_settings", settings.model_copy(update={"rebuild_wait_seconds": 0.2}))
    reply = client.post("/v1/query", json={"question": QUESTION, "version": first})
    assert reply.status_code == 503
    assert reply.headers["Retry-After"] == "1"
    assert f"version {first} was not rebuilt within" in reply.json()["detail"]
    go_on.set()
    wait_until(lambda: engine.resident(first) is not None)
    monkeypatch.undo()
    reply = client.post("/v1/query", json={"question": QUESTION, "version": first})
    assert (reply.json()["answer"], reply.json()["version"]) == (teacher.answers[first], first)


def test_a_restart_serves_the_same_version_with_the_same_answer(settings: Settings, sessions: Sessions, key_of):
    def ask(client: TestClient) -> dict:
        return client.post("/v1/query", json={"question": QUESTION}).json()

    header = {"Authorization": f"Bearer {key_of['admin']}"}
    with TestClient(create_app(settings), headers=header) as client:
        version = Teacher(client, sessions, settings).teach()
        before = ask(client)
    with TestClient(create_app(settings), headers=header) as client:
        assert ask(client) == before
    assert before["version"] == version


def test_a_rollback_for_which_no_spare_row_is_left_is_refused_and_the_old_version_serves(
    client: TestClient, teacher: Teacher
):
    first, second = teacher.teach(), teacher.teach()
    engine = client.app_state["serving"].engine
    wait_until(lambda: engine.live[0] == second)
    engine.drop(first)
    table = engine.checkpoint.table
    hogs = []  # requests that are bound to many rows
    while free := table.spare_rows - table.room().rows:
        slots = torch.arange(min(free, table.slots))
        hogs.append(table.enter(table.base, Delta(slots, torch.ones(len(slots), table.width, dtype=table.rows.dtype))))
    refused = client.post("/v1/admin/rollback", json={"version": first, "reason": "no room"})
    assert refused.status_code == 503
    assert "spare rows" in refused.json()["detail"]
    assert client.post("/v1/query", json={"question": QUESTION}).json()["version"] == second
    for hog in hogs:
        table.release(hog)
    assert client.post("/v1/admin/rollback", json={"version": first, "reason": "room"}).json()["live"] == first


def test_a_dropped_version_whose_delta_was_damaged_is_named_and_the_others_answer(
    client: TestClient, teacher: Teacher, sessions: Sessions
):
    first, second, third = (teacher.teach() for _ in range(3))
    engine = client.app_state["serving"].engine
    wait_until(lambda: engine.live[0] == third)
    for version in (first, second):
        engine.drop(version)
    with sessions.begin() as session:
        session.execute(update(Version).where(Version.id == second).values(delta=b"other rows"))
    for refused in (
        client.post("/v1/query", json={"question": QUESTION, "version": second}),
        client.post("/v1/admin/rollback", json={"version": second, "reason": "a test"}),
    ):
        assert refused.status_code == 500
        assert f"the delta of version {second} does not match its checksum" in refused.json()["detail"]
    for version in (first, third, None):
        reply = client.post("/v1/query", json={"question": QUESTION, "version": version}).json()
        assert (reply["answer"], reply["version"]) == (teacher.answers[version or third], version or third)
