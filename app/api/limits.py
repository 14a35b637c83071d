"""How long a body may be, checked before it is read and while it is."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.refusals import Refusal


class BodyLimit:
    """Refuses a body of more than `max_bytes` with 413: at once if it says so, else when it gets there."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a body that cannot grow beyond the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            refusal = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._reason(f"{int(announced):,} bytes"))
            await refusal.reply(scope["path"])(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._reason("it goes on"))
            return message

        return counting

    def _reason(self, length: str) -> str:
        return f"body: {length}; at most {self._max_bytes:,} bytes are allowed"
