"""/v1/query: ask the model. The answer comes from its weights, and says which version of them."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from app.api.asking import ask_of
from app.api.bodies import QueryIn
from app.api.deps import Reader, ServingDep, SettingsDep
from app.api.errors import KEYED, problems
from app.api.refusals import Refusal
from app.api.schemas import Outgoing, example
from app.api.streams import EventStream, answers, event
from app.errors import InvalidInput

if TYPE_CHECKING:
    from app.serving import Ask, Feed
    from model.engine import Answer, Piece, TokenLogprob

router = APIRouter(prefix="/v1/query", tags=["query"], responses=KEYED)
_EVENTS = "the answer; with `stream`, the events version, piece (many), and answer or error"


class Alternative(Outgoing):
    """A token that could have stood there, and the logarithm of its probability."""

    token: str
    logprob: float


class TokenOut(Alternative):
    """A token of the answer, and the most probable ones in its place."""

    top: list[Alternative]

    @classmethod
    def of(cls, token: "TokenLogprob") -> "TokenOut":
        """A token as the engine gives it."""
        top = [Alternative(token=text, logprob=logprob) for text, logprob in token.top]
        return cls(token=token.token, logprob=token.logprob, top=top)


class AnswerOut(Outgoing):
    """What the model says, and which version of it said so."""

    model_config = example(answer="Lisbon", version=3)

    answer: str
    version: int
    logprobs: list[TokenOut] | None = Field(None, description="of every token, if they were asked for")

    @classmethod
    def of(cls, answer: "Answer") -> "AnswerOut":
        """An answer as the engine gives it."""
        logprobs = None if answer.logprobs is None else [TokenOut.of(token) for token in answer.logprobs]
        return cls(answer=answer.text, version=answer.version, logprobs=logprobs)


def _asked(body: QueryIn, key: Reader, serving: ServingDep, settings: SettingsDep) -> "tuple[QueryIn, Ask]":
    """A prompt is limited by the model's positions, which only the engine can count."""
    if body.question is not None and len(body.question) > settings.max_statement_characters:
        limit = f"at most {settings.max_statement_characters:,} are allowed"
        raise InvalidInput(f"question: {len(body.question):,} characters; {limit}")
    prompt = body.prompt or serving.question_prompt(body.question or "")
    ask = ask_of(
        body,
        [prompt],
        key=key,
        settings=settings,
        version=body.version,
        max_tokens=body.max_tokens,
        logprobs=body.logprobs,
    )
    return body, ask


@router.post(
    "",
    response_model=AnswerOut,
    response_model_exclude_none=True,
    responses={
        HTTPStatus.OK.value: {"description": _EVENTS, "content": {EventStream.media_type: {}}},
        **problems(HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.GATEWAY_TIMEOUT),
    },
)
async def query(
    asked: Annotated["tuple[QueryIn, Ask]", Depends(_asked)],
    request: Request,
    response: Response,
    serving: ServingDep,
) -> AnswerOut | EventStream:
    """Ask the live version, or any published one."""
    body, ask = asked
    if body.stream:
        feed = await serving.stream(ask)
        return EventStream(feed, _Script(feed))
    feed = await serving.ask(ask)
    (answer,) = await answers(feed, request, response)
    return AnswerOut.of(answer)


class _Script:
    """The version, pieces of text, and the answer as a whole; or the problem that ended it."""

    def __init__(self, feed: "Feed") -> None:
        (self._generation,) = feed.generations

    def opening(self) -> bytes:
        generation = self._generation
        return event({"version": generation.version, "state_hash": generation.state_hash}, "version")

    def piece(self, index: int, piece: "Piece") -> bytes:
        logprobs = [TokenOut.of(token).model_dump() for token in piece.logprobs]
        return event({"text": piece.text, **({"logprobs": logprobs} if logprobs else {})}, "piece")

    def ending(self, index: int, answer: "Answer") -> bytes:
        shown = {"answer": answer.text, "version": answer.version, "finish": answer.finish}
        return event({**shown, "prompt_tokens": answer.prompt_tokens, "tokens": answer.tokens}, "answer")

    def closing(self) -> bytes:
        return b""

    def failure(self, refusal: Refusal) -> bytes:
        return event(refusal.problem(), "error")
