"""Streams of /v1/query: what each event says, how a stream ends early, and that nothing is left behind."""

import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.api.running import Running, running
from tests.api.teacher import QUESTION, TOKENS, Teacher
from tests.api.test_health import wait_until

Event = tuple[str, dict]
STEP_SECONDS = 0.02


def events(text: str) -> list[Event]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def streamed(client: TestClient, **body: object) -> list[Event]:
    reply = client.post("/v1/query", json={"question": QUESTION, "stream": True, **body})
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    found = events(reply.text)
    assert reply.headers["X-Model-Version"] == str(found[0][1]["version"])
    return found


def slow_down(serving) -> None:
    """Let a step take as long as one of a larger model does."""
    serving.engine.checkpoint.model.get_decoder().register_forward_pre_hook(lambda *_: time.sleep(STEP_SECONDS))


def idle(serving) -> bool:
    report = serving.engine.report()
    return (report.running, report.waiting) == (0, 0)


@pytest.fixture(scope="module")
def service(untaught_settings: Settings) -> Iterator[Running]:
    """A slow one for all tests here; each leaves it idle."""
    with running(create_app(untaught_settings)) as service:
        slow_down(service.serving)
        yield service


@pytest.fixture
def http(service: Running, untaught_keys: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {untaught_keys['reader']}"}) as client:
        yield client


def test_the_first_event_names_the_version_and_the_pieces_make_the_answer(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    fact = client.get("/v1/facts").json()["items"][0]["id"]
    for asked in (version, 0):
        (opening, first), *pieces, (ending, last) = streamed(client, version=asked, max_tokens=TOKENS)
        assert (opening, first["version"]) == ("version", asked)
        assert len(first["state_hash"]) == 64
        assert {name for name, _ in pieces} == {"piece"}
        assert "".join(piece["text"] for _, piece in pieces) == last["answer"] == teacher.answers[asked]
        assert (ending, last["version"], last["finish"]) == ("answer", asked, "stop" if asked else "length")
        assert last["tokens"] == (len(teacher.answers[asked]) if asked else TOKENS)  # taught letters are a token each
        assert [one["fact"] for one in last["citations"]] == ([fact] if asked else [])
        assert last["prompt_tokens"] > len(QUESTION)
        assert len(pieces) > 1


def test_log_probabilities_are_the_same_streamed_or_not(untaught: TestClient):
    body = {"question": QUESTION, "logprobs": 2, "max_tokens": 5}
    whole = untaught.post("/v1/query", json=body).json()["logprobs"]
    pieces = [data for name, data in streamed(untaught, logprobs=2, max_tokens=5) if name == "piece"]
    assert [token for piece in pieces for token in piece.get("logprobs", [])] == whole
    assert len(whole) == 5
    assert all(len(token["top"]) == 2 and token["logprob"] <= 0 for token in whole)


def test_a_client_that_goes_frees_its_place(service: Running, http: httpx.Client):
    with http.stream("POST", "/v1/query", json={"prompt": "x", "stream": True, "max_tokens": 256}) as reply:
        lines = reply.iter_lines()  # an iterator that nobody keeps would close the connection
        assert next(lines) == "event: version"
        wait_until(lambda: service.serving.engine.report().running == 1)
        began = time.monotonic()
    wait_until(lambda: idle(service.serving))
    assert time.monotonic() - began < 256 * STEP_SECONDS / 2


def test_a_client_that_goes_before_its_answer_frees_its_place(service: Running, http: httpx.Client):
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/query", json={"prompt": "x", "max_tokens": 256}, timeout=15 * STEP_SECONDS)
    began = time.monotonic()
    wait_until(lambda: idle(service.serving))
    assert time.monotonic() - began < 256 * STEP_SECONDS / 2


def test_a_client_that_goes_while_it_waits_leaves_the_queue(service: Running, http: httpx.Client, settings: Settings):
    long = {"prompt": "x", "stream": True, "max_tokens": 256}
    many = {"model": "slotwise", "prompt": ["x"] * settings.max_batch, "stream": True, "max_tokens": 256}
    with http.stream("POST", "/v1/completions", json=many) as first:
        lines_of_first = first.iter_lines()
        assert next(lines_of_first)
        with http.stream("POST", "/v1/query", json=long) as second:
            lines = second.iter_lines()
            assert next(lines) == "event: version"
            wait_until(lambda: service.serving.engine.report().waiting == 1)
        wait_until(lambda: service.serving.engine.report().waiting == 0)
        assert service.serving.engine.report().running == settings.max_batch
    wait_until(lambda: idle(service.serving))


def test_a_deadline_is_504_or_an_error_event(service: Running, http: httpx.Client):
    body = {"prompt": "x", "max_tokens": 256, "timeout_seconds": 10 * STEP_SECONDS}
    whole = http.post("/v1/query", json=body)
    assert whole.status_code == 504
    assert whole.json()["type"] == "urn:slotwise:deadline-exceeded"
    part = events(http.post("/v1/query", json={**body, "stream": True}).text)
    assert part[0][0] == "version"
    assert {name for name, _ in part[1:-1]} == {"piece"}
    assert (part[-1][0], part[-1][1]["status"]) == ("error", 504)
    wait_until(lambda: idle(service.serving))


def test_an_abort_ends_streams_with_its_reason(service: Running, http: httpx.Client):
    def abort() -> None:
        wait_until(lambda: service.serving.engine.report().running == 2)
        service.serving.engine.abort([0], "version 0 had to go")

    thread = threading.Thread(target=abort)
    thread.start()
    body = {"model": "slotwise", "prompt": ["x", "y"], "stream": True, "max_tokens": 256}
    lines = [line for line in http.post("/v1/completions", json=body).text.split("\n") if line]
    thread.join()
    error = json.loads(lines[-1].removeprefix("data: "))["error"]
    assert (error["message"], error["type"], error["code"]) == ("version 0 had to go", "server_error", "aborted")
    assert "data: [DONE]" not in lines
    wait_until(lambda: idle(service.serving))


def test_a_stream_finishes_on_the_version_that_it_began_with(client: TestClient, teacher: Teacher):
    version = teacher.teach()
    slow_down(client.app_state["serving"])
    found: list[list[Event]] = []
    thread = threading.Thread(target=lambda: found.append(streamed(client)))
    thread.start()
    wait_until(lambda: client.app_state["serving"].engine.report().running == 1)
    client.post("/v1/admin/rollback", json={"version": 0, "reason": "a test"})
    reply = client.post("/v1/query", json={"question": QUESTION, "max_tokens": TOKENS})
    thread.join()
    assert (reply.json()["answer"], reply.json()["version"]) == (teacher.answers[0], 0)
    assert found[0][0][1]["version"] == version
    assert found[0][-1][1]["answer"] == teacher.answers[version]
