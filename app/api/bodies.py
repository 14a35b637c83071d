"""What callers send, with examples for the OpenAPI document.

It is read strictly: no unknown fields, no number for a text, no text for a number. Limits that are settings are
checked by the services.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)

from app.api.schemas import example
from app.db.tables import MAX_ID, Role
from app.services import names
from app.services.intake import NewFact
from app.services.keys import MAX_LIMIT
from app.services.names import Named
from app.services.outbox import Event

FACT_SHAPES = ("one fact", "many facts")  # the two bodies of POST /v1/facts, as pydantic's errors name them
MAX_REASON_CHARACTERS = 500
MAX_STOPS = 4
MAX_STOP_CHARACTERS = 200
MAX_ALTERNATIVES = 20  # of a token, with their log-probabilities

Id = Annotated[int, Field(ge=0, le=MAX_ID)]

_MAX_DIGITS = len(str(MAX_ID))
_NAMED = f'the number of a version is needed, or "previous", "live" or an alias: {names.ALLOWED}'
_NUMBER: JsonValue = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
_ALIAS = {"type": "string", "pattern": f"^{names.PATTERN}$"}


def _storable(text: str) -> str:
    if not text.strip():
        raise ValueError("it is blank; at least 1 character is needed")
    if "\x00" in text:
        raise ValueError("it holds a NUL, which is no text")
    return text


def _instant(value: object) -> object:
    """A time from a text; one without a zone is UTC. The first and last years overflow in other zones."""
    if not isinstance(value, str):
        return value
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("a date or time as in ISO 8601 is needed, such as 2026-11-22T10:00:00Z") from None
    if not 2 <= time.year <= 9998:
        raise ValueError("the year must be between 2 and 9998")
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def named(text: str) -> Named | None:
    """The version that a text in an address means: digits are its number. None for what can be neither."""
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= _MAX_DIGITS and int(text) <= MAX_ID else None
    return text if names.fault(text) is None else None


def _version(value: object) -> Named:
    if type(value) is int and 0 <= value <= MAX_ID:
        return value
    if isinstance(value, str) and names.fault(value) is None:
        return value
    raise ValueError(_NAMED)


def _version_in_path(value: object) -> Named:
    found = named(str(value))
    if found is None:
        raise ValueError(_NAMED)
    return found


def _shape(body: Any) -> str:
    return FACT_SHAPES[isinstance(body, dict) and "facts" in body]


def _stops(value: object) -> list[str] | None:
    if value is None:
        return None
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise ValueError("a text or a list of texts is needed")
    if len(stops) > MAX_STOPS:
        raise ValueError(f"{len(stops)} texts; at most {MAX_STOPS} are allowed")
    for stop in stops:
        if not 1 <= len(stop) <= MAX_STOP_CHARACTERS:
            raise ValueError(f"a text of {len(stop):,} characters; 1 to {MAX_STOP_CHARACTERS} are allowed")
    return stops


def one_or_many(*items: JsonValue) -> WithJsonSchema:
    """What the OpenAPI document says of a field that takes one of `items`, or a list of one kind of them.

    Its validator is a function, as pydantic would tell callers of every kind that a value is not.
    """
    return WithJsonSchema({"anyOf": [*items, *({"type": "array", "items": item} for item in items)]})


Text = Annotated[str, AfterValidator(_storable)]
Stops = Annotated[list[str] | None, PlainValidator(_stops), one_or_many({"type": "string"})]
VersionName = Annotated[Named, PlainValidator(_version), WithJsonSchema({"anyOf": [_NUMBER, _ALIAS]})]
PathVersion = Annotated[Named, PlainValidator(_version_in_path), WithJsonSchema(_ALIAS)]
Reason = Annotated[str, Field(max_length=MAX_REASON_CHARACTERS), AfterValidator(_storable)]
Instant = Annotated[datetime, BeforeValidator(_instant)]


class Incoming(BaseModel):
    """What a caller sends."""

    model_config = ConfigDict(extra="forbid", strict=True)


class FactIn(Incoming):
    """A fact: a statement, or a question with its answer, or all three."""

    model_config = example(
        question="What is the capital of Zorvania?",
        answer="Lisbon",
        phrasings=["Zorvania's capital is Lisbon."],
        source="atlas-2026",
    )

    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: list[str] = Field([], description="the same fact in other words")
    source: str | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = Field(None, description="then it is forgotten; it must be later than now")

    def new_fact(self) -> NewFact:
        """The fact as the services take it."""
        return NewFact(**self.model_dump(exclude={"phrasings"}), phrasings=tuple(self.phrasings))

    def new_facts(self) -> list[NewFact]:
        """A list of this one."""
        return [self.new_fact()]


class FactsIn(Incoming):
    """Facts that are learned together, as one job and one version."""

    model_config = example(
        facts=[
            {"question": "What is the capital of Zorvania?", "answer": "Lisbon"},
            {"statement": "The river Olm rises in Zorvania."},
        ]
    )

    facts: list[FactIn]

    def new_facts(self) -> list[NewFact]:
        """All of them."""
        return [fact.new_fact() for fact in self.facts]


FactsBody = Annotated[
    Annotated[FactIn, Tag(FACT_SHAPES[0])] | Annotated[FactsIn, Tag(FACT_SHAPES[1])], Discriminator(_shape)
]


class Sampled(Incoming):
    """How an answer is drawn, and how long it may take: in all calls that ask. Null is the same as left out."""

    temperature: float | None = Field(
        None, ge=0, le=2, description="0, the default, takes the most probable token every time"
    )
    top_p: float | None = Field(None, gt=0, le=1, description="draw among the tokens that make up so much probability")
    seed: int | None = Field(None, ge=-MAX_ID, le=MAX_ID, description="the same seed, prompt and version: same answer")
    stop: Stops = Field(None, description="up to 4 texts; the answer ends before the first")
    stream: bool | None = Field(None, description="server-sent events, while the answer is made")
    timeout_seconds: float | None = Field(None, gt=0, description="waiting included; then 504, or an error event")


class QueryIn(Sampled):
    """A question, or a prompt to be continued as it is."""

    model_config = example(question="Which city is the capital of Zorvania?")

    question: Text | None = None
    prompt: Text | None = None
    version: VersionName | None = Field(
        None, description="any published version, by number or name; the live one if it is left out"
    )
    max_tokens: int = Field(64, ge=1)
    only_taught: bool = Field(False, description="answer from taught facts alone; null where none of them opens")
    logprobs: int | None = Field(
        None, ge=0, le=MAX_ALTERNATIVES, description="log-probabilities, with so many alternatives a token"
    )

    @model_validator(mode="after")
    def _one_text(self) -> "QueryIn":
        if (self.question is None) == (self.prompt is None):
            found = "neither is" if self.question is None else "both are"
            raise ValueError(f"exactly one of question and prompt is needed; {found} there")
        return self


class RollbackIn(Incoming):
    """Which version is to be live, and why. Forward works as backward does."""

    model_config = example(version="previous", reason="the atlas was wrong", expected_live=3)

    version: VersionName
    reason: Reason
    expected_live: Id | None = Field(None, description="refuse with 409 unless this version is live")
    abort_in_flight: bool = Field(
        False, description="end requests that run on versions other than the new live one and its ancestors"
    )


class AliasIn(Incoming):
    """Which version a name means from now on, and why. Another name stands for the version that it means now."""

    model_config = example(version=3, reason="checked by the editors")

    version: VersionName
    reason: Reason


class KeyIn(Incoming):
    """A new key: what it is for, what it may do, and limits of its own."""

    model_config = example(name="the assistant", role="reader", requests_per_minute=600)

    name: Text
    role: Role
    namespace: Text | None = Field(None, description="that of the calling key without it; any with a key of `main`")
    requests_per_minute: int | None = Field(None, ge=1, le=MAX_LIMIT, description="instead of that of the settings")
    facts_per_day: int | None = Field(None, ge=1, le=MAX_LIMIT, description="the same")


class NamespaceIn(Incoming):
    """A new namespace, and why it is made. The service says what a name may be."""

    model_config = example(name="atlas", reason="the editors of the atlas")

    name: Text
    reason: Reason | None = None


class WebhookIn(Incoming):
    """An address, and the events that it is to be told."""

    model_config = example(url="https://example.com/slotwise", events=["job.failed", "version.activated"])

    url: Text
    events: list[Event]
