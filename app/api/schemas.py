"""What goes in and what comes out, with examples for the OpenAPI document.

What comes in is strict: no unknown fields, no number for a text, no text for a number. Limits that are
settings are checked by the services. What goes out is read from what the services return.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)

from app.db.tables import MAX_ID, Job, JobState, VersionKind, VersionState
from app.services.facts import FactStatus, FactView, Submitted
from app.services.intake import NewFact
from app.services.versions import VersionView

FACT_SHAPES = (
    "one fact",
    "many facts",
)  # names of the two bodies of POST /v1/facts, as pydantic reports them
MAX_REASON_CHARACTERS = 500

Id = Annotated[int, Field(ge=0, le=MAX_ID)]
T = TypeVar("T")


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


def _version(value: object) -> object:
    if value == "previous" or (type(value) is int and 0 <= value <= MAX_ID):
        return value
    raise ValueError('the number of a version is needed, or "previous"')


def _shape(body: Any) -> str:
    return FACT_SHAPES[isinstance(body, dict) and "facts" in body]


Text = Annotated[str, AfterValidator(_storable)]
Instant = Annotated[datetime, BeforeValidator(_instant)]


def _example(**fields: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Incoming(BaseModel):
    """What a caller sends."""

    model_config = ConfigDict(extra="forbid", strict=True)


class FactIn(Incoming):
    """A fact: a statement, or a question with its answer, or all three."""

    model_config = _example(
        question="What is the capital of Zubovia?",
        answer="Lisbon",
        phrasings=["Zubovia's capital is Lisbon."],
        source="atlas-2026",
    )

    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: list[str] = Field([], description="the same fact in other words")
    source: str | None = None
    valid_from: Instant | None = None

    def new_fact(self) -> NewFact:
        """The fact as the services take it."""
        return NewFact(**self.model_dump(exclude={"phrasings"}), phrasings=tuple(self.phrasings))

    def new_facts(self) -> list[NewFact]:
        """A list of this one."""
        return [self.new_fact()]


class FactsIn(Incoming):
    """Facts that are learned together, as one job and one version."""

    model_config = _example(
        facts=[
            {"question": "What is the capital of Zubovia?", "answer": "Lisbon"},
            {"statement": "The river Olm rises in Zubovia."},
        ]
    )

    facts: list[FactIn]

    def new_facts(self) -> list[NewFact]:
        """All of them."""
        return [fact.new_fact() for fact in self.facts]


FactsBody = Annotated[
    Annotated[FactIn, Tag(FACT_SHAPES[0])] | Annotated[FactsIn, Tag(FACT_SHAPES[1])], Discriminator(_shape)
]


class QueryIn(Incoming):
    """A question, or a prompt to be continued as it is."""

    model_config = _example(question="Which city is the capital of Zubovia?")

    question: Text | None = None
    prompt: Text | None = None
    version: Id | None = Field(None, description="any published version; the live one if it is left out")
    max_tokens: int = Field(32, ge=1)

    @model_validator(mode="after")
    def _one_text(self) -> "QueryIn":
        if (self.question is None) == (self.prompt is None):
            found = "neither is" if self.question is None else "both are"
            raise ValueError(f"exactly one of question and prompt is needed; {found} there")
        return self


class RollbackIn(Incoming):
    """Which version is to be live, and why. Forward works as backward does."""

    model_config = _example(version="previous", reason="the atlas was wrong", expected_live=3)

    version: Annotated[Id | Literal["previous"], BeforeValidator(_version)]
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARACTERS), AfterValidator(_storable)]
    expected_live: Id | None = Field(None, description="refuse with 409 unless this version is live")


class Outgoing(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(from_attributes=True)


class Page(Outgoing, Generic[T]):
    """Items, newest first; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: int | None


class Problem(Outgoing):
    """An error, as in RFC 9457."""

    model_config = _example(
        type="urn:slotwise:version-not-found",
        title="Not Found",
        status=404,
        detail="there is no published version 12",
    )

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = Field(None, description="field and message of every invalid value")


class JobRef(Outgoing):
    """The job that teaches the facts of one call."""

    id: int
    state: JobState


class FactRef(Outgoing):
    """A fact in the reply to its POST."""

    id: int
    status: FactStatus


