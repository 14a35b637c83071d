"""How long a body may be, checked before it is read and while it is."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.refusals import Refusal

IMPORT_PATH = "/v1/facts/import"  # whose body is a file, which is read while it comes, and by nobody as a whole


class BodyLimit:
    """Refuses a body of more than `max_bytes` with 413: at once if it says so, else when it gets there.

    An import has a limit of its own, `max_import_bytes`.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_import_bytes: int) -> None:
        self._app = app
        self._max_bytes, self._max_import_bytes = max_bytes, max_import_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a body that cannot grow beyond the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._max_import_bytes if scope["path"] == IMPORT_PATH else self._max_bytes
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            refusal = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _reason(f"{int(announced):,} bytes", limit))
            await refusal.reply(scope["path"])(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


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


def _reason(length: str, limit: int) -> str:
    return f"body: {length}; at most {limit:,} bytes are allowed"
