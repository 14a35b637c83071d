"""A port of their own for the calls of /v1/admin."""

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.refusals import Refusal

_ADMIN = "/v1/admin"


class AdminPort:
    """Refuses the calls of /v1/admin with 404 unless they came in at `port`; all other calls pass at every port.

    So whoever may reach that port needs no other address beside it.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        # Anywhere in the path, lest something before it that a router takes off opens a way round.
        if scope["type"] != "http" or _ADMIN not in scope["path"] or self._is_reached(scope):
            await self._app(scope, receive, send)
            return
        detail = f"{scope['method']} {scope['path'][:60]}: the calls of {_ADMIN} are not served at this port"
        await Refusal(HTTPStatus.NOT_FOUND, detail).reply(scope["path"])(scope, receive, send)

    def _is_reached(self, scope: Scope) -> bool:
        """Whether this is the port; the server tells where a connection ended, whatever its headers say."""
        _, port = scope.get("server") or ("", None)
        return bool(port == self._port)
