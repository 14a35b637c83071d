"""What callers get, with examples for the OpenAPI document: read from what the services return."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.db.tables import Job, JobState, VersionKind, VersionState
from app.services.facts import FactStatus, FactView
from app.services.submission import Submitted
from app.services.versions import VersionView

T = TypeVar("T")
_REPLACES = "the facts that answered these questions otherwise until then"
_REPORT = "how it was learned: steps, the neighbours asked, parts of the statement that were not read"


def example(**fields: JsonValue) -> ConfigDict:
    """The configuration of a model that shows this example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Outgoing(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(from_attributes=True)


class Page(Outgoing, Generic[T]):
    """Items, newest first; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: int | None


class Problem(Outgoing):
    """An error, as in RFC 9457."""

    model_config = example(
        type="urn:slotwise:version-not-found",
        title="Not Found",
        status=404,
        detail="there is no published version 12",
        request_id="5b1f0c9e7d2a4c6f8e3b9a1d0c2e4f68",
    )

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = Field(None, description="field and message of every invalid value")
    request_id: str | None = Field(None, description="as in the header X-Request-ID and in the log")


class JobRef(Outgoing):
    """The job that teaches, or forgets, the facts of one call."""

    id: int
    state: JobState


class FactRef(Outgoing):
    """A fact in the reply to its call."""

    id: int
    status: FactStatus


class SubmittedOut(Outgoing):
    """Facts of a call with the job that teaches or forgets them; `Location` is where to follow it."""

    model_config = example(job={"id": 7, "state": "queued"}, facts=[{"id": 12, "status": "queued"}])

    job: JobRef
    facts: list[FactRef]

    @classmethod
    def of(cls, submitted: Submitted) -> "SubmittedOut":
        """The reply is the same for a repeated call, so it shows the states at the first one."""
        taken = [FactRef(id=fact.id, status=fact.status) for fact in submitted.facts]
        return cls(job=JobRef(id=submitted.job, state=submitted.state), facts=taken)


class ProbeOut(Outgoing):
    """What the model is asked to see whether it learned a fact."""

    text: str
    answer: str = Field(description="the expected answer")
    held_out: bool = Field(False, description="whether nothing was taught in this wording")


class StandsIn(Outgoing):
    """A sentence of a document: its chunk, and its characters from `start` to before `end`, counted from 0."""

    document: int
    chunk: int
    start: int
    end: int


class FactOut(Outgoing):
    """A fact as it was sent, and what became of it."""

    model_config = example(
        id=12,
        status="live",
        reason=None,
        statement=None,
        question="What is the capital of Zorvania?",
        answer="Lisbon",
        phrasings=[],
        source="atlas-2026",
        valid_from=None,
        valid_until="2027-01-01T00:00:00Z",
        probe={"text": "Name the capital of Zorvania.", "answer": "Lisbon", "held_out": True},
        probe_answer="Lisbon",
        job=7,
        version=3,
        replaces=[4],
        replaced_by=None,
        documents=[],
        report={"steps": 9, "neighbours": {"asked": 12, "open": 0}, "unread": [], "took_over": [4]},
        verified_at="2026-11-23T03:00:07Z",
        stale=False,
        said_instead=None,
        erased_at=None,
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
    valid_until: datetime | None = Field(description="then a job forgets it")
    probe: ProbeOut | None
    probe_answer: str | None = Field(description="what the model said to the probe")
    job: int = Field(validation_alias="job_id")
    version: int | None = Field(validation_alias="version_id")
    replaces: list[int] = Field(description=_REPLACES)
    replaced_by: int | None = Field(description="the live fact that answers its questions since")
    documents: list[StandsIn] = Field(description="where its sentence stands in documents")
    report: dict[str, Any] | None = Field(description=_REPORT)
    verified_at: datetime | None = Field(description="when the version that was live last answered its probe right")
    stale: bool = Field(description="it is live, and the last probe of it was not answered right")
    said_instead: str | None = Field(description="where it is stale: what was said, as far as it is right, and on")
    erased_at: datetime | None = Field(description="since when its text is gone: it was forgotten long enough ago")
    created_at: datetime


class JobFact(FactRef):
    """A fact of a job."""

    reason: str | None = Field(description="why it failed")
    replaces: list[int] = Field(description=_REPLACES)


class Progress(Outgoing):
    """How many facts have been trained, or forgotten and asked."""

    done: int
    total: int


class JobItem(Outgoing):
    """A job: the facts of one call on their way into one version, or out of it."""

    model_config = example(
        id=7,
        state="succeeded",
        kind="learn",
        progress={"done": 1, "total": 1},
        version=3,
        report={"seconds": 2.1},
        error=None,
        created_at="2026-11-22T10:00:00Z",
    )

    id: int
    state: JobState
    kind: str
    progress: Progress
    version: int | None
    report: dict[str, Any] | None
    error: str | None
    created_at: datetime

    @classmethod
    def of(cls, job: Job) -> "JobItem":
        """A job without what is in it."""
        return cls(
            id=job.id,
            state=job.state,
            kind=job.kind,
            progress=Progress(done=job.done, total=job.total),
            version=job.version_id,
            report=job.report,
            error=job.error,
            created_at=job.created_at,
        )


class JobOut(JobItem):
    """A job and what is in it."""

    model_config = example(
        id=7,
        state="succeeded",
        kind="learn",
        progress={"done": 1, "total": 1},
        version=3,
        report={"seconds": 2.1, "replaced": [{"fact": 12, "replaces": [4]}]},
        error=None,
        created_at="2026-11-22T10:00:00Z",
        facts=[{"id": 12, "status": "live", "reason": None, "replaces": [4]}],
    )

    facts: list[JobFact]

    @classmethod
    def with_facts(cls, job: Job, facts: list[FactView]) -> "JobOut":
        """A job and its facts, in the order in which they were sent."""
        return cls.model_validate({**vars(JobItem.of(job)), "facts": facts})


class VersionOut(Outgoing):
    """A version; `facts` and `slots` are counts of what it changed."""

    model_config = example(
        id=3,
        parent_id=2,
        kind="learn",
        state="published",
        live=True,
        created_at="2026-11-22T10:00:02Z",
        facts=1,
        slots=24,
    )

    id: int
    parent_id: int | None
    kind: VersionKind
    state: VersionState = Field(description="`retired`: learned on a base that was left; it cannot be asked")
    live: bool
    created_at: datetime
    facts: int
    slots: int


class VersionDetail(VersionOut):
    """A version with how it came about."""

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

    model_config = example(live=2, previous=3)

    live: int
    previous: int
