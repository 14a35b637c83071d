"""What is tried again and what is not, against a server whose replies are written down; and what errors say."""

import asyncio
import inspect
import json
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from app.client import (
    AsyncSlotwise,
    BadRequest,
    Busy,
    ClientError,
    Conflict,
    KeyRejected,
    NotUnderstood,
    Piece,
    Refused,
    Retries,
    Slotwise,
    TimedOut,
    Unreachable,
)
from app.client.errors import Problem, refusal
from app.client.retries import Attempts
from app.embedded.servers import free_port
from tests.client.scripted import Scripted, scripted

QUICK = Retries(attempts=3, first_seconds=0.001)
CERTIFICATES = httpx.create_ssl_context()  # read once: that takes longer than a test
ANSWER = {"answer": "Lisbon", "version": 3, "finish": "stop", "citations": []}
ANSWERED = Scripted(200, json.dumps(ANSWER))
TAUGHT = Scripted(202, json.dumps({"job": {"id": 1, "state": "queued"}, "facts": [{"id": 1, "status": "queued"}]}))
BROKEN = Scripted(None)

Run = Callable[[str, str, dict[str, Any]], Any]


def problem(status: int, **headers: str) -> Scripted:
    body = {"type": "urn:slotwise:queue-full", "title": "No", "status": status, "detail": f"refused with {status}"}
    return Scripted(status, json.dumps(body), headers)


def run_sync(url: str, name: str, given: dict[str, Any]) -> Any:
    with Slotwise(url, "sw_k", retries=QUICK, transport=httpx.HTTPTransport(verify=CERTIFICATES)) as client:
        return getattr(client, name)(**given)


def run_async(url: str, name: str, given: dict[str, Any]) -> Any:
    async def main() -> Any:
        transport = httpx.AsyncHTTPTransport(verify=CERTIFICATES)
        async with AsyncSlotwise(url, "sw_k", retries=QUICK, transport=transport) as client:
            return await getattr(client, name)(**given)

    return asyncio.run(main())


def stream_sync(url: str) -> list[object]:
    with Slotwise(url, retries=QUICK) as client:
        return list(client.stream("Who?"))


def stream_async(url: str) -> list[object]:
    async def main() -> list[object]:
        async with AsyncSlotwise(url, retries=QUICK) as client:
            return [part async for part in client.stream("Who?")]

    return asyncio.run(main())


both = pytest.mark.parametrize("run", [run_sync, run_async])


@both
@pytest.mark.parametrize("failure", [problem(503), problem(429), BROKEN])
def test_a_call_that_changes_nothing_is_sent_again(run: Run, failure: Scripted):
    with scripted(failure, failure, ANSWERED) as server:
        assert run(server.url, "ask", {"question": "Who?"}).answer == "Lisbon"
    assert [call.body for call in server.heard] == [server.heard[0].body] * 3
    assert server.heard[0].headers["Authorization"] == "Bearer sw_k"


@both
def test_facts_are_sent_again_with_the_same_key_and_others_get_another(run: Run):
    with scripted(BROKEN, problem(409, **{"Retry-After": "0"}), TAUGHT) as server:
        for _ in range(2):
            assert run(server.url, "teach", {"statement": "Olms are blind."}).job.id == 1
    first, *again, other = [call.headers["Idempotency-Key"] for call in server.heard]
    assert again == [first, first]
    assert other != first


@both
@pytest.mark.parametrize("failure", [problem(503), BROKEN])
def test_a_rollback_is_sent_once(run: Run, failure: Scripted):
    with scripted(failure) as server, pytest.raises(Busy if failure.status else Unreachable):
        run(server.url, "rollback", {"to": "previous", "reason": "a test"})
    assert len(server.heard) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 504])
def test_what_another_attempt_would_not_change_is_sent_once(status: int):
    with scripted(problem(status)) as server, pytest.raises(Refused, match=f"refused with {status}") as refused:
        run_sync(server.url, "ask", {"question": "Who?"})
    assert len(server.heard) == 1
    assert refused.value.problem.status == status


def test_attempts_have_an_end_and_the_last_error_is_raised():
    with scripted(problem(503)) as server, pytest.raises(Busy, match="refused with 503"):
        run_sync(server.url, "ask", {"question": "Who?"})
    assert len(server.heard) == QUICK.attempts


def test_the_service_is_given_the_time_that_it_asks_for():
    with scripted(problem(429, **{"Retry-After": "1"}), ANSWERED) as server:
        began = time.monotonic()
        run_sync(server.url, "ask", {"question": "Who?"})
    assert time.monotonic() - began >= 1


def test_a_service_that_asks_for_too_much_is_not_waited_for():
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with scripted(problem(503, **{"Retry-After": later})) as server, pytest.raises(Busy) as refused:
        run_sync(server.url, "ask", {"question": "Who?"})
    assert len(server.heard) == 1
    assert 3_500 < (refused.value.problem.retry_after or 0) <= 3_600


def test_pauses_double_up_to_the_longest_and_a_part_of_each_is_drawn():
    attempts = Attempts(Retries(attempts=9, first_seconds=1, longest_seconds=8), repeatable=True)
    pauses = [attempts.pause_after(Unreachable("away")) for _ in range(8)]
    for pause, whole in zip(pauses, (1, 2, 4, 8, 8, 8, 8, 8), strict=True):
        assert whole / 2 <= pause <= whole
    assert len(set(pauses)) == len(pauses)


