"""/v1/query: ask the model. The answer comes from its weights, and says which version of them."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from app.api.asking import Asked, ask_of, question_prompt, replied
from app.api.bodies import QueryIn
from app.api.citations import CitationOut, Cited
from app.api.deps import Reader, ServingDep, SettingsDep
from app.api.errors import KEYED, problems
from app.api.refusals import Refusal
from app.api.schemas import Outgoing, example
from app.api.streams import EventStream, event

if TYPE_CHECKING:
    from app.serving import Feed
    from model.engine import Piece, TokenLogprob

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
    """What the model says, which version of it said so, and which facts it was read from."""

    model_config = example(
        answer="Lisbon", version=3, finish="stop", citations=[{"fact": 12, "source": "atlas-2026", "gate": 0.93}]
    )

    answer: str | None = Field(description="null with `only_taught` where no taught fact opened")
    version: int
    finish: Literal["stop", "length", "untaught"] = Field(
        description="`stop`: the model ended, or a stop text came; `length`: max_tokens were used up; `untaught`: null"
    )
    citations: list[CitationOut] = Field(description="taught facts that were read; none where the base alone answers")
    logprobs: list[TokenOut] | None = Field(None, description="of every token, if they were asked for")

    @classmethod
    def of(cls, cited: Cited) -> "AnswerOut":
        """An answer as the engine gives it."""
        answer = cited.answer
        asked_for: dict[str, Any] = {}  # the reply leaves out what is not set
        if answer.logprobs is not None:
            asked_for["logprobs"] = [TokenOut.of(token) for token in answer.logprobs]
        return cls(
            answer=None if answer.finish == "untaught" else answer.text,
            version=answer.version,
            finish=answer.finish,
            citations=cited.citations,
            **asked_for,
        )


def _asked(body: QueryIn, key: Reader, serving: ServingDep, settings: SettingsDep) -> Asked[QueryIn]:
    """A prompt is limited by the model's positions, which only the engine can count."""
    if body.question:
        prompt = question_prompt("question", body.question, serving, settings)
    else:
        prompt = serving.text_prompt(body.prompt or "")
    asked = (
        "max_tokens" in body.model_fields_set
    )  # the default must not be beyond a limit that the caller does not know
    ask = ask_of(
        body,
        [prompt],
        key=key,
        settings=settings,
        version=body.version,
        max_tokens=body.max_tokens if asked else min(body.max_tokens, settings.max_tokens),
        logprobs=body.logprobs,
        only_taught=body.only_taught,
    )
    return Asked(body, ask)


@router.post(
    "",
    response_model=AnswerOut,
    response_model_exclude_unset=True,
    responses={
        HTTPStatus.OK.value: {"description": _EVENTS, "content": {EventStream.media_type: {}}},
        **problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.GATEWAY_TIMEOUT),
    },
)
async def query(
    asked: Annotated[Asked[QueryIn], Depends(_asked)],
    request: Request,
    response: Response,
    serving: ServingDep,
) -> AnswerOut | EventStream:
    """Ask the live version, or any published one."""
    return await replied(asked, serving, request, response, _Script, _whole)


def _whole(feed: "Feed", asked: Asked[QueryIn], answers: list[Cited]) -> AnswerOut:
    (answer,) = answers
    return AnswerOut.of(answer)


class _Script:
    """The version, pieces of text, and the answer as a whole; or the problem that ended it."""

    def __init__(self, feed: "Feed", asked: Asked[QueryIn]) -> None:
        (self._generation,) = feed.generations

    def opening(self) -> bytes:
        generation = self._generation
        return event({"version": generation.version, "state_hash": generation.state_hash}, "version")

    def piece(self, index: int, piece: "Piece") -> bytes:
        logprobs = [TokenOut.of(token).model_dump() for token in piece.logprobs]
        return event({"text": piece.text, **({"logprobs": logprobs} if logprobs else {})}, "piece")

    def ending(self, index: int, cited: Cited) -> bytes:
        shown = AnswerOut.of(cited).model_dump(exclude={"logprobs"})  # the pieces had them
        counts = {"prompt_tokens": cited.answer.prompt_tokens, "tokens": cited.answer.tokens}
        return event({**shown, **counts}, "answer")

    def closing(self) -> bytes:
        return b""

    def failure(self, refusal: Refusal) -> bytes:
        return event(refusal.problem(), "error")
