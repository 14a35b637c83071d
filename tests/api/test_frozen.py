"""A database that is frozen takes connections and never answers: callers hear of it within two seconds, always."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from app.embedded.folder import DataFolder
from tests.api.teacher import QUESTION, Teacher
from tests.api.test_health import wait_until
from tests.embedded.processes import frozen

WITHIN = 2.0
_AT_ONCE = 4
FACT = {"question": "Who painted the Olm?", "answer": "Ilka"}
NEEDING_IT = (
    ("GET", "/v1/facts", None),
    ("POST", "/v1/facts", FACT),
    ("DELETE", "/v1/facts/1", None),
    ("GET", "/v1/jobs", None),
    ("POST", "/v1/query", {"question": QUESTION, "version": 0}),  # which versions are kept, only the database knows
    ("GET", "/v1/models", None),
    ("GET", "/v1/admin/versions/0", None),
    ("GET", "/v1/admin/engines", None),
    ("GET", "/v1/admin/audit", None),
    ("POST", "/v1/admin/pause", {"reason": "a test"}),
    ("POST", "/v1/admin/rollback", {"version": 0, "reason": "a test"}),
)
Call = tuple[str, str, dict[str, object] | None]


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"max_stale_seconds": 60.0})


def test_every_call_that_needs_a_frozen_database_is_refused_at_once_and_answers_go_on(
    client: TestClient, teacher: Teacher, data_folder: DataFolder
):
    version = teacher.teach(source="atlas")

    def timed(call: Call) -> tuple[Response, float]:
        began = time.monotonic()
        reply = client.request(call[0], call[1], json=call[2])
        return reply, time.monotonic() - began

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        with frozen(data_folder.path / "postgres"):
            for turn in ("the first", "a later"):
                for call, (reply, seconds) in zip(NEEDING_IT, threads.map(timed, NEEDING_IT), strict=True):
                    told = (turn, call, reply.status_code, reply.headers.get("Retry-After"))
                    assert told == (turn, call, 503, "1"), reply.text
                    assert seconds < WITHIN, (turn, call)
                # The key and the head were seen a moment ago: what was live then is answered.
                answered = client.post("/v1/query", json={"question": QUESTION}).json()
                assert (answered["answer"], answered["version"]) == (teacher.answers[version], version)
            stranger = client.get("/v1/key", headers={"Authorization": "Bearer sw_never_seen"})
            assert stranger.status_code == 503
        wait_until(lambda: client.get("/v1/facts").status_code == 200)
    assert [fact["status"] for fact in client.get("/v1/facts").json()["items"]] == ["live"]
    assert client.post("/v1/facts", json=FACT).status_code == 202
