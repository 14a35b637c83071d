"""Bad input: a 4xx problem document that names field, value and limit; and nothing is stored, not even half."""

import gzip
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.api import limits
from app.db.session import Sessions
from app.db.tables import Activation, Fact, Job
from tests.api.running import Running

GOOD = {"question": "What is the capital of Zubovia?", "answer": "Lisbon"}


@pytest.fixture(autouse=True)
def _nothing_is_stored(untaught: TestClient, untaught_sessions: Sessions) -> Iterator[None]:
    yield
    with untaught_sessions() as session:
        for table in (Job, Fact):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert session.scalar(select(func.count()).select_from(Activation)) == 1  # of the first start


def refused(reply, status: int) -> str:
    problem = reply.json()
    assert reply.status_code == status == problem["status"], reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert problem["type"]
    assert problem["title"]
    return problem["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "facts[0]: there is neither a statement nor a question; one of them is needed"),
        ({"statement": ""}, "facts[0].statement: '' "),
        ({"statement": "x" * 2_001}, "facts[0].statement: 2,001 characters; at most 2,000 are allowed"),
        ({"statement": "word " * 2_000}, "facts[0].statement: 10,000 characters; at most 2,000 are allowed"),
        ({"statement": "🌊 🌊"}, "facts[0].statement: '🌊 🌊' holds no word; at least 1 letter or digit is needed"),
        ({"question": "Who?"}, "facts[0].answer: it is missing; a fact with question needs it"),
        ({**GOOD, "answer": "x" * 201}, "facts[0].answer: 201 characters; at most 200 are allowed"),
        ({**GOOD, "source": "x" * 501}, "facts[0].source: 501 characters; at most 500 are allowed"),
        ({**GOOD, "phrasings": ["x"] * 101}, "facts[0].phrasings: 101 phrasings; at most 100 are allowed"),
        ({**GOOD, "phrasings": "x"}, "phrasings: a list is needed; got 'x'"),
        ({**GOOD, "phrasings": [7]}, "phrasings[0]: a text is needed; got 7"),
        ({"statement": 7}, "statement: a text is needed; got 7"),
        ({"statement": ["x"]}, "statement: a text is needed; got ['x']"),
        ({"statement": "x\x00y"}, "facts[0].statement: 'x\\x00y' holds a NUL"),
        ({**GOOD, "colour": "red"}, "colour: there is no such field; got 'red'"),
        ({**GOOD, "valid_from": 5}, "valid_from: "),
        ({**GOOD, "valid_from": "soon"}, "valid_from: a date or time as in ISO 8601 is needed"),
        ({**GOOD, "valid_from": "0001-01-01"}, "valid_from: the year must be between 2 and 9998"),
        ({"facts": []}, "facts: the list is empty; at least 1 fact is needed"),
        ({"facts": {}}, "facts: a list is needed"),
        ({"facts": [GOOD, 7]}, "facts[1]: a JSON object is needed; got 7"),
        ({"facts": [GOOD, {"statement": 7}]}, "facts[1].statement: a text is needed; got 7"),
        ({"facts": [GOOD, {"statement": ""}]}, "facts[1].statement: '' "),
        ({"facts": [GOOD] * 1_001}, "facts: 1,001 facts; at most 1,000 are allowed in one call"),
        ({"facts": [GOOD], **GOOD}, "question: there is no such field"),
        ([GOOD], "body: a JSON object is needed"),
        ("x" * 500, "body: a JSON object is needed; got 'xxx"),
        (None, "body: "),
    ],
)
def test_facts(untaught: TestClient, body, said):
    detail = refused(untaught.post("/v1/facts", json=body), 422)
    assert said in detail
    assert len(detail) < 300


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"statement": "x"', 400, "the body is not JSON: Expecting ',' delimiter at character 17"),
        (b"", 422, "body: it is missing"),
        (b"\xff\xfe{}", 400, "the body is not JSON"),
        (b"[" * 500_000, 400, "nested too deeply"),
        (b'{"statement": "\\ud800"}', 422, "statement: half a surrogate pair is no text; got '\\ud800'"),
        (
            b'{"facts": [{"statement": "x", "phrasings": ["y", "\\udfff z"]}]}',
            422,
            "facts[0].phrasings[1]: half a",
        ),
        (b'{"facts": [{"stat\\ud800ement": "x"}]}', 422, "facts[0]: half a surrogate pair is no text"),
        (b'{"statement": ' + b"[" * 900 + b'"\\ud800"' + b"]" * 900 + b"}", 422, "half a surrogate pair is no text"),
        (b'{"facts": NaN}', 422, "facts: a list is needed; got nan"),
        (b"9" * 5_000, 400, "a number that is too long"),
    ],
)
def test_bodies_that_are_no_json(untaught: TestClient, body, status, said):
    header = {"Content-Type": "application/json"}
    assert said in refused(untaught.post("/v1/facts", content=body, headers=header), status)


def test_json_that_does_not_say_so(untaught: TestClient):
    body = json.dumps(GOOD).encode()
    detail = refused(untaught.post("/v1/facts", content=body, headers={"Content-Type": "text/plain"}), 422)
    assert "Content-Type: application/json" in detail


def test_ten_megabytes_are_refused_by_their_announcement(untaught: TestClient):
    body = json.dumps({"statement": "x" * 10_000_000}).encode()
    detail = refused(untaught.post("/v1/facts", content=body), 413)
    assert detail == "body: 10,000,017 bytes; at most 1,048,576 bytes are allowed"


def test_a_body_of_unknown_length_is_refused_when_it_gets_too_long(untaught: TestClient):
    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 100_000

    header = {"Content-Type": "application/json"}
    detail = refused(untaught.post("/v1/facts", content=islice(endless(), 100), headers=header), 413)
    assert detail == "body: it goes on; at most 1,048,576 bytes are allowed"