@pytest.mark.parametrize("given", [{"attempts": 0}, {"first_seconds": -1.0}, {"longest_seconds": 0.1}])
def test_retries_that_make_no_sense_are_refused(given: dict[str, Any]):
    with pytest.raises(ValueError, match=r"needed|allowed"):
        Retries(**given)


@pytest.mark.parametrize("stream", [stream_sync, stream_async])
def test_a_stream_is_opened_again_until_its_first_piece_and_not_behind_it(stream: Callable[[str], list[object]]):
    piece = 'event: piece\ndata: {"text":"Lis"}\n\n'
    whole = Scripted(200, piece + f"event: answer\ndata: {json.dumps(ANSWER)}\n\n")
    with scripted(problem(503), BROKEN, whole) as server:
        first, last = stream(server.url)
    assert (first, last.answer) == (Piece(text="Lis"), "Lisbon")  # type: ignore[attr-defined]
    with scripted(Scripted(200, piece), whole) as server, pytest.raises(Unreachable, match="before its answer"):
        stream(server.url)
    assert len(server.heard) == 1


def follow_sync(url: str) -> list[Any]:
    with Slotwise(url, retries=QUICK) as client:
        return list(client.follow(1))


def follow_async(url: str) -> list[Any]:
    async def main() -> list[Any]:
        async with AsyncSlotwise(url, retries=QUICK) as client:
            return [job async for job in client.follow(1)]

    return asyncio.run(main())


def job_event(state: str, done: int = 0) -> str:
    job = {"id": 1, "state": state, "kind": "learn", "progress": {"done": done, "total": 2}, "version": None}
    job |= {"report": None, "error": None, "created_at": "2026-11-22T10:00:00Z"}
    return f"event: job\ndata: {json.dumps(job)}\n\n"


@pytest.mark.parametrize("follow", [follow_sync, follow_async])
def test_a_followed_job_is_heard_of_to_its_end_over_broken_connections(follow: Callable[[str], list[Any]]):
    queued = Scripted(200, "event: queued\ndata: {}\nid: 5\n\n" + job_event("queued"))
    again = Scripted(200, ": ping\n\n" + job_event("queued") + job_event("running", 1))
    ended = Scripted(200, job_event("succeeded", 2))
    # Four failures and three attempts: those in a row count, and in between it is heard of.
    with scripted(queued, BROKEN, again, problem(503), ended) as server:
        states = [(job.state, job.progress.done) for job in follow(server.url)]
    assert states == [("queued", 0), ("running", 1), ("succeeded", 2)]
    assert [call.headers.get("Last-Event-ID") for call in server.heard] == [None, "5", "5", "5", "5"]
    with scripted(problem(404)) as server, pytest.raises(Refused, match="refused with 404"):
        follow(server.url)
    with scripted(queued, BROKEN) as server, pytest.raises(Unreachable):
        follow(server.url)
    assert len(server.heard) == QUICK.attempts


@pytest.mark.parametrize("data", ["no json", '{"text": 3}'])
def test_an_event_that_is_none_of_the_apis_is_told(data: str):
    with scripted(Scripted(200, f"event: piece\ndata: {data}\n\n")) as server, pytest.raises(NotUnderstood):
        stream_sync(server.url)


@both
def test_nobody_there_is_told_with_the_address(run: Run):
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match=f"no service answers at {url}"):
        run(url, "health", {})


def test_an_address_that_is_none_and_a_key_that_is_no_header_are_told():
    for url, key in (("http://[", ""), ("no address", ""), ("http://127.0.0.1:9", "sw_ключ")):
        with pytest.raises(Unreachable):
            Slotwise(url, key).health()


def test_a_silent_service_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimedOut, match="did not answer in time"):
        Slotwise(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05).ask("Who?")


@pytest.mark.parametrize("body", ["<html>", "[]", '{"answer": 3}'])
def test_another_service_at_the_address_is_told(body: str):
    with scripted(Scripted(200, body)) as server, pytest.raises(NotUnderstood, match=r"none of the API's"):
        run_sync(server.url, "ask", {"question": "Who?"})


@pytest.mark.parametrize("body", ["<html>", "[]", '{"error": "no"}', '{"detail": 3}'])
def test_a_refusal_in_another_shape_keeps_its_status(body: str):
    with scripted(Scripted(401, body)) as server, pytest.raises(KeyRejected, match="answered 401 Unauthorized"):
        run_sync(server.url, "ask", {"question": "Who?"})


def test_an_error_survives_pickling():
    error = refusal(Problem(title="Conflict", status=409, detail="another version is live", retry_after=1))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - made a line above
    assert isinstance(again, Conflict)
    assert (again.problem, str(again)) == (error.problem, "another version is live")
    assert issubclass(BadRequest, ClientError)


def test_the_client_brings_nothing_of_the_service():
    code = (
        "import app.client, sys; found = {name.split('.')[0] for name in sys.modules};"
        "sys.exit(', '.join(found & {'torch', 'transformers', 'sqlalchemy', 'fastapi', 'redis', 'model'}) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("owner", [Slotwise, AsyncSlotwise, Slotwise()])
def test_a_method_tells_what_it_takes_and_raises(owner: Any):
    assert "expected_live" in inspect.signature(owner.rollback).parameters
    assert "Raises NotFound" in owner.rollback.__doc__
