"""Why a call was not done, in the two shapes that errors have: problem documents, and OpenAI's on its routes.

The official OpenAI clients make exceptions of theirs from status code, `error.code` and `error.param`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.responses import JSONResponse

from app.api.schemas import Outgoing, example

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "X-Request-ID"
OPENAI_PATHS = ("/v1/completions", "/v1/chat/", "/v1/models")
_HEADERS: dict[HTTPStatus, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "1"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
    # OpenAI's clients would ask again by themselves, and wait as long once more.
    HTTPStatus.GATEWAY_TIMEOUT: {"X-Should-Retry": "false"},
}
# Conflicts that pass by themselves.
_HEADERS_BY_NAME = {
    name: {"Retry-After": "1"} for name in ("DocumentNotRead", "FactNotLiveYet", "IdempotencyInProgress")
}
# Where OpenAI has a code of its own for what happened.
_OPENAI_CODES = {
    "KeyRejected": "invalid_api_key",
    "RoleTooLow": "insufficient_permissions",
    "ModelNotFound": "model_not_found",
    "VersionNotFound": "model_not_found",
    "PromptTooLong": "context_length_exceeded",
    "LimitReached": "rate_limit_exceeded",
    "QueueFull": "rate_limit_exceeded",
}
_OPENAI_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


class OpenAIErrorDetail(Outgoing):
    """What OpenAI's clients make their exceptions from."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Outgoing):
    """An error, in the shape of OpenAI's API."""

    model_config = example(
        error={
            "message": "there is no published version 12",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    )

    error: OpenAIErrorDetail


@dataclass(frozen=True)
class Refusal:
    """What is told of an error.

    name    of its class; empty for what the framework refuses by itself
    fields  field and message of every invalid value
    more    members that a problem document has beside the usual ones
    """

    status: HTTPStatus
    detail: str
    name: str = ""
    fields: tuple[dict[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)

    def problem(self) -> dict[str, Any]:
        """As in RFC 9457."""
        kind = f"urn:slotwise:{self._joined('-')}" if self.name else "about:blank"
        document = {"type": kind, "title": self.status.phrase, "status": self.status.value, "detail": self.detail}
        told = {**document, **({"errors": list(self.fields)} if self.fields else {}), **self.more}
        return {**told, **({"request_id": request} if (request := _request()) else {})}

    def openai(self) -> dict[str, Any]:
        """As OpenAI's API words it; what is wrong with a request is 400 there, whatever it is."""
        code = _OPENAI_CODES.get(self.name, self._joined("_") or None)
        param = "model" if code == "model_not_found" else self.fields[0]["field"] if self.fields else None
        broken = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = _OPENAI_TYPES.get(self.status, "server_error" if broken else "invalid_request_error")
        return {"error": {"message": self.detail, "type": kind, "param": param, "code": code}}

    def reply(self, path: str) -> JSONResponse:
        """The whole reply to a call of `path`."""
        headers = {**_HEADERS.get(self.status, {}), **_HEADERS_BY_NAME.get(self.name, {}), **self.headers}
        if request := _request():  # a reply to an error that nobody caught passes no layer that adds it
            headers[REQUEST_ID] = request
        if not path.startswith(OPENAI_PATHS):
            return JSONResponse(self.problem(), self.status, headers, MEDIA_TYPE)
        unprocessable = self.status is HTTPStatus.UNPROCESSABLE_ENTITY
        return JSONResponse(self.openai(), HTTPStatus.BAD_REQUEST if unprocessable else self.status, headers)

    def _joined(self, by: str) -> str:
        """`VersionNotFound` → `version-not-found`: what a program can tell errors apart by."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", by, self.name).lower()


def _request() -> str | None:
    """The id of the request that is answered; see `app.api.requests`."""
    found: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return found
