"""Every request has an id and one line in the log, which tells how it went and nothing that anybody said."""

import re
import socket
from urllib.parse import urlsplit

import pytest
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from tests.api.held import Held
from tests.api.test_health import wait_until

SECRET = "Where do olms live?"


@pytest.fixture
def lines(untaught):
    """What is logged of requests."""
    with capture_logs() as logs:
        yield lambda: [line for line in logs if line["event"] == "request"]


def test_the_callers_id_comes_back_in_the_reply_and_in_problems(untaught):
    given = {"X-Request-ID": "job-7/step.2"}
    assert untaught.get("/v1/facts", headers=given).headers["X-Request-ID"] == "job-7/step.2"
    missing = untaught.get("/v1/facts/99", headers=given)
    assert (missing.status_code, missing.headers["X-Request-ID"]) == (404, "job-7/step.2")
    assert missing.json()["request_id"] == "job-7/step.2"
    refused = untaught.post("/v1/completions", json={}, headers=given)
    assert refused.headers["X-Request-ID"] == "job-7/step.2"
    assert set(refused.json()) == {"error"}  # OpenAI's shape has no place for it


@pytest.mark.parametrize("given", [None, "", "x" * 129, "two words", 'quo"te', "<b>", "ü".encode()])
def test_what_is_no_id_is_replaced_by_one(untaught, given):
    found = untaught.get("/healthz", headers={} if given is None else {"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{32}", found.headers["X-Request-ID"])


def test_two_requests_have_two_ids(untaught):
    assert len({untaught.get("/healthz").headers["X-Request-ID"] for _ in range(2)}) == 2


def test_a_line_names_the_route_the_key_and_the_version_and_no_text(untaught, untaught_keys, lines):
    untaught.post("/v1/query", json={"question": SECRET, "max_tokens": 2})
    untaught.get("/v1/facts/99", params={"source": SECRET})
    untaught.get(f"/nothing/{SECRET}")
    asked, unknown, nowhere = lines()
    assert (asked["method"], asked["route"], asked["status"], asked["version"]) == ("POST", "/v1/query", 200, 0)
    assert asked["key_id"] > 0
    assert 0 < asked["seconds"] < 60
    assert (unknown["route"], unknown["status"]) == ("/v1/facts/{fact_id}", 422)
    assert (nowhere["route"], nowhere["status"], nowhere["key_id"]) == ("none", 404, None)
    whole = repr(lines())
    assert SECRET not in whole
    assert not any(key in whole for key in untaught_keys.values())


def test_a_job_that_was_made_is_named(client, lines):
    job = client.post("/v1/facts", json={"statement": "Olms are blind."}).json()["job"]["id"]
    assert lines()[-1]["job"] == job


def test_a_probe_is_no_news_until_it_fails(untaught, lines):
    untaught.get("/healthz")
    assert [line["log_level"] for line in lines()] == ["debug"]
    untaught.get("/metrics", headers={"Authorization": "Bearer sw_wrong"})
    assert [line["log_level"] for line in lines()] == ["debug", "info"]


def test_a_mistake_of_ours_has_an_id_and_a_line_too(client, lines, monkeypatch):
    monkeypatch.setattr("app.services.facts.get", lambda *_: 1 / 0)
    reply = client.get("/v1/facts/1", headers={"X-Request-ID": "mine"})
    assert (reply.status_code, reply.headers["X-Request-ID"], reply.json()["request_id"]) == (500, "mine", "mine")
    assert (lines()[-1]["status"], lines()[-1]["route"]) == (500, "/v1/facts/{fact_id}")


def test_a_line_inside_a_request_has_its_id(client, monkeypatch):
    seen: list[dict] = []
    monkeypatch.setattr("app.services.facts.get", lambda *_: seen.append(get_contextvars()) or 1 / 0)
    client.get("/v1/facts/1", headers={"X-Request-ID": "mine"})
    assert seen == [{"request_id": "mine"}]


def test_a_caller_who_has_gone_is_no_failure(untaught_service, untaught_keys, lines):
    address = urlsplit(untaught_service.url)
    body = b'{"question": "Who?"}'
    head = f"POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {untaught_keys['reader']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    engine = untaught_service.serving.engine
    with Held(engine, 0):
        with socket.create_connection((address.hostname, address.port)) as caller:
            caller.sendall(head.encode() + body)
            wait_until(lambda: engine.report().waiting == 1)
        wait_until(lambda: any(request.ended is not None for request in [*engine._requests.values()]))
    wait_until(lambda: any(line["route"] == "/v1/query" for line in lines()))
    assert lines()[-1]["status"] == 499
