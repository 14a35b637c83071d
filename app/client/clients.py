"""`Slotwise` and `AsyncSlotwise`: the same calls, sent by httpx, with pauses between attempts.

What a call sends and gives stands in `calls`; when it is tried again, in `retries`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

import httpx

from app.client.calls import Call, Stream
from app.client.errors import ClientError, NotUnderstood, TimedOut, Unreachable, refusal_of
from app.client.events import Lines, Part
from app.client.following import Following
from app.client.methods import Methods
from app.client.results import Job
from app.client.retries import Attempts, Retries

T = TypeVar("T")

LOCAL_URL = "http://127.0.0.1:8000"
_TIMEOUT_SECONDS = 75.0  # the service's own limit for an answer is 60


class Slotwise(Methods):
    """A client of one service; close it, or use it as a context.

    timeout    seconds without a byte of the reply after which a call is given up
    transport  of httpx, instead of the network
    """

    def __init__(
        self,
        url: str = LOCAL_URL,
        key: str = "",
        *,
        timeout: float = _TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        with _at(url):
            self._http = httpx.Client(base_url=url, headers=_headers(key), timeout=timeout, transport=transport)
        self._url = url
        self._retries = retries or Retries()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def run(self, call: Call[T]) -> T:
        """Send a call until it succeeds or another attempt is none. Raises ClientError."""
        attempts = Attempts(self._retries, repeatable=call.sent.repeatable)
        while True:
            try:
                with _at(self._url):
                    content = call.sent.pieces() if call.sent.pieces else None
                    return _read(call, self._http.request(**call.sent.arguments, content=content))
            except ClientError as error:
                pause = attempts.pause_after(error)
            time.sleep(pause)

    def parts(self, call: Stream) -> Iterator[Part]:
        """The parts of a stream, the answer last. Raises ClientError."""
        attempts = Attempts(self._retries, repeatable=call.sent.repeatable)
        while True:
            lines = Lines(call.wording())
            try:
                with _at(self._url), self._http.stream(**call.sent.arguments) as reply:
                    if reply.is_error:
                        reply.read()
                    _refuse(reply)
                    for line in reply.iter_lines():
                        for part in lines.read(line):
                            attempts.begun()
                            yield part
                    return _end(lines)
            except ClientError as error:
                pause = attempts.pause_after(error)
            time.sleep(pause)

    def follow(self, job_id: int, *, timeout: float | None = None) -> Iterator[Job]:
        """A job whenever its state or progress has changed, until it has ended; its facts come with the last one.

        timeout  seconds after which TimedOut is raised; None waits as long as it takes

        Where the connection breaks it goes on behind what was heard. Raises NotFound, TimedOut.
        """
        following = Following(job_id, timeout, self._retries)
        while not following.has_ended:
            try:
                with _at(self._url), self._http.stream(**following.arguments()) as reply:
                    if reply.is_error:
                        reply.read()
                    _refuse(reply)
                    for line in reply.iter_lines():
                        yield from following.read(line)
                        if following.is_stale(line):
                            break
                    else:
                        following.broken()
            except ClientError as error:
                time.sleep(following.pause_after(error))

    def wait(self, job_id: int, *, timeout: float | None = None) -> Job:
        """The job once it has ended, however it did: `job.succeeded` says whether. Raises NotFound, TimedOut."""
        *_, last = self.follow(job_id, timeout=timeout)
        return last


class AsyncSlotwise(Methods):
    """The same for asyncio: calls are awaited, streams and `follow` are iterated with `async for`."""

    def __init__(
        self,
        url: str = LOCAL_URL,
        key: str = "",
        *,
        timeout: float = _TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        with _at(url):
            self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout, transport=transport)
        self._url = url
        self._retries = retries or Retries()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def run(self, call: Call[T]) -> T:
        """Send a call until it succeeds or another attempt is none. Raises ClientError."""
        attempts = Attempts(self._retries, repeatable=call.sent.repeatable)
        while True:
            try:
                with _at(self._url):
                    content = _awaited(call.sent.pieces()) if call.sent.pieces else None
                    return _read(call, await self._http.request(**call.sent.arguments, content=content))
            except ClientError as error:
                pause = attempts.pause_after(error)
            await asyncio.sleep(pause)

    async def parts(self, call: Stream) -> AsyncIterator[Part]:
        """The parts of a stream, the answer last. Raises ClientError."""
        attempts = Attempts(self._retries, repeatable=call.sent.repeatable)
        while True:
            lines = Lines(call.wording())
            try:
                with _at(self._url):
                    async with self._http.stream(**call.sent.arguments) as reply:
                        if reply.is_error:
                            await reply.aread()
                        _refuse(reply)
                        async for line in reply.aiter_lines():
                            for part in lines.read(line):
                                attempts.begun()
                                yield part
                        _end(lines)
                        return
            except ClientError as error:
                pause = attempts.pause_after(error)
            await asyncio.sleep(pause)

    async def follow(self, job_id: int, *, timeout: float | None = None) -> AsyncIterator[Job]:
        """As `Slotwise.follow`. Raises NotFound, TimedOut."""
        following = Following(job_id, timeout, self._retries)
        while not following.has_ended:
            try:
                with _at(self._url):
                    async with self._http.stream(**following.arguments()) as reply:
                        if reply.is_error:
                            await reply.aread()
                        _refuse(reply)
                        async for line in reply.aiter_lines():
                            for job in following.read(line):
                                yield job
                            if following.is_stale(line):
                                break
                        else:
                            following.broken()
            except ClientError as error:
                await asyncio.sleep(following.pause_after(error))

    async def wait(self, job_id: int, *, timeout: float | None = None) -> Job:
        """As `Slotwise.wait`. Raises NotFound, TimedOut."""
        return [job async for job in self.follow(job_id, timeout=timeout)][-1]


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """A body in pieces, as httpx wants it here; each is read from a file in less than a millisecond."""
    for piece in pieces:
        yield piece


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


@contextmanager
def _at(url: str) -> Iterator[None]:
    """What httpx raises, as our errors."""
    try:
        yield
    except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Unreachable(f"no service answers at {url}: {error or 'the connection took too long'}") from error
    except httpx.TimeoutException as error:
        raise TimedOut(f"the service at {url} did not answer in time") from error
    except httpx.TransportError as error:
        raise Unreachable(f"no service answers at {url}: {error or 'the connection broke'}") from error
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise Unreachable(f"no service can be asked at {url} with this key: {error}") from error


def _read(call: Call[T], reply: httpx.Response) -> T:
    _refuse(reply)
    try:
        return call.read(reply.json())
    except (ValueError, KeyError, TypeError) as error:  # pydantic's and json's errors are values
        raise NotUnderstood(f"what answers at {reply.url} is none of the API's: {error}") from error


def _refuse(reply: httpx.Response) -> None:
    if not reply.is_success:
        raise refusal_of(reply)


def _end(lines: Lines[Part]) -> None:
    if not lines.is_complete:
        raise Unreachable("the stream ended before its answer")
