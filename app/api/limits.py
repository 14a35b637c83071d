"""How long a body may be, and may take to come; checked before it is read and while it is."""

import time
from http import HTTPStatus

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.refusals import Refusal

IMPORT_PATH = "/v1/facts/import"  # whose body is a file, which is read while it comes, and by nobody as a whole


_SECONDS = 30.0  # in which the body of a call must have come, while its caller holds a connection


class BodyLimit:
    """Refuses a body of more than `max_bytes` with 413: at once if it says so, else when it gets there.

    An import has a limit of its own, `max_import_bytes`, and of the time only `app.api.imports` knows what is too much.
    A body that is compressed is refused, too (415): what it will be is told only when it is unpacked.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_import_bytes: int) -> None:
        self._app = app
        self._max_bytes, self._max_import_bytes = max_bytes, max_import_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a body that cannot grow beyond the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_file = scope["path"] == IMPORT_PATH
        limit = self._max_import_bytes if is_file else self._max_bytes
        headers = Headers(scope=scope)
        packed = headers.get("content-encoding", "identity")
        if packed != "identity":
            said = f"Content-Encoding: {packed[:60]!r}; send it as it is"
            refusal = Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, said)
            await refusal.reply(scope["path"])(scope, receive, send)
            return
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            refusal = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _reason(f"{int(announced):,} bytes", limit))
            await refusal.reply(scope["path"])(scope, receive, send)
            return
        counted = _counted(receive, limit)
        await self._app(scope, counted if is_file else _timed(counted), send)


def _counted(receive: Receive, limit: int) -> Receive:
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _reason("it goes on", limit))
        return message

    return counting


def _timed(receive: Receive) -> Receive:
    end = time.monotonic() + _SECONDS
    whole = False  # from then on whoever asks for more waits for the caller to go

    async def timing() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        try:
            with anyio.fail_after(max(0.0, end - time.monotonic())):
                message = await receive()
        except TimeoutError:
            said = f"body: it has not come within {_SECONDS:g} seconds"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, said, {"Connection": "close"}) from None
        whole = not message.get("more_body", False)
        return message

    return timing


def _reason(length: str, limit: int) -> str:
    return f"body: {length}; at most {limit:,} bytes are allowed"
