"""/v1/chat/completions, as OpenAI's clients call it: the next turn of a conversation.

Instructions, history and context go to the model, by the chat template of its base.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict, Field, JsonValue, PlainValidator, WithJsonSchema, field_validator, model_validator

from app.api.asking import Asked, ask_of, replied
from app.api.bodies import MAX_ALTERNATIVES, Incoming
from app.api.citations import CitationOut, Cited
from app.api.deps import Reader, ServingDep, SettingsDep
from app.api.openai import ASKED, Chunks, Finish, Ignored, OpenAIBody, Reply, Usage, finish_of, only, warnings
from app.api.schemas import Outgoing, example
from app.api.streams import EventStream

if TYPE_CHECKING:
    from app.serving import Feed
    from model.engine import Piece, TokenLogprob

router = APIRouter(prefix="/v1/chat/completions", tags=["openai"])
_HALF_A_CHARACTER = "\ufffd"


def _content(value: object) -> str:
    """The text of a message: itself, its parts of the type text, or nothing, as beside calls of tools."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in value):
        texts = [part.get("text") for part in value]
    else:
        texts = [value]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is needed, or a list of parts of the type text")
    text = "".join(texts)
    if "\x00" in text:
        raise ValueError("it holds a NUL, which is no text")
    return text


_PART: JsonValue = {
    "type": "object",
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
    "required": ["type", "text"],
}
Content = Annotated[
    str,
    PlainValidator(_content),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": _PART}, {"type": "null"}]}),
]
_TOOLS = ("tool", "function")


class MessageIn(Incoming):
    """A turn of a conversation. What clients keep beside its text, such as ids and calls of tools, is not used."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content = ""
    audio: Annotated[JsonValue, only()] = None

    @property
    def unused(self) -> list[str]:
        """The fields that were sent and do nothing here."""
        return [f"messages.{name}" for name, value in (self.model_extra or {}).items() if value not in (None, [])]


def turns(messages: Sequence[MessageIn]) -> list[dict[str, str]]:
    """A conversation as templates take it: system, user and assistant, none of them without text.

    OpenAI renamed «system» to «developer», and templates know the first. What a tool gave is told as the user's, in the
    turn beside which it stands: many templates know no tools, and take no two turns of one side.
    """
    told: list[dict[str, str]] = []
    was_tool = False
    for message in messages:
        is_tool = message.role in _TOOLS
        role = "user" if is_tool else "system" if message.role == "developer" else message.role
        if not message.content.strip():
            continue
        if role == "user" and told and told[-1]["role"] == "user" and (is_tool or was_tool):
            told[-1]["content"] += f"\n\n{message.content}"
        else:
            told.append({"role": role, "content": message.content})
        was_tool = is_tool
    return told


class ChatIn(OpenAIBody):
    """A conversation; its last turn is the user's, or what a tool gave."""

    model_config = example(
        model="slotwise",
        messages=[
            {"role": "system", "content": "You are the assistant of an atlas. Answer in one sentence."},
            {"role": "user", "content": "Which city is the capital of Zorvania?"},
        ],
    )

    messages: list[MessageIn]
    max_tokens: int | None = Field(None, ge=1, description="as many as are allowed if it is left out")
    max_completion_tokens: int | None = Field(None, ge=1, description="the same by its newer name")
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=MAX_ALTERNATIVES)
    safety_identifier: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_retention: Ignored = None
    service_tier: Ignored = None
    reasoning_effort: Ignored = None
    verbosity: Ignored = None
    parallel_tool_calls: Ignored = None
    tools: Annotated[JsonValue, only([])] = None
    tool_choice: Annotated[JsonValue, only("none", "auto")] = None
    functions: Annotated[JsonValue, only([])] = None
    function_call: Annotated[JsonValue, only("none", "auto")] = None
    response_format: Annotated[JsonValue, only({"type": "text"})] = None
    modalities: Annotated[JsonValue, only(["text"])] = None
    audio: Annotated[JsonValue, only()] = None
    prediction: Annotated[JsonValue, only()] = None
    web_search_options: Annotated[JsonValue, only()] = None

    ignored: ClassVar[tuple[str, ...]] = (
        *OpenAIBody.ignored,
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
        "reasoning_effort",
        "verbosity",
        "parallel_tool_calls",
    )

    @property
    def unused(self) -> list[str]:
        """The fields that were sent and do nothing here, those of messages too."""
        return [*super().unused, *(name for message in self.messages for name in message.unused)]

    @field_validator("messages")
    @classmethod
    def _ends_with_the_user(cls, messages: list[MessageIn]) -> list[MessageIn]:
        if not messages:
            raise ValueError("the list is empty; at least 1 message is needed")
        if messages[-1].role not in ("user", *_TOOLS):
            raise ValueError(f"the last one is of the {messages[-1].role}; the user's turn must be the last")
        if not messages[-1].content.strip():
            raise ValueError("the last one is blank; at least 1 character is needed")
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
    citations: list[CitationOut] = Field(description="taught facts that the answer was read from")


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
                "citations": [{"fact": 12, "source": "atlas-2026", "gate": 0.93}],
            }
        ],
        usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    )

    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]
    usage: Usage


def _asked(body: ChatIn, key: Reader, serving: ServingDep, settings: SettingsDep) -> Asked[ChatIn]:
    prompt = serving.chat_prompt(turns(body.messages))
    room = serving.engine.checkpoint.positions - len(prompt.ids)
    ask = ask_of(
        body,
        [prompt],
        key=key,
        settings=settings,
        version=body.version,
        max_tokens=body.max_completion_tokens or body.max_tokens or max(1, min(settings.max_tokens, room)),
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
    )
    return Asked(body, ask, warnings(body.unused))


@router.post("", response_model=ChatCompletion, responses=ASKED)
async def chat(
    asked: Annotated[Asked[ChatIn], Depends(_asked)],
    request: Request,
    response: Response,
    serving: ServingDep,
) -> ChatCompletion | EventStream:
    """Answer a conversation, as OpenAI's `chat.completions.create` asks for it."""
    return await replied(asked, serving, request, response, _Script, _whole)


def _whole(feed: "Feed", asked: Asked[ChatIn], answers: list[Cited]) -> ChatCompletion:
    (cited,) = answers
    answer = cited.answer
    choice = ChatChoice(
        message=ChatMessage(content=answer.text),
        logprobs=None if answer.logprobs is None else ChatLogprobs.model_validate(_logprobs(answer.logprobs)),
        finish_reason=finish_of(cited),
        citations=cited.citations,
    )
    return ChatCompletion(**Reply.opening(feed, "chatcmpl"), choices=[choice], usage=Usage.of(answers))


def _logprobs(tokens: "Sequence[TokenLogprob]") -> dict[str, Any]:
    made = ChatAlternative.made
    content = [made(each.token, each.logprob, top_logprobs=[made(*other) for other in each.top]) for each in tokens]
    return {"content": content, "refusal": None}


class _Script(Chunks):
    """The role, a chunk a piece, why it ended."""

    def __init__(self, feed: "Feed", asked: Asked[ChatIn]) -> None:
        super().__init__(Reply.opening(feed, "chatcmpl"), "chat.completion.chunk", usage=asked.body.counts_usage)

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
