"""Server-sent events: a feed of generations, in the words of a route; and what happens when the client is gone.

FastAPI's own events (`fastapi.sse`) cost the event loop four times as much as these, measured with 32 streams:
each event passes two queues, two tasks and a validation there.
"""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import structlog
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.citations import Cited, cited
from app.api.errors import refusal_of
from app.api.refusals import Refusal

if TYPE_CHECKING:
    from app.serving import Feed, Serving
    from model.engine import Piece

_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: `json.dumps` would make one for each event
_log = structlog.get_logger()


class Script(Protocol):
    """How a route words a stream; each part gives the bytes of some events, or none."""

    def opening(self) -> bytes:
        """Before the first piece."""

    def piece(self, index: int, piece: "Piece") -> bytes:
        """What was added to the answer to prompt `index`."""

    def ending(self, index: int, cited: Cited) -> bytes:
        """That answer is finished."""

    def closing(self) -> bytes:
        """All are."""

    def failure(self, refusal: Refusal) -> bytes:
        """What ended the stream before its time."""


class EventStream(StreamingResponse):
    """A feed as server-sent events. When it ends, however it ends, so does what its generations still do."""

    media_type = "text/event-stream"

    def __init__(self, feed: "Feed", script: Script, serving: "Serving", headers: Mapping[str, str]) -> None:
        usual = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", **version_header(feed)}
        super().__init__(self._events(), headers={**usual, **headers})
        self._feed = feed
        self._script = script
        self._serving = serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until all is said, or nobody listens."""
        async with cancelled_when_gone(self._feed, receive):
            await self.stream_response(send)

    async def _events(self) -> AsyncIterator[bytes]:
        """What was said since the last time leaves together, so a slow client costs no more than a quick one."""
        if opening := self._script.opening():
            yield opening
        left = len(self._feed.generations)
        while left:
            events: list[bytes] = []
            for index, piece in await self._feed.heard():
                if piece is not None:
                    events.append(self._script.piece(index, piece))
                    continue
                left -= 1
                try:
                    answer = self._feed.generations[index].result(0)
                except Exception as error:
                    yield b"".join([*events, self._script.failure(_told(error))])
                    return
                (finished,) = await cited(self._serving, [answer])
                events.append(self._script.ending(index, finished))
            if not left:
                events.append(self._script.closing())
            if chunk := b"".join(events):
                yield chunk


def version_header(feed: "Feed") -> dict[str, str]:
    """Which version answers; all generations of a feed have the same."""
    return {"X-Model-Version": str(feed.generations[0].version)}


def event(data: Mapping[str, object] | str, name: str = "") -> bytes:
    """One event; ASCII without line breaks, so it is one line of data whatever the text is."""
    text = data if isinstance(data, str) else _encode(data)
    return f"event: {name}\ndata: {text}\n\n".encode() if name else f"data: {text}\n\n".encode()


@asynccontextmanager
async def cancelled_when_gone(feed: "Feed", receive: Receive) -> AsyncIterator[None]:
    """Cancel a feed when the client disconnects, and when the call ends early; what is done stays done."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        feed.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        feed.cancel()


def _told(error: Exception) -> Refusal:
    refusal = refusal_of(error)
    if not refusal.name:
        _log.error("a stream failed", error="".join(traceback.format_exception(error)))
    return refusal
