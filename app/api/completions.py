"""/v1/completions, as OpenAI's clients call it: prompts, continued as they are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, JsonValue, field_validator

from app.api.asking import ask_of
from app.api.bodies import Text
from app.api.deps import Reader, ServingDep, SettingsDep
from app.api.openai import ASKED, Chunks, Finish, OpenAIBody, Reply, Usage, only
from app.api.schemas import Outgoing, example
from app.api.streams import EventStream, answers
from app.errors import InvalidInput

if TYPE_CHECKING:
    from app.serving import Ask, Feed
    from model.engine import Answer, Piece, TokenLogprob

router = APIRouter(prefix="/v1/completions", tags=["openai"])
_MAX_ALTERNATIVES = 5  # as OpenAI says for this call


class CompletionIn(OpenAIBody):
    """One prompt or several; all are continued by the same version."""

    model_config = example(model="slotwise", prompt="Which city is the capital of Zorvania?\n", max_tokens=16)

    prompt: Text | list[Text]
    max_tokens: int | None = Field(None, ge=1, description="of each answer; 16 if it is left out")
    logprobs: int | None = Field(None, ge=0, le=_MAX_ALTERNATIVES)
    best_of: Annotated[JsonValue, only(1)] = None
    echo: Annotated[JsonValue, only(False)] = None
    suffix: Annotated[JsonValue, only("")] = None

    @field_validator("prompt", mode="before")
    @classmethod
    def _texts(cls, prompt: object) -> object:
        if isinstance(prompt, list) and not prompt:
            raise ValueError("the list is empty; at least 1 prompt is needed")
        if isinstance(prompt, list) and not isinstance(prompt[0], str):
            raise ValueError("texts are needed; prompts of token numbers are not supported")
        return prompt

    @property
    def prompts(self) -> list[str]:
        """All of them."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class CompletionLogprobs(Outgoing):
    """Of every token: its logarithm of probability, the most probable ones in its place, where it begins."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int] = Field(description="characters of the tokens before it")

    @classmethod
    def of(cls, tokens: "Sequence[TokenLogprob]", offset: int = 0) -> "CompletionLogprobs":
        """Of tokens that stand behind `offset` characters of others."""
        offsets = []
        for token in tokens:
            offsets.append(offset)
            offset += len(token.token)
        return cls(
            tokens=[token.token for token in tokens],
            token_logprobs=[token.logprob for token in tokens],
            # Pieces of characters can read alike; the most probable of them, which comes first, is the one named.
            top_logprobs=[dict(reversed(token.top)) for token in tokens],
            text_offset=offsets,
        )


class CompletionChoice(Outgoing):
    """The answer to one prompt."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Finish


class Completion(Reply):
    """Answers in the order of their prompts."""

    model_config = example(
        id="cmpl-5d1f",
        object="text_completion",
        created=1795341600,
        model="slotwise@3",
        system_fingerprint="9f2c61b0a4d37e58",
        choices=[{"index": 0, "text": "Lisbon", "logprobs": None, "finish_reason": "stop"}],
        usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    )

    object: Literal["text_completion"] = "text_completion"
    choices: list[CompletionChoice]
    usage: Usage


def _asked(body: CompletionIn, key: Reader, settings: SettingsDep) -> "tuple[CompletionIn, Ask]":
    if len(body.prompts) > settings.max_prompts:
        raise InvalidInput(f"prompt: {len(body.prompts):,} prompts; at most {settings.max_prompts:,} are allowed")
    ask = ask_of(
        body,
        body.prompts,
        key=key,
        settings=settings,
        version=body.version,
        max_tokens=min(16, settings.max_tokens) if body.max_tokens is None else body.max_tokens,
        logprobs=body.logprobs,
    )
    return body, ask


@router.post("", response_model=Completion, responses=ASKED)
async def complete(
    asked: Annotated["tuple[CompletionIn, Ask]", Depends(_asked)],
    request: Request,
    response: Response,
    serving: ServingDep,
) -> Completion | EventStream:
    """Continue prompts, as OpenAI's `completions.create` asks for it."""
    body, ask = asked
    if body.stream:
        feed = await serving.stream(ask)
        return EventStream(feed, _Script(feed, body))
    feed = await serving.ask(ask)
    found = await answers(feed, request, response)
    choices = [_choice(index, answer) for index, answer in enumerate(found)]
    return Completion(**Reply.opening(feed, "cmpl"), choices=choices, usage=Usage.of(found))


def _choice(index: int, answer: "Answer") -> CompletionChoice:
    logprobs = None if answer.logprobs is None else CompletionLogprobs.of(answer.logprobs)
    return CompletionChoice(index=index, text=answer.text, logprobs=logprobs, finish_reason=answer.finish)


class _Script(Chunks):
    """A chunk a piece, each naming its prompt."""

    def __init__(self, feed: "Feed", body: CompletionIn) -> None:
        super().__init__(Reply.opening(feed, "cmpl"), "text_completion", usage=body.counts_usage)
        self._offsets = [0] * len(feed.generations)

    def opening(self) -> bytes:
        return b""

    def piece(self, index: int, piece: "Piece") -> bytes:
        logprobs = None
        if piece.logprobs:
            logprobs = CompletionLogprobs.of(piece.logprobs, self._offsets[index]).model_dump()
            self._offsets[index] += sum(len(token.token) for token in piece.logprobs)
        return self.chunk(_delta(index, piece.text, logprobs, None))

    def last_choice(self, index: int, finish: Finish) -> dict[str, Any]:
        return _delta(index, "", None, finish)


def _delta(index: int, text: str, logprobs: dict[str, Any] | None, finish: Finish | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
