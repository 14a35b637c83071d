"""What every call may answer by itself, before a route is asked: told in the OpenAPI document, too."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from app.api.errors import problems
from app.api.refusals import OPENAI_PATHS

_ALWAYS = (HTTPStatus.UNPROCESSABLE_ENTITY,)  # a parameter that the call does not have
_WITH_BODY = (
    HTTPStatus.BAD_REQUEST,  # no JSON
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_OPENAI = {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}


class Described(FastAPI):
    """An application whose document names these answers at each call; what a route says itself stands."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        if self.openapi_schema is None:
            document = super().openapi()
            for path, calls in document["paths"].items():
                for call in calls.values():
                    _complete(path, call)
        return super().openapi()


def _complete(path: str, call: dict[str, Any]) -> None:
    openai = path.startswith(OPENAI_PATHS)
    invalid = (HTTPStatus.BAD_REQUEST,) if openai else _ALWAYS  # as `Refusal` has it
    for status in (*invalid, *(_WITH_BODY if "requestBody" in call else ())):
        told = {"description": status.phrase, "content": _OPENAI} if openai else problems(status)[status.value]
        call["responses"].setdefault(str(status.value), told)
