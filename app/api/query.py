"""/v1/query: ask the model. The answer comes from its weights, and says which version of them."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Response

from app.api.bodies import QueryIn
from app.api.deps import Reader, ServingDep, SettingsDep
from app.api.errors import KEYED, problems
from app.api.schemas import AnswerOut
from app.errors import InvalidInput

if TYPE_CHECKING:
    from model.engine import Answer

router = APIRouter(prefix="/v1/query", tags=["query"], responses=KEYED)


def _within_limits(body: QueryIn, settings: SettingsDep) -> QueryIn:
    """A prompt is limited by the model's positions, which only the engine can count."""
    if body.question is not None and len(body.question) > settings.max_statement_characters:
        limit = f"at most {settings.max_statement_characters:,} are allowed"
        raise InvalidInput(f"question: {len(body.question):,} characters; {limit}")
    if body.max_tokens > settings.max_tokens:
        raise InvalidInput(f"max_tokens: {body.max_tokens:,}; at most {settings.max_tokens:,} are allowed")
    return body


@router.post(
    "",
    response_model=AnswerOut,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS),
)
def ask(
    body: Annotated[QueryIn, Depends(_within_limits)], response: Response, key: Reader, serving: ServingDep
) -> "Answer":
    """Ask the live version, or any published one."""
    prompt = body.prompt or serving.question_prompt(body.question or "")
    answer = serving.ask(prompt, version=body.version, max_tokens=body.max_tokens)
    response.headers["X-Model-Version"] = str(answer.version)
    return answer
