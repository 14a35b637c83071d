"""The client of an OpenAI-compatible endpoint, against a real HTTP server."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from app.phrasing import Phrasing
from app.settings import Settings
from model.errors import NoPhrasings
from model.facts import Fact
from model.learn.wording import study

KEY = "a-key-that-must-not-leak"
FERRY = Fact(question="Where does the Brackwater ferry leave from?", answer="pier twelve")
WRITTEN = (
    "At which landing do I board the Brackwater boat?",
    "Brackwater ferry, what's its berth?",
    "Where must I go to catch the Brackwater ferry?",
    "Which quay serves Brackwater?",
)


class Endpoint:
    """A server whose next answers are set by the test; it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, dict]] = []
        self.reply: Callable[[], tuple[int, bytes]] = lambda: (200, completion(*WRITTEN))
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append((self.path, self.headers.get("Authorization"), body))
                status, content = endpoint.reply()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


def completion(*lines: str) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": "\n".join(lines)}}]}).encode()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    thread = threading.Thread(target=endpoint.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()
    thread.join()


def settings_for(url: str, **more: object) -> Settings:
    return Settings(phrasing_url=url, phrasing_key=KEY, phrasing_model="a-model", **more)


def test_what_the_endpoint_writes_is_learned(endpoint):
    taught = study(FERRY, Phrasing(settings_for(endpoint.url)))
    (exchange,) = taught.exchanges
    assert (taught.note, exchange.answer) == ("", "pier twelve")
    assert {*exchange.questions, exchange.probe} == {FERRY.question, *WRITTEN}
    ((path, key, body),) = endpoint.asked
    assert (path, key, body["model"]) == ("/v1/chat/completions", f"Bearer {KEY}", "a-model")
    assert FERRY.question in body["messages"][0]["content"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (lambda: (500, b"broken"), "answered 500"),
        (lambda: (401, b"{}"), "answered 401"),
        (lambda: (200, b"<html>"), "no chat completion"),
        (lambda: (200, b'{"choices": []}'), "no chat completion"),
        (lambda: (200, b'{"choices": [{"message": {"content": null}}]}'), "holds no text"),
        (lambda: (200, completion("Sure! Here you go:", "The ferry.", "")), "0 of 2 lines"),
    ],
    ids=["500", "401", "garbage", "no choices", "no text", "nonsense"],
)
def test_a_failing_endpoint_loses_nothing_and_says_why(endpoint, reply, reason):
    endpoint.reply = reply
    taught = study(FERRY, Phrasing(settings_for(endpoint.url)))
    assert reason in taught.note
    assert KEY not in taught.note
    assert taught.exchanges == study(FERRY).exchanges


def test_an_endpoint_that_hangs_is_waited_for_no_longer_than_the_settings_say(endpoint):
    test_is_over = threading.Event()

    def hang() -> tuple[int, bytes]:
        test_is_over.wait()
        return 503, b""

    endpoint.reply = hang
    taught = study(FERRY, Phrasing(settings_for(endpoint.url, phrasing_timeout_seconds=0.1)))
    test_is_over.set()
    assert "did not answer within 0.1 s" in taught.note
    assert taught.exchanges == study(FERRY).exchanges


def test_an_endpoint_that_is_away_is_named():
    away = Endpoint()
    away.server.server_close()
    with pytest.raises(NoPhrasings, match="cannot be reached"):
        Phrasing(settings_for(away.url))("?")


def test_after_a_failure_it_is_left_alone_for_a_minute(endpoint):
    now = [0.0]
    phrasing = Phrasing(settings_for(endpoint.url), clock=lambda: now[0])
    endpoint.reply = lambda: (503, b"")
    for _ in range(3):
        with pytest.raises(NoPhrasings, match="answered 503"):
            phrasing("?")
    assert len(endpoint.asked) == 1
    now[0], endpoint.reply = 61.0, lambda: (200, completion("Is it well again?"))
    assert phrasing("?") == "Is it well again?"
    assert phrasing("?") == "Is it well again?"


def test_settings_without_an_endpoint_ask_nobody_and_one_without_a_model_is_refused(monkeypatch):
    assert Phrasing.configured(Settings()) is None
    monkeypatch.setenv("SLOTWISE_PHRASING_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ValidationError, match="SLOTWISE_PHRASING_MODEL"):
        Settings()
    monkeypatch.setenv("SLOTWISE_PHRASING_MODEL", "a-model")
    monkeypatch.setenv("SLOTWISE_PHRASING_KEY", KEY)
    assert Phrasing.configured(Settings()) is not None
    assert KEY not in repr(Settings())
