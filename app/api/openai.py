"""What the calls of OpenAI's API have in common: names of models, what they refuse, usage, chunks.

`slotwise` is the live version, `slotwise@12` is version 12, `slotwise@name` one by its name.
A reply always names the version that gave it.
"""

import json
import re
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from app.api.bodies import Incoming, Sampled, named
from app.api.citations import Cited
from app.api.errors import openai_errors
from app.api.refusals import Refusal
from app.api.schemas import Outgoing
from app.api.streams import EventStream, event
from app.errors import ModelNotFound
from app.services.names import Named

if TYPE_CHECKING:
    from app.serving import Feed

NAME = "slotwise"
FINGERPRINT_CHARACTERS = 16
Finish = Literal["stop", "length"]
# What a call that asks may answer, beside its reply.
ASKED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {"content": {EventStream.media_type: {}}},
    **openai_errors(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.GATEWAY_TIMEOUT,
    ),
}
WARNINGS = "X-Slotwise-Warnings"
_SHOWN_WARNINGS = 8
_NAME = re.compile(r"[\w.\[\]-]{1,60}", re.ASCII)  # others would be no header, or no help
_MODEL = re.compile(rf"{NAME}(?:@(.+))?")


def only(*harmless: JsonValue) -> AfterValidator:
    """For fields of OpenAI's that do nothing here: null and values that ask for nothing pass, others are refused."""

    def check(value: JsonValue) -> JsonValue:
        if value is not None and value not in harmless:
            instead = f"; leave it out, or send {json.dumps(harmless[0])}" if harmless else "; leave it out"
            raise ValueError(f"it is not supported{instead}")
        return value

    return AfterValidator(check)


# For fields that are taken and do nothing; the header of the reply names those that a caller has sent.
Ignored = Annotated[JsonValue, Field(description=f"taken, and not used; the reply names it in {WARNINGS}")]


def warnings(ignored: Iterable[str]) -> dict[str, str]:
    """The header that names what was sent and not used; none where that is nothing. Names are a caller's own."""
    names = sorted({name if _NAME.fullmatch(name) else "a field" for name in ignored})
    if not names:
        return {}
    more = f", and {len(names) - _SHOWN_WARNINGS} more" if len(names) > _SHOWN_WARNINGS else ""
    return {WARNINGS: f"ignored: {', '.join(names[:_SHOWN_WARNINGS])}{more}"}


class StreamOptions(Incoming):
    """What a stream has beside its chunks."""

    include_usage: bool | None = Field(None, description="a last chunk with counts of tokens")
    include_obfuscation: Annotated[JsonValue, only(False)] = None


class OpenAIBody(Sampled):
    """What completions and chat completions both take."""

    model: str = Field(
        description="`slotwise` for the live version, `slotwise@12` for version 12, `slotwise@name` for a named one"
    )
    stream_options: StreamOptions | None = None
    user: Ignored = None
    metadata: Ignored = None
    store: Ignored = None
    top_k: Ignored = None
    min_p: Ignored = None
    n: Annotated[JsonValue, only(1)] = None
    frequency_penalty: Annotated[JsonValue, only(0)] = None
    presence_penalty: Annotated[JsonValue, only(0)] = None
    logit_bias: Annotated[JsonValue, only({})] = None

    ignored: ClassVar[tuple[str, ...]] = ("user", "metadata", "store", "top_k", "min_p")

    @model_validator(mode="after")
    def _options_of_a_stream(self) -> "OpenAIBody":
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options are for a stream; there is no stream: true")
        return self

    @property
    def version(self) -> Named | None:
        """The version asked for; None for the live one. Raises ModelNotFound."""
        return version_of(self.model)

    @property
    def unused(self) -> list[str]:
        """The fields that were sent and do nothing here."""
        return [name for name in self.ignored if getattr(self, name) is not None]

    @property
    def counts_usage(self) -> bool:
        """Whether a stream tells counts of tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class Usage(Outgoing):
    """Counts of tokens; the end token is not counted."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, answers: list[Cited]) -> "Usage":
        """Of all answers of a call."""
        prompt = sum(each.answer.prompt_tokens for each in answers)
        completion = sum(each.answer.tokens for each in answers)
        return cls(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


class Reply(Outgoing):
    """What every reply and chunk opens with."""

    id: str
    created: int = Field(description="seconds since 1970")
    model: str = Field(description="the version that answers")
    system_fingerprint: str = Field(description="the beginning of its state hash")

    @classmethod
    def opening(cls, feed: "Feed", prefix: str) -> dict[str, Any]:
        """These fields, for a call whose generations are in `feed`."""
        generation = feed.generations[0]
        return {
            "id": f"{prefix}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model_name(generation.version),
            "system_fingerprint": generation.state_hash[:FINGERPRINT_CHARACTERS],
        }


class Chunks(ABC):
    """What the scripts of OpenAI's streams share: the same opening in each chunk, one choice, at the end usage.

    kind   `object` of each chunk
    usage  whether counts are told: null until the last chunk, which has no choice
    """

    def __init__(self, opening: dict[str, Any], kind: str, *, usage: bool) -> None:
        self._opening = {**opening, "object": kind}
        self._null_usage: dict[str, Any] = {"usage": None} if usage else {}
        self._wants_usage = usage
        self._answers: list[Cited] = []

    def chunk(self, choice: dict[str, Any]) -> bytes:
        """A chunk with one choice."""
        return event({**self._opening, "choices": [choice], **self._null_usage})

    def ending(self, index: int, cited: Cited) -> bytes:
        """Why the answer to prompt `index` ended, and what it was read from."""
        self._answers.append(cited)
        return self.chunk({**self.last_choice(index, finish_of(cited)), "citations": cited.as_json})

    @abstractmethod
    def last_choice(self, index: int, finish: Finish) -> dict[str, Any]:
        """The choice that says so, in the words of the call."""

    def closing(self) -> bytes:
        """The last events of a stream that came to its end."""
        usage = b""
        if self._wants_usage:
            counts = Usage.of(self._answers).model_dump()
            usage = event({**self._opening, "choices": [], "usage": counts})
        return usage + event("[DONE]")

    def failure(self, refusal: Refusal) -> bytes:
        """The last event of one that did not: OpenAI's clients make an exception of it."""
        return event(refusal.openai())


def finish_of(cited: Cited) -> Finish:
    """Why an answer ended, in OpenAI's words."""
    return "length" if cited.answer.finish == "length" else "stop"


def model_name(version: int) -> str:
    """`slotwise@12`."""
    return f"{NAME}@{version}"


def version_of(model: str) -> Named | None:
    """The version that the name of a model means; None for the live one. Raises ModelNotFound."""
    found = _MODEL.fullmatch(model)
    version = named(found[1]) if found and found[1] else None
    if found is None or (found[1] and version is None):
        shown = model if len(model) <= 60 else f"{model[:60]}… ({len(model):,} characters)"
        raise ModelNotFound(f"there is no model {shown!r}; {NAME} is the live version, {NAME}@12 would be version 12")
    return version