def test_a_bomb_is_not_unpacked(untaught: TestClient):
    bomb = gzip.compress(b'{"statement": "' + b"x" * 20_000_000, 9)
    assert len(bomb) < 100_000
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for path in ("/v1/facts", "/v1/query"):
        detail = refused(untaught.post(path, content=bomb, headers=headers), 415)
        assert detail == "Content-Encoding: 'gzip'; send it as it is"


def test_a_body_that_comes_too_slowly_is_given_up_and_others_do_not_wait(
    untaught_service: Running, untaught_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "_SECONDS", 0.5)
    headers = {"Authorization": f"Bearer {untaught_keys['admin']}", "Content-Type": "application/json"}

    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b" "

    with (
        httpx.Client(base_url=untaught_service.url, headers=headers, timeout=30) as http,
        ThreadPoolExecutor(8) as slow,
    ):
        trickling = [slow.submit(http.post, "/v1/facts", content=trickle()) for _ in range(8)]
        assert http.post("/v1/query", json={"question": "Who is there?"}).status_code == 200
        for one in trickling:
            reply = one.result()
            assert (reply.status_code, reply.json()["detail"]) == (408, "body: it has not come within 0.5 seconds")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/facts/first", "fact_id: "),
        ("/v1/facts/-1", "fact_id: at least 0 is needed; got '-1'"),
        (f"/v1/facts/{2**63}", "fact_id: at most 9223372036854775807 is allowed"),
        ("/v1/jobs/x", "job_id: "),
        ("/v1/jobs?state=gone", "state: one of 'queued', 'running'"),
        ("/v1/jobs?limit=201", "limit: at most 200 is allowed; got '201'"),
        ("/v1/admin/versions/X", "version_id: the number of a version is needed, or"),
        ("/v1/facts?limit=0", "limit: at least 1 is needed; got '0'"),
        ("/v1/facts?limit=201", "limit: at most 200 is allowed; got '201'"),
        ("/v1/facts?cursor=x", "cursor: "),
        ("/v1/facts?status=gone", "status: one of 'queued', 'learning'"),
        ("/v1/facts?source=a%00b", "source: "),
        ("/v1/facts?state=failed", "state: there is no such parameter; got 'failed'"),
        ("/v1/jobs?status=failed", "status: there is no such parameter"),
        ("/v1/admin/versions?page=2&limit=1", "page: there is no such parameter; got '2'"),
        ("/healthz?deep=1", "deep: there is no such parameter"),
    ],
)
def test_addresses(untaught: TestClient, path, said):
    assert said in refused(untaught.get(path), 422)


def test_no_call_takes_a_parameter_that_it_does_not_have(untaught: TestClient):
    for path, methods in untaught.get("/openapi.json").json()["paths"].items():
        for method in methods:
            reply = untaught.request(method, re.sub("{.*?}", "1", path), params={"nonsense": "x"})
            assert reply.status_code in (400, 422), (method, path)
            assert "nonsense: there is no such parameter; got 'x'" in reply.text, (method, path)


def test_what_is_not_there(untaught: TestClient):
    assert refused(untaught.get("/v1/facts/7"), 404) == "there is no fact 7"
    assert refused(untaught.get("/v1/jobs/7"), 404) == "there is no job 7"
    assert refused(untaught.get("/v1/admin/versions/7"), 404) == "there is no version 7"
    assert refused(untaught.get("/v2"), 404) == "GET '/v2': not found"
    reply = untaught.delete("/v1/query")
    assert refused(reply, 405) == "DELETE '/v1/query': method not allowed"
    assert reply.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"version": 7, "reason": "x"}, 404, "there is no published version 7"),
        ({"version": "previous", "reason": "x"}, 409, "version 0 is the base: nothing lies before it"),
        ({"version": "last", "reason": "x"}, 404, "no version is called 'last'"),
        ({"version": "Last", "reason": "x"}, 422, 'version: the number of a version is needed, or "previous", '),
        ({"version": -1, "reason": "x"}, 422, "version: the number of a version is needed"),
        ({"version": True, "reason": "x"}, 422, "version: the number of a version is needed"),
        ({"version": 0.5, "reason": "x"}, 422, "version: the number of a version is needed"),
        ({"version": 0}, 422, "reason: it is missing"),
        ({"version": 0, "reason": " "}, 422, "reason: it is blank"),
        ({"version": 0, "reason": "\ud800"}, 422, "reason: half a surrogate pair is no text"),
        ({"version": 0, "reason": "x" * 501}, 422, "reason: at most 500 characters are allowed; got 'xxx"),
        ({"version": 0, "reason": "x", "expected_live": 3}, 409, "version 0 is live, not 3"),
        ({"version": 0, "reason": "x", "force": True}, 422, "force: there is no such field"),
    ],
)
def test_rollbacks(untaught: TestClient, body, status, said):
    header = {"Content-Type": "application/json"}  # httpx itself sends no half of a pair
    assert said in refused(untaught.post("/v1/admin/rollback", content=json.dumps(body), headers=header), status)


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
def test_idempotency_keys(untaught: TestClient, key):
    reply = untaught.post("/v1/facts", json=GOOD, headers={"Idempotency-Key": key})
    assert "Idempotency-Key: " in refused(reply, 422)


def test_our_own_mistakes_tell_nothing_of_our_inside(client: TestClient, app: FastAPI):
    @app.get("/mistake")
    def mistake() -> None:
        raise RuntimeError("a secret")

    assert refused(client.get("/mistake"), 500) == "an error of the service, which has been logged"
