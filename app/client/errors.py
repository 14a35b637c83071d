"""Every error that the client raises, and how a refusal of the service is read.

    ClientError
    ├── Unreachable        nobody answers at the address, or the connection broke
    ├── TimedOut           no answer came in time, or a job has not ended in the time given
    ├── NotUnderstood      the reply is none of the API's: something else answers at the address
    └── Refused            the service refused; `problem` says why
        ├── BadRequest     400, 413, 422: a field is missing, malformed or beyond its limit
        ├── KeyRejected    401: there is no key, or it is unknown or revoked
        ├── RoleTooLow     403: the key's role, or its namespace, does not allow the call
        ├── NotFound       404
        ├── Conflict       409: another version is live than expected; a call with the same key has not ended
        └── Busy           429, 503: try again later

No class here has an `__init__` of its own, so each survives pickling between processes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError


class FieldProblem(BaseModel):
    """What is wrong with one field of a call."""

    model_config = ConfigDict(frozen=True)

    field: str
    message: str


class Problem(BaseModel):
    """Why the service refused a call, as in RFC 9457.

    errors       field and message of every invalid value
    retry_after  seconds that the service asks to wait, from the header of the same name
    """

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[FieldProblem, ...] = ()
    retry_after: float | None = None


class ClientError(Exception):
    """The root of all errors of the client; the message says everything."""


class Unreachable(ClientError):
    """Nobody answers at the address, or the connection broke."""


class TimedOut(ClientError):
    """No answer came in time, or a job has not ended in the time given."""


class NotUnderstood(ClientError):
    """The reply is none of the API's."""


class Refused(ClientError):
    """The service refused a call: the one argument is the problem."""

    @property
    def problem(self) -> Problem:
        """Why, with title, status, detail and fields."""
        return cast(Problem, self.args[0])

    def __str__(self) -> str:
        return self.problem.detail


class BadRequest(Refused):
    """A field of the call is missing, malformed or beyond its limit; `problem.errors` names it where it can."""


class KeyRejected(Refused):
    """There is no key, or it is unknown or revoked."""


class RoleTooLow(Refused):
    """The key is good, but its role does not allow the call."""


class NotFound(Refused):
    """There is no such fact, job, version or model."""


class Conflict(Refused):
    """The call does not fit what is: another version is live, or a call with the same idempotency key still runs."""


class Busy(Refused):
    """The queue is full, a version is being rebuilt, or the service is not ready: try again later."""


_BY_STATUS: Mapping[int, type[Refused]] = {
    HTTPStatus.BAD_REQUEST: BadRequest,
    HTTPStatus.UNAUTHORIZED: KeyRejected,
    HTTPStatus.FORBIDDEN: RoleTooLow,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BadRequest,
    HTTPStatus.UNPROCESSABLE_ENTITY: BadRequest,
    HTTPStatus.TOO_MANY_REQUESTS: Busy,
    HTTPStatus.SERVICE_UNAVAILABLE: Busy,
}


def refusal(problem: Problem) -> Refused:
    """The error for a problem, by its status."""
    return _BY_STATUS.get(problem.status, Refused)(problem)


def refusal_of(reply: httpx.Response) -> Refused:
    """The error for a reply that is one: a problem document, OpenAI's shape, or what a proxy on the way says."""
    after = _seconds(reply.headers.get("Retry-After"))
    usual = {"title": reply.reason_phrase, "status": reply.status_code, "retry_after": after}
    try:
        body = reply.json()
        if isinstance(body.get("error"), dict):
            body = from_openai(body["error"])
        return refusal(Problem.model_validate({**usual, **body}))
    except (ValueError, AttributeError, ValidationError):
        told = f"the service answered {reply.status_code} {reply.reason_phrase}"
        return refusal(Problem.model_validate({**usual, "detail": told}))


def from_openai(error: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a problem document that an error in OpenAI's shape tells."""
    field, message = error.get("param"), error.get("message", "no reason is given")
    kind = f"urn:slotwise:{error['code'].replace('_', '-')}" if error.get("code") else "about:blank"
    return {"type": kind, "detail": message, "errors": [{"field": field, "message": message}] if field else []}


def _seconds(retry_after: str | None) -> float | None:
    """`Retry-After` is a number of seconds or a date; anything else says nothing."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
