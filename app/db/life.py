"""Connections that wait for PostgreSQL as long as it lives, and no longer. This module knows psycopg, and no session.

A query may take its time, behind a lock or over many rows; a server that is frozen takes connections in its kernel and
never answers. So who has waited for a while asks the server for a sign of life, on another connection, and gives up
where none comes. A sign of life is the one byte by which every server tells whether it speaks TLS.
"""

import socket
import struct
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

QUIET_SECONDS = 0.3  # without a word on a connection before a sign of life is asked for
SIGN_SECONDS = 0.7  # within which it has to come
_PAUSE_SECONDS = 0.5  # after which a server that gave none is asked again, by one of its callers
_BACK_SECONDS = 0.2  # that this one waits
_DO_YOU_SPEAK_TLS = struct.pack("!ii", 8, 80_877_103)  # SSLRequest of the protocol; nothing is logged of it

T = TypeVar("T")


class Life:
    """What is known of one server. Threads share it."""

    def __init__(self) -> None:
        self._silent = False
        self._ask_at = 0.0  # where it is silent

    def connect(self, parameters: dict[str, Any]) -> "LivingConnection":
        """A connection to a server that lives. Raises psycopg.OperationalError."""
        host, port = parameters.get("host") or "", parameters.get("port") or 5432
        if host and "," not in str(host):  # else libpq finds its way, within the time that it has for that
            self.require(str(host), int(port))
        connection = LivingConnection.connect(**parameters)
        connection.life = self
        return connection

    def require(self, host: str, port: int) -> None:
        """Nothing when the server gives a sign of life. Raises psycopg.OperationalError."""
        if self._silent and time.monotonic() < self._ask_at:
            raise psycopg.OperationalError(f"no sign of life from {host}, port {port}, a moment ago")
        self._ask_at = time.monotonic() + _PAUSE_SECONDS
        try:
            _await_sign(host, port, _BACK_SECONDS if self._silent else SIGN_SECONDS)
        except OSError as error:
            self._silent = True
            raise psycopg.OperationalError(f"no sign of life from {host}, port {port}: {error}") from error
        self._silent = False


class LivingConnection(psycopg.Connection[Any]):
    """A connection on which nobody waits for a server that is dead or frozen; there it closes and raises."""

    life: Life

    def wait(self, gen: PQGen[T], *given: Any, **named: Any) -> T:
        """Wait as psycopg does, and look for signs of life meanwhile."""
        return super().wait(self._attended(gen), *given, **named)

    def _attended(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        """What a step of psycopg yields; it is resumed when the socket is ready, and a few times a second besides."""
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > QUIET_SECONDS:
                    self._require_life()
                    heard = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result

    def _require_life(self) -> None:
        try:
            self.life.require(self.info.host, self.info.port)
        except psycopg.OperationalError:
            self.close()  # what it was told may still be done, and nobody would know of what
            raise


def _await_sign(host: str, port: int, seconds: float) -> None:
    """Raises OSError where the server says nothing, or hangs up."""
    with _opened(host, port, seconds) as server:
        server.settimeout(seconds)
        server.sendall(_DO_YOU_SPEAK_TLS)
        if not server.recv(1):
            raise ConnectionResetError("it hung up")


def _opened(host: str, port: int, seconds: float) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), seconds)
    local = socket.socket(socket.AF_UNIX)  # a folder, as libpq has it
    local.settimeout(seconds)
    try:
        local.connect(str(Path(host) / f".s.PGSQL.{port}"))
    except OSError:
        local.close()
        raise
    return local
