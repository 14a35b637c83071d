"""Forgetting over HTTP, from the DELETE to the base's own answer, by a real worker."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.db.session import Sessions
from app.queue import Queue
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from tests.api.teacher import QUESTION, TOKENS, Teacher
from worker.learner import Learner


@pytest.fixture
def work(folders: tuple[Path, Path], sessions: Sessions, settings: Settings):
    """Let a worker do what is queued."""

    def run() -> None:
        queue = Queue(settings)
        Learner(Checkpoint.load(*folders, spare_rows=4_096), sessions, queue, settings).run()
        queue.close()

    return run


def ask(client: TestClient, **more: object) -> dict:
    return client.post("/v1/query", json={"question": QUESTION, "max_tokens": TOKENS, **more}).json()


def test_a_forgotten_fact_is_answered_by_the_base_again_and_a_rollback_brings_it_back(
    client: TestClient, teacher: Teacher, work
):
    before = ask(client)
    taught = teacher.teach(source="atlas")
    fact = client.get("/v1/facts").json()["items"][0]["id"]
    assert ask(client)["citations"][0]["fact"] == fact
    reply = client.delete(f"/v1/facts/{fact}")
    job = reply.json()["job"]["id"]
    assert (reply.status_code, reply.headers["Location"]) == (202, f"/v1/jobs/{job}")
    assert reply.json() == {"job": {"id": job, "state": "queued"}, "facts": [{"id": fact, "status": "live"}]}
    again = client.delete("/v1/facts", params={"source": "atlas"})
    assert (again.status_code, again.json()["job"]["id"]) == (200, job)
    work()
    done = teacher.wait_for(job, "succeeded")
    assert (done["kind"], [one["status"] for one in done["facts"]]) == ("forget", ["forgotten"])
    assert done["report"]["residual"][0]["opened"] is None
    assert ask(client) == before | {"version": done["version"]}
    assert ask(client, version=taught)["answer"] == teacher.answers[taught]
    assert client.get("/v1/facts", params={"status": "forgotten"}).json()["items"][0]["id"] == fact
    assert client.get(f"/v1/admin/versions/{done['version']}").json()["kind"] == "forget"
    client.post("/v1/admin/rollback", json={"version": "previous", "reason": "a test"})
    assert ask(client)["answer"] == teacher.answers[taught]
    assert client.get(f"/v1/facts/{fact}").json()["status"] == "live"


def test_what_cannot_be_forgotten_is_refused_in_words(client: TestClient):
    fact = client.post("/v1/facts", json={"statement": "Olms are blind."}).json()["facts"][0]["id"]
    for reply, status, part in (
        (client.delete(f"/v1/facts/{fact}"), 409, f"fact {fact} is queued; only a live fact can be forgotten"),
        (client.delete("/v1/facts/99"), 404, "there is no fact 99"),
        (client.delete("/v1/facts?source=nowhere"), 404, "no live fact has the source 'nowhere'"),
        (client.delete("/v1/facts"), 422, "source: it is missing"),
        (client.delete("/v1/facts?source="), 422, "source"),
    ):
        assert reply.status_code == status
        assert part in reply.json()["detail"]
        assert reply.headers.get("Retry-After") == ("1" if status == 409 else None), "what is queued will be live"
    assert len(client.get("/v1/jobs").json()["items"]) == 1
