"""/v1/completions, as OpenAI's clients and evaluation harnesses call it: prompts, continued as they are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, JsonValue, PlainValidator

from app.api.asking import Asked, ask_of, replied
from app.api.bodies import one_or_many
from app.api.citations import CitationOut, Cited
from app.api.deps import Reader, ServingDep, SettingsDep
from app.api.openai import ASKED, Chunks, Finish, OpenAIBody, Reply, Usage, finish_of, only, warnings
from app.api.schemas import Outgoing, example
from app.api.streams import EventStream
from app.errors import InvalidInput

if TYPE_CHECKING:
    from app.serving import Feed, Serving
    from model.base.prompts import Prompt
    from model.engine import Answer, Piece, TokenLogprob

router = APIRouter(prefix="/v1/completions", tags=["openai"])
_MAX_ALTERNATIVES = 5  # as OpenAI says for this call
_DEFAULT_TOKENS = 16  # the same


def _prompts(value: object) -> list[str | list[int]]:
    """A text, several, the token ids of one, or of several."""
    if isinstance(value, str) or (isinstance(value, list) and value and all(type(each) is int for each in value)):
        value = [value]
    if not isinstance(value, list) or not all(map(_is_prompt, value)):
        raise ValueError("a text or a list of texts is needed; or token ids, or a list of such lists")
    if not value:
        raise ValueError("the list is empty; at least 1 prompt is needed")
    if any("\x00" in each for each in value if isinstance(each, str)):
        raise ValueError("it holds a NUL, which is no text")
    return value


def _is_prompt(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(type(each) is int for each in value))


_IDS: JsonValue = {"type": "array", "items": {"type": "integer"}}
PromptsIn = Annotated[list[str | list[int]], PlainValidator(_prompts), one_or_many({"type": "string"}, _IDS)]


class CompletionIn(OpenAIBody):
    """One prompt or several; all are continued by the same version."""

    model_config = example(model="slotwise", prompt="The capital of Zorvania is", max_tokens=16)

    prompt: PromptsIn
    max_tokens: int | None = Field(
        None, ge=0, description=f"of each answer; {_DEFAULT_TOKENS} if it is left out; 0 with echo alone"
    )
    logprobs: int | None = Field(None, ge=0, le=_MAX_ALTERNATIVES)
    echo: bool | None = Field(None, description="the prompt in front of the answer, with its log-probabilities")
    best_of: Annotated[JsonValue, only(1)] = None
    suffix: Annotated[JsonValue, only("")] = None


class CompletionLogprobs(Outgoing):
    """Of every token: its logarithm of probability, the most probable ones in its place, where it begins.

    Null where there is none: of the first token of a prompt, and of an end token.
    """

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int] = Field(description="characters of the tokens before it")

    @classmethod
    def of(cls, tokens: "Sequence[TokenLogprob | str]", offset: int = 0) -> "CompletionLogprobs":
        """Of tokens that stand behind `offset` characters of others; those without a figure are texts."""
        offsets = []
        for token in tokens:
            offsets.append(offset)
            offset += len(token if isinstance(token, str) else token.token)
        return cls(
            tokens=[token if isinstance(token, str) else token.token for token in tokens],
            token_logprobs=[None if isinstance(token, str) else token.logprob for token in tokens],
            # Pieces of characters can read alike; the most probable of them, which comes first, is the one named.
            top_logprobs=[None if isinstance(token, str) else dict(reversed(token.top)) for token in tokens],
            text_offset=offsets,
        )


class CompletionChoice(Outgoing):
    """The answer to one prompt."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Finish
    citations: list[CitationOut] = Field(description="taught facts that the answer was read from")


class Completion(Reply):
    """Answers in the order of their prompts."""

    model_config = example(
        id="cmpl-5d1f",
        object="text_completion",
        created=1795341600,
        model="slotwise@3",
        system_fingerprint="9f2c61b0a4d37e58",
        choices=[{"index": 0, "text": " Lisbon.", "logprobs": None, "finish_reason": "stop", "citations": []}],
        usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    )

    object: Literal["text_completion"] = "text_completion"
    choices: list[CompletionChoice]
    usage: Usage


