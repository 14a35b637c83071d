"""Every request gets an id, one line in the log when it has ended, and its place in a counter.

The id is the caller's `X-Request-ID` where that is one, and stands in the reply, in problem documents and in every line
that is logged on the way. It knows neither keys nor bodies: routes leave the number of a key in the request's state.
"""

import re
import time
from uuid import uuid4

import structlog
from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.refusals import REQUEST_ID

_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_PROBES = ("/healthz", "/readyz", "/metrics")
_CALLER_GONE = 499  # as nginx has it: what nobody heard is no failure
_JOBS = "/v1/jobs/"
_log = structlog.get_logger()


class Requests:
    """Gives each request its id, and tells how it went."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, receive, send)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.id)
        span = trace.get_current_span()
        span.set_attribute("slotwise.request_id", request.id)
        if scope["query_string"]:
            span.set_attribute("url.query", "")  # questions and sources may stand there
        try:
            await self._app(scope, request.receive, request.send)
        finally:
            request.tell()


class _Request:
    """What is known of a request when it has ended."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get(REQUEST_ID, "")
        self.id = given if _ID.fullmatch(given) else uuid4().hex
        self._scope, self._receive, self._send = scope, receive, send
        self._began = time.monotonic()
        self._status = 500  # unless a reply begins
        self._gone = False  # the caller, before that
        self._fields: dict[str, object] = {}

    async def receive(self) -> Message:
        """Get the next part of the request."""
        message = await self._receive()
        self._gone = self._gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the reply, the first with the id."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self.id
            self._status = _CALLER_GONE if self._gone else message["status"]
            self._note(headers)
        await self._send(message)

    def _note(self, headers: MutableHeaders) -> None:
        """The version that answers, and the job that was made."""
        if version := headers.get("x-model-version"):
            self._fields["version"] = int(version)
        if (location := headers.get("location", "")).startswith(_JOBS):
            self._fields["job"] = int(location.removeprefix(_JOBS))

    def tell(self) -> None:
        """A path that no route has, and a method that nobody knows, are the caller's text: no line and no label."""
        route = getattr(self._scope.get("route"), "path", "none")
        method = self._scope["method"] if self._scope["method"] in _METHODS else "other"
        state = self._scope.get("state", {})
        say = _log.debug if route in _PROBES and self._status < 400 else _log.info
        say(
            "request",
            method=method,
            route=route,
            status=self._status,
            seconds=round(time.monotonic() - self._began, 4),
            key_id=state.get("key_id"),
            **self._fields,
        )
        if (serving := state.get("serving")) is not None:
            serving.instruments.http.labels(method, route, self._status).inc()