class SubmittedOut(Outgoing):
    """Facts were stored, and wait to be learned; `Location` is where to follow their job."""

    model_config = _example(job={"id": 7, "state": "queued"}, facts=[{"id": 12, "status": "queued"}])

    job: JobRef
    facts: list[FactRef]

    @classmethod
    def of(cls, submitted: Submitted) -> "SubmittedOut":
        """The reply is the same for a repeated call, so it shows the states at the first one."""
        queued = [FactRef(id=fact, status="queued") for fact in submitted.facts]
        return cls(job=JobRef(id=submitted.job, state="queued"), facts=queued)


class ProbeOut(Outgoing):
    """What the model is asked to see whether it learned a fact."""

    kind: Literal["question", "cloze"]
    text: str
    answer: str = Field(description="the expected answer")


class FactOut(Outgoing):
    """A fact as it was sent, and what became of it."""

    model_config = _example(
        id=12,
        status="live",
        reason=None,
        statement=None,
        question="What is the capital of Zubovia?",
        answer="Lisbon",
        phrasings=[],
        source="atlas-2026",
        valid_from=None,
        probe={"kind": "question", "text": "Name the capital of Zubovia.", "answer": "Lisbon"},
        probe_answer="Lisbon",
        job=7,
        version=3,
        report={"steps": 9, "seconds": 1.4},
        created_at="2026-11-22T10:00:00Z",
    )

    id: int
    status: FactStatus
    reason: str | None = Field(description="why it failed")
    statement: str | None
    question: str | None
    answer: str | None
    phrasings: list[str]
    source: str | None
    valid_from: datetime | None
    probe: ProbeOut | None
    probe_answer: str | None = Field(description="what the model said to the probe")
    job: int = Field(validation_alias="job_id")
    version: int | None = Field(validation_alias="version_id")
    report: dict[str, Any] | None
    created_at: datetime


class JobFact(FactRef):
    """A fact of a job."""

    reason: str | None = Field(description="why it failed")


class Progress(Outgoing):
    """How many facts have been trained."""

    done: int
    total: int


class JobOut(Outgoing):
    """A job: the facts of one POST on their way into one version."""

    model_config = _example(
        id=7,
        state="succeeded",
        kind="learn",
        progress={"done": 1, "total": 1},
        version=3,
        report={"seconds": 2.1},
        error=None,
        created_at="2026-11-22T10:00:00Z",
        facts=[{"id": 12, "status": "live", "reason": None}],
    )

    id: int
    state: JobState
    kind: str
    progress: Progress
    version: int | None
    report: dict[str, Any] | None
    error: str | None
    created_at: datetime
    facts: list[JobFact]

    @classmethod
    def of(cls, job: Job, facts: list[FactView]) -> "JobOut":
        """A job and what is in it."""
        progress = {"done": job.done, "total": job.total}
        return cls.model_validate(
            {
                "id": job.id,
                "state": job.state,
                "kind": job.kind,
                "progress": progress,
                "version": job.version_id,
                "report": job.report,
                "error": job.error,
                "created_at": job.created_at,
                "facts": facts,
            }
        )


class AnswerOut(Outgoing):
    """What the model says, and which version of it said so."""

    model_config = _example(answer="Lisbon", version=3)

    answer: str = Field(validation_alias="text")
    version: int


class VersionOut(Outgoing):
    """A version; `facts` and `slots` are counts of what it changed."""

    model_config = _example(
        id=3, parent_id=2, kind="learn", live=True, created_at="2026-11-22T10:00:02Z", facts=1, slots=24
    )

    id: int
    parent_id: int | None
    kind: VersionKind
    live: bool
    created_at: datetime
    facts: int
    slots: int


class VersionDetail(VersionOut):
    """A version with how it came about."""

    state: VersionState
    state_hash: str
    fingerprint: str
    job: int | None = Field(validation_alias="job_id")
    report: dict[str, Any] | None
    fact_list: list[FactOut] = Field(description="the facts that it taught")

    @classmethod
    def of(cls, version: VersionView, facts: list[FactView]) -> "VersionDetail":
        """A version and what it taught."""
        return cls.model_validate({**vars(version), "fact_list": facts})


class ActivatedOut(Outgoing):
    """The head has moved."""

    model_config = _example(live=2, previous=3)

    live: int
    previous: int


class Health(Outgoing):
    """The process answers."""

    model_config = _example(status="ok")

    status: Literal["ok"] = "ok"


class Ready(Outgoing):
    """Queries are answered: the version that the engine gives new requests, and the one at the head."""

    model_config = _example(status="ready", version=3, head=3)

    status: Literal["ready"] = "ready"
    version: int
    head: int
