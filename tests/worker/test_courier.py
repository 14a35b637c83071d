"""The courier beside real receivers: what fails at first arrives, signed, and no slow one holds up another."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select

from app.client.webhooks import verify
from app.db.tables import Delivery
from app.services import outbox, webhooks
from tests.services.story import TESTER
from worker.courier import Courier
from worker.guarded import post


class Receiver(ThreadingHTTPServer):
    """Answers with `codes` one after the other, and then with 204; keeps what came."""

    def __init__(self, *codes: int, location: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes, self.location = list(codes), location
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.came = threading.Semaphore(0)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((dict(self.headers), body))
        self.send_response(self.server.codes.pop(0) if self.server.codes else 204)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()
        self.server.came.release()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(*codes: int, **more: str) -> Iterator[Receiver]:
    with Receiver(*codes, **more) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=[0.02])
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


@pytest.fixture
def settings(settings):
    quick = {"webhook_private_addresses": True, "webhook_retry_seconds": 0.02, "poll_seconds": 0.02}
    return settings.model_copy(update=quick | {"webhook_timeout_seconds": 2.0})


@contextmanager
def sending(story, settings=None) -> Iterator[None]:
    courier = Courier(story.sessions, settings or story.settings)
    courier.start()
    try:
        yield
    finally:
        courier.stop()
        courier.join()


def hook(story, url: str) -> tuple[int, str]:
    with story.sessions() as session:
        made = webhooks.create(session, story.settings, "main", url, ["version.activated"], actor=TESTER)
        return made.id, made.secret


def emit(story, version: int = 1) -> None:
    with story.sessions.begin() as session:
        outbox.emit(session, "main", "version.activated", version=version)


def settled(story, webhook: int) -> Delivery:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with story.sessions() as session:
            found = session.scalars(select(Delivery).where(Delivery.webhook_id == webhook)).one()
        if found.state != "pending":
            return found
        time.sleep(0.02)
    raise AssertionError(f"{found.state} after {found.tries} tries: {found.last_code} {found.last_error}")


def test_what_fails_at_first_arrives_with_one_id_and_a_signature_that_holds(story):
    with receiving(500, 503) as receiver:
        number, secret = hook(story, receiver.url)
        emit(story, version=7)
        with sending(story):
            found = settled(story, number)
    assert (found.state, found.tries, found.last_code, found.last_error) == ("delivered", 3, 204, None)
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1
    for headers, body in receiver.requests:
        event = verify(secret, headers, body)
        assert (event["type"], event["data"]) == ("version.activated", {"version": 7})


def test_a_redirect_is_not_followed_and_a_receiver_that_is_not_there_is_given_up(story):
    with receiving() as elsewhere, receiving(302, 302, location=elsewhere.url) as receiver:
        redirected, _ = hook(story, receiver.url)
        gone, _ = hook(story, "http://127.0.0.1:1/")
        emit(story)
        with sending(story, story.settings.model_copy(update={"webhook_max_tries": 2})):
            assert settled(story, redirected).last_code == 302
            failed = settled(story, gone)
    assert elsewhere.requests == []
    assert (failed.state, failed.tries, failed.last_code) == ("failed", 2, None)
    assert "ConnectError" in failed.last_error


def test_a_slow_receiver_holds_up_no_other(story):
    with receiving() as quick, slow() as address:
        hook(story, address)
        other, _ = hook(story, quick.url)
        emit(story)
        with sending(story):
            assert settled(story, other).state == "delivered"
            with story.sessions() as session:
                assert session.scalars(select(Delivery.state).where(Delivery.webhook_id != other)).one() == "pending"


def test_a_name_of_a_private_address_is_refused_when_it_is_called(story):
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        sent = post(url, {}, b"{}", seconds=2.0, allow_private=False)
        assert (sent.code, receiver.requests) == (None, [])
        assert sent.error.startswith("localhost is a private address")
        assert post(url, {}, b"{}", seconds=2.0, allow_private=True).code == 204


def test_a_reply_that_comes_byte_by_byte_has_no_more_time_than_one_that_does_not_come():
    with slow() as address:
        began = time.monotonic()
        sent = post(address, {}, b"{}", seconds=0.5, allow_private=True)
        assert (sent.code, sent.error) == (None, "no reply within 0.5 s")
        assert time.monotonic() - began < 2


def test_a_body_without_end_is_not_read():
    with endless() as address:
        assert post(address, {}, b"{}", seconds=5.0, allow_private=True).code == 200


@contextmanager
def serving(talk) -> Iterator[str]:
    """A receiver that says what `talk` sends, on a bare socket, until the block ends."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not over.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                with peer:
                    try:
                        talk(peer, over)
                    except OSError:  # the courier has gone
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


def slow():
    def drip(peer, over) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
            peer.sendall(bytes([byte]))
            if over.wait(0.05):
                return

    return serving(drip)


def endless():
    def pour(peer, over) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while not over.is_set():
            peer.sendall(b"x" * 65_536)

    return serving(pour)
