"""/v1/chat/completions, as OpenAI's clients call it: the next turn of a conversation.

The checkpoint decides how a conversation becomes a prompt (`Checkpoint.chat_prompt`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, JsonValue, field_validator, model_validator

from app.api.asking import ask_of
from app.api.bodies import MAX_ALTERNATIVES, Incoming, Text
from app.api.deps import Reader, ServingDep, SettingsDep
from app.api.openai import ASKED, Chunks, Finish, OpenAIBody, Reply, Usage, only
from app.api.schemas import Outgoing, example
from app.api.streams import EventStream, answers

if TYPE_CHECKING:
    from app.serving import Ask, Feed
    from model.engine import Piece, TokenLogprob

router = APIRouter(prefix="/v1/chat/completions", tags=["openai"])
_HALF_A_CHARACTER = "\ufffd"


class TextPart(Incoming):
    """A part of a message; text is the only kind."""

    type: Literal["text"]
    text: str


class MessageIn(Incoming):
    """A turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart]
    name: str | None = Field(None, description="taken, and not used")
    refusal: Annotated[JsonValue, only()] = None
    tool_calls: Annotated[JsonValue, only([])] = None
    function_call: Annotated[JsonValue, only()] = None
    audio: Annotated[JsonValue, only()] = None
    annotations: Annotated[JsonValue, only([])] = None

    def plain(self) -> dict[str, str]:
        """As templates take it; OpenAI renamed «system» to «developer», and templates know the first."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class ChatIn(OpenAIBody):
    """A conversation; its last turn is the user's."""

    model_config = example(
        model="slotwise", messages=[{"role": "user", "content": "Which city is the capital of Zorvania?"}]
    )

    messages: list[MessageIn]
    max_tokens: int | None = Field(None, ge=1, description="as many as are allowed if it is left out")
    max_completion_tokens: int | None = Field(None, ge=1, description="the same by its newer name")
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MAX_ALTERNATIVES)
    metadata: dict[str, str] | None = Field(None, description="taken, and not used")
    safety_identifier: str | None = Field(None, description="taken, and not used")
    prompt_cache_key: str | None = Field(None, description="taken, and not used")
    store: Annotated[JsonValue, only(False)] = None
    service_tier: Annotated[JsonValue, only("auto", "default")] = None
    tools: Annotated[JsonValue, only([])] = None
    tool_choice: Annotated[JsonValue, only("none", "auto")] = None
    parallel_tool_calls: Annotated[JsonValue, only(True, False)] = None
    functions: Annotated[JsonValue, only([])] = None
    function_call: Annotated[JsonValue, only("none", "auto")] = None
    response_format: Annotated[JsonValue, only({"type": "text"})] = None
    modalities: Annotated[JsonValue, only(["text"])] = None
    audio: Annotated[JsonValue, only()] = None
    prediction: Annotated[JsonValue, only()] = None
    reasoning_effort: Annotated[JsonValue, only("none")] = None
    verbosity: Annotated[JsonValue, only("medium")] = None
    web_search_options: Annotated[JsonValue, only()] = None

    @field_validator("messages")
    @classmethod
    def _ends_with_the_user(cls, messages: list[MessageIn]) -> list[MessageIn]:
        if not messages:
            raise ValueError("the list is empty; at least 1 message is needed")
        if messages[-1].role != "user":
            raise ValueError(f"the last one is of the {messages[-1].role}; the user's turn must be the last")
        return messages

    @model_validator(mode="after")
    def _consistent(self) -> "ChatIn":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if None not in (self.max_tokens, self.max_completion_tokens) and self.max_tokens != self.max_completion_tokens:
            raise ValueError("max_tokens and max_completion_tokens are two names of one number, and differ")
        return self


class ChatAlternative(Outgoing):
    """A token with the logarithm of its probability; `bytes` is null for a piece of a character."""

    token: str
    logprob: float
    bytes: list[int] | None

    @classmethod
    def made(cls, token: str, logprob: float, **more: JsonValue) -> dict[str, Any]:
        """As JSON."""
        encoded = None if _HALF_A_CHARACTER in token else list(token.encode())
        return {"token": token, "logprob": logprob, "bytes": encoded, **more}


class ChatToken(ChatAlternative):
    """A token of the answer, and the most probable ones in its place."""

    top_logprobs: list[ChatAlternative]


class ChatLogprobs(Outgoing):
    """Of every token."""

    content: list[ChatToken]
    refusal: None = None


class ChatMessage(Outgoing):
    """What the model says."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(Outgoing):
    """The one answer."""

    index: int = 0
    message: ChatMessage
    logprobs: ChatLogprobs | None
    finish_reason: Finish


class ChatCompletion(Reply):
    """The next turn."""

    model_config = example(
        id="chatcmpl-5d1f",
        object="chat.completion",
        created=1795341600,
        model="slotwise@3",
        system_fingerprint="9f2c61b0a4d37e58",
        choices=[
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Lisbon", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    )

    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]
    usage: Usage


def _asked(body: ChatIn, key: Reader, serving: ServingDep, settings: SettingsDep) -> "tuple[ChatIn, Ask]":
    prompt = serving.chat_prompt([message.plain() for message in body.messages])
    asked = body.max_completion_tokens or body.max_tokens
    ask = ask_of(
        body,
        [prompt],
        key=key,
        settings=settings,
        version=body.version,
        max_tokens=asked or max(1, min(settings.max_tokens, serving.room(prompt))),
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
    )
    return body, ask


@router.post("", response_model=ChatCompletion, responses=ASKED)
async def chat(
    asked: Annotated["tuple[ChatIn, Ask]", Depends(_asked)],
    request: Request,
    response: Response,
    serving: ServingDep,
) -> ChatCompletion | EventStream:
    """Answer a conversation, as OpenAI's `chat.completions.create` asks for it."""
    body, ask = asked
    if body.stream:
        feed = await serving.stream(ask)
        return EventStream(feed, _Script(feed, body))
    feed = await serving.ask(ask)
    (answer,) = found = await answers(feed, request, response)
    logprobs = None if answer.logprobs is None else ChatLogprobs.model_validate(_logprobs(answer.logprobs))
    choice = ChatChoice(message=ChatMessage(content=answer.text), logprobs=logprobs, finish_reason=answer.finish)
    return ChatCompletion(**Reply.opening(feed, "chatcmpl"), choices=[choice], usage=Usage.of(found))


def _logprobs(tokens: "Sequence[TokenLogprob]") -> dict[str, Any]:
    made = ChatAlternative.made
    content = [made(each.token, each.logprob, top_logprobs=[made(*other) for other in each.top]) for each in tokens]
    return {"content": content, "refusal": None}


class _Script(Chunks):
    """The role, a chunk a piece, why it ended."""

    def __init__(self, feed: "Feed", body: ChatIn) -> None:
        super().__init__(Reply.opening(feed, "chatcmpl"), "chat.completion.chunk", usage=body.counts_usage)

    def opening(self) -> bytes:
        return self.chunk(_choice({"role": "assistant", "content": "", "refusal": None}))

    def piece(self, index: int, piece: "Piece") -> bytes:
        return self.chunk(_choice({"content": piece.text}, _logprobs(piece.logprobs) if piece.logprobs else None))

    def last_choice(self, index: int, finish: Finish) -> dict[str, Any]:
        return _choice({}, finish=finish)


def _choice(
    delta: dict[str, str | None], logprobs: dict[str, Any] | None = None, finish: Finish | None = None
) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
