"""One table from our errors to status codes."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app import errors
from app.api.bodies import FACT_SHAPES
from app.api.headers import HEADERS
from app.api.refusals import MEDIA_TYPE, OpenAIError, Refusal
from app.api.schemas import Problem
from app.db.outage import DATABASE_AWAY, OutcomeUnknown
from model import errors as model_errors

_SHOWN_CHARACTERS = 60
_SHOWN_ERRORS = 5
_UNREADABLE = "the body is not JSON that can be read: it is nested too deeply, or holds a number that is too long"
_AWAY = "the database cannot be reached; nothing was stored"
_UNKNOWN = (
    "the database was lost while it stored this, so it may be stored or not: look before you send it again; "
    "only facts, and calls with an Idempotency-Key, are known again"
)
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_log = structlog.get_logger()

# The nearest class of an error's ancestry decides. What is not here is our own mistake: 500.
STATUS: dict[type[Exception], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.KeyRejected: HTTPStatus.UNAUTHORIZED,
    errors.RoleTooLow: HTTPStatus.FORBIDDEN,
    errors.OfMainOnly: HTTPStatus.FORBIDDEN,
    errors.LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DamagedDelta: HTTPStatus.INTERNAL_SERVER_ERROR,
    model_errors.InvalidPrompt: HTTPStatus.UNPROCESSABLE_ENTITY,
    model_errors.PromptTooLong: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyImports: HTTPStatus.TOO_MANY_REQUESTS,
    model_errors.QueueFull: HTTPStatus.TOO_MANY_REQUESTS,
    model_errors.DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    model_errors.Aborted: HTTPStatus.SERVICE_UNAVAILABLE,  # asked again, another version answers
    model_errors.Cancelled: HTTPStatus.SERVICE_UNAVAILABLE,  # its caller is gone and hears nothing of it
    model_errors.NotFinite: HTTPStatus.INTERNAL_SERVER_ERROR,
    model_errors.EngineStopped: HTTPStatus.SERVICE_UNAVAILABLE,
    model_errors.NotResident: HTTPStatus.SERVICE_UNAVAILABLE,
    model_errors.SpareRowsExhausted: HTTPStatus.SERVICE_UNAVAILABLE,
    **dict.fromkeys(DATABASE_AWAY, HTTPStatus.SERVICE_UNAVAILABLE),
}
# What pydantic finds, in our words; braces hold what it says of the limit.
_MESSAGES = {
    "extra_forbidden": "there is no such field",
    "missing": "it is missing",
    **dict.fromkeys(("model_attributes_type", "model_type", "dict_type"), "a JSON object is needed"),
    "list_type": "a list is needed",
    "string_type": "a text is needed",
    "datetime_type": "a date or time is needed, as a text",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false is needed"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number is needed"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number is needed"),
    "greater_than_equal": "at least {ge} is needed",
    "greater_than": "more than {gt} is needed",
    "less_than_equal": "at most {le} is allowed",
    "less_than": "less than {lt} is needed",
    "string_too_long": "at most {max_length} characters are allowed",
    "string_too_short": "at least {min_length} characters are needed",
    "too_long": "at most {max_length} are allowed",
    "too_short": "at least {min_length} are needed",
    "string_pattern_mismatch": "it must match {pattern}",
    "literal_error": "one of {expected} is needed",
}


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """What a call may answer when it fails, for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status.value: {"description": status.phrase, "content": content} for status in statuses}


# What every call with a key may answer.
KEYED = problems(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def openai_errors(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The same for calls of OpenAI's API; each can also answer what every call with a key can."""
    keyed = (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    return {status.value: {"description": status.phrase, "model": OpenAIError} for status in (*keyed, *statuses)}


def handle_errors(app: FastAPI) -> None:
    """Let every error of `app` leave in the shape that its route gives to errors."""
    for error in STATUS:
        app.add_exception_handler(error, _known)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(RequestValidationError)(_invalid)
    app.add_exception_handler(Exception, _unexpected)


def refusal_of(error: Exception) -> Refusal:
    """What is told of an error. Our own mistakes tell a caller nothing of our inside."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    if status is None:
        return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of the service, which has been logged")
    if isinstance(error, OutcomeUnknown):
        return Refusal(status, _UNKNOWN, "OutcomeUnknown")
    if isinstance(error, DATABASE_AWAY):
        return Refusal(status, _AWAY, "DatabaseAway")
    headers = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, errors.LimitReached) else {}
    return Refusal(status, str(error), type(error).__name__, headers=headers)


def _known(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DATABASE_AWAY):
        _log.warning("database away", path=request.url.path, error=str(error))
    return refusal_of(error).reply(request.url.path)


def _http(request: Request, error: HTTPException) -> JSONResponse:
    """What the framework refuses by itself: no such route, no such method, a body beyond the limit."""
    status = HTTPStatus(error.status_code)
    detail = error.detail
    if status is HTTPStatus.BAD_REQUEST and isinstance(error.__cause__, (RecursionError, ValueError)):
        return Refusal(status, _UNREADABLE, "MalformedJson").reply(request.url.path)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    if detail == status.phrase:
        detail = f"{request.method} {_shown(request.url.path)}: {status.phrase.lower()}"
    return Refusal(status, detail, headers=headers).reply(request.url.path)


def _allowed(request: Request) -> list[str]:
    """The methods of a path, of all of its routes: the framework names those of the first."""
    scopes = [{**request.scope, "method": method} for method in _METHODS]
    routes = request.app.router.routes
    return [scope["method"] for scope in scopes if any(one.matches(scope)[0] is Match.FULL for one in routes)]


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        position, reason = found[0]["loc"][-1], found[0]["ctx"]["error"]
        detail = f"the body is not JSON: {reason} at character {position}"
        return Refusal(HTTPStatus.BAD_REQUEST, detail, "MalformedJson").reply(request.url.path)
    listed = tuple({"field": named(one["loc"]), "message": message_of(one)} for one in found)
    told = [f"{one['field']}: {one['message']}" for one in listed[:_SHOWN_ERRORS]]
    if len(listed) > len(told):
        told.append(f"and {len(listed) - len(told)} more")
    refusal = Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(told), "InvalidInput", listed)
    return refusal.reply(request.url.path)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """The server logs it with its traceback. Its reply goes past our middleware."""
    reply = refusal_of(error).reply(request.url.path)
    reply.headers.update(HEADERS)
    return reply


def named(location: Sequence[int | str]) -> str:
    """("body", "facts", 3, "answer") → `facts[3].answer`; the first part alone where there is no other."""
    where, *path = location
    if path and path[0] in FACT_SHAPES:
        path = path[1:]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return field.removeprefix(".") or str(where)


def message_of(error: Mapping[str, Any]) -> str:
    """What is wrong with a value, and the value."""
    own = _MESSAGES.get(error["type"])
    limits = {
        name: f"{limit:.15g}" if isinstance(limit, float) else limit for name, limit in error.get("ctx", {}).items()
    }
    message = error["msg"].removeprefix("Value error, ") if own is None else own.format_map(limits)
    if error["type"] == "model_attributes_type" and isinstance(error["input"], bytes):
        return f"{message}, with the header Content-Type: application/json"
    if error["type"] == "missing" or isinstance(error["input"], dict):
        return message
    return f"{message}; got {_shown(error['input'])}"


def _shown(value: object) -> str:
    """A value as short text; `repr` escapes what does not encode, such as half a surrogate pair."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text):,} characters)"
