"""A request to an address that somebody named: to the open network alone, within a time, and without reading the reply.

A name is looked up once, and what it stands for is what is connected to: so nobody can name another address in between.
"""

import socket
import time
from collections.abc import Iterable, Mapping
from ssl import SSLContext
from typing import Any

import httpcore

from app.services.addresses import is_public
from app.services.outbox import Sent


class Refused(Exception):  # always caught here
    """The address is not one of the open network."""


class _Timed(httpcore.NetworkStream):
    """A connection that ends at a moment, however often a byte comes."""

    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self._stream, self._end = stream, end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left


class _Guarded(httpcore.NetworkBackend):
    """Connects to public addresses alone, unless private ones are allowed, and for a time."""

    def __init__(self, end: float, allow_private: bool) -> None:
        self._end, self._allow_private = end, allow_private
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        allowed = [address for address in found if self._allow_private or is_public(address)]
        if not allowed:
            raise Refused(f"{host} is a private address, {found[0]}; SLOTWISE_WEBHOOK_PRIVATE_ADDRESSES allows none")
        left = max(0.001, self._end - time.monotonic())
        return _Timed(self._backend.connect_tcp(allowed[0], port, left, local_address, socket_options), self._end)


def post(url: str, headers: Mapping[str, str], body: bytes, *, seconds: float, allow_private: bool) -> Sent:
    """Send a body; what comes back is a code, or in a sentence why there is none. Redirects are not followed."""
    backend = _Guarded(time.monotonic() + seconds, allow_private)
    try:
        with httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool:
            asked = pool.stream(
                "POST", url, headers=list(headers.items()), content=body, extensions={"timeout": {"pool": seconds}}
            )
            with asked as reply:  # its body is not read
                code = reply.status
    except Refused as refusal:
        return Sent(None, str(refusal))
    except httpcore.TimeoutException:
        return Sent(None, f"no reply within {seconds:g} s")
    except Exception as error:
        # A name that is not found, a connection that breaks, what is no HTTP: whatever an address answers is noted.
        return Sent(None, f"{type(error).__name__}: {error}".removesuffix(": "))
    return Sent(code, "redirects are not followed" if 300 <= code < 400 else None)