def _asked(body: CompletionIn, key: Reader, serving: ServingDep, settings: SettingsDep) -> Asked[CompletionIn]:
    if len(body.prompt) > settings.max_prompts:
        raise InvalidInput(f"prompt: {len(body.prompt):,} prompts; at most {settings.max_prompts:,} are allowed")
    if body.max_tokens == 0 and not body.echo:
        raise InvalidInput("max_tokens: 0; at least 1 is needed without echo")
    if body.echo and body.stream:
        raise InvalidInput("echo: it is not supported in a stream; leave one of them out")
    ask = ask_of(
        body,
        [_prompt(serving, each) for each in body.prompt],
        key=key,
        settings=settings,
        version=body.version,
        max_tokens=min(_DEFAULT_TOKENS, settings.max_tokens) if body.max_tokens is None else body.max_tokens,
        logprobs=body.logprobs,
        echo=bool(body.echo),
    )
    return Asked(body, ask, warnings(body.unused))


def _prompt(serving: "Serving", given: str | list[int]) -> "Prompt":
    """Token ids must be those of a text: so harnesses make them, and a control token would be more than text."""
    if isinstance(given, str):
        return serving.text_prompt(given)
    prompts = serving.engine.checkpoint.prompts
    tokens = len(prompts.tokenizer)
    if not all(0 <= token < tokens for token in given):
        raise InvalidInput(f"prompt: a token id is not from 0 to {tokens - 1:,}, as those of the model are")
    prompt = serving.text_prompt(prompts.text(given))
    if list(prompt.ids)[-len(given) :] != given:
        raise InvalidInput(
            "prompt: these token ids are not what the model's tokenizer makes of their text; send the text"
        )
    return prompt


@router.post("", response_model=Completion, responses=ASKED)
async def complete(
    asked: Annotated[Asked[CompletionIn], Depends(_asked)],
    request: Request,
    response: Response,
    serving: ServingDep,
) -> Completion | EventStream:
    """Continue prompts, as OpenAI's `completions.create` asks for it."""
    return await replied(asked, serving, request, response, _Script, _whole)


def _whole(feed: "Feed", asked: Asked[CompletionIn], answers: list[Cited]) -> Completion:
    choices = [
        _choice(index, cited, prompt if asked.body.echo else None)
        for index, (cited, prompt) in enumerate(zip(answers, asked.ask.prompts, strict=True))
    ]
    return Completion(**Reply.opening(feed, "cmpl"), choices=choices, usage=Usage.of(answers))


def _choice(index: int, cited: Cited, echoed: "Prompt | None") -> CompletionChoice:
    answer = cited.answer
    return CompletionChoice(
        index=index,
        text=answer.text if echoed is None else echoed.turns[0] + answer.text,
        logprobs=None if answer.logprobs is None else CompletionLogprobs.of(_tokens(answer, answer.logprobs, echoed)),
        finish_reason=finish_of(cited),
        citations=cited.citations,
    )


def _tokens(
    answer: "Answer", produced: "Sequence[TokenLogprob]", echoed: "Prompt | None"
) -> "Sequence[TokenLogprob | str]":
    """The tokens of a reply with their figures: where it is echoed the prompt's in front, the end token behind.

    Nothing stands before the first token of a prompt, so it has no figure. Harnesses ask for one token behind a prompt
    and drop one: the end token must be there, too.
    """
    if echoed is None:
        return produced
    first = echoed.turns[0][: echoed.ends[0]]
    tokens: list[TokenLogprob | str] = [first, *(answer.prompt_logprobs or ()), *produced]
    return [*tokens, ""] if answer.finish == "stop" and not produced and not answer.tokens else tokens


class _Script(Chunks):
    """A chunk a piece, each naming its prompt."""

    def __init__(self, feed: "Feed", asked: Asked[CompletionIn]) -> None:
        super().__init__(Reply.opening(feed, "cmpl"), "text_completion", usage=asked.body.counts_usage)
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
