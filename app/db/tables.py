"""The tables, and nothing but the tables: what PostgreSQL keeps is the truth of the service.

`migrations/` creates them; a test compares the two. The rules that move rows from state to state are in
`app/services/`.
"""

from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BASE_VERSION = 0
MAX_ID = 2**63 - 1  # a larger number from a caller is no id, and PostgreSQL would refuse it

Role = Literal["reader", "writer", "operator", "admin"]  # in ascending order
VersionKind = Literal["base", "learn", "forget"]
VersionState = Literal["ready", "published", "rejected", "superseded", "retired"]
JobKind = Literal["learn", "forget", "relearn"]
JobState = Literal["queued", "running", "verifying", "succeeded", "failed", "rejected", "cancelled"]
FactState = Literal["queued", "learning", "verifying", "learned", "failed", "cancelled"]
UNDECIDED: tuple[FactState, ...] = ("queued", "learning", "verifying")
UNFINISHED: tuple[JobState, ...] = ("queued", "running", "verifying")

Json = dict[str, Any]
_ZERO = text("0")
_JSON = JSONB(none_as_null=True)  # None is SQL's NULL, never the JSON text `null`


class Base(DeclarativeBase):
    """What all tables share: named constraints, times with a zone, jsonb, texts without a width."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads this name from the class
        int: BigInteger,
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        Json: _JSON,
        list[str]: _JSON,
        list[Json]: _JSON,
        VersionKind: Text,
        VersionState: Text,
        JobKind: Text,
        JobState: Text,
        FactState: Text,
        Role: Text,
    }


def _one_of(column: str, values: object) -> CheckConstraint:
    """The column holds one of the names of a `Literal` type."""
    names = ", ".join(f"'{name}'" for name in get_args(values))
    return CheckConstraint(f"{column} IN ({names})", name=column)


class ApiKey(Base):
    """A key of the API; only its hash is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (_one_of("role", Role),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    role: Mapped[Role]
    key_sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  # to the hour
    requests_per_minute: Mapped[int | None]  # none: that of the settings, as below
    facts_per_day: Mapped[int | None]


class Job(Base):
    """Facts that become one version together: learned, of a POST or a base that was left, or forgotten."""

    __tablename__ = "jobs"
    __table_args__ = (
        _one_of("kind", JobKind),
        _one_of("state", JobState),
        Index(None, "namespace", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    kind: Mapped[JobKind] = mapped_column(server_default="learn")
    state: Mapped[JobState] = mapped_column(server_default="queued")
    done: Mapped[int] = mapped_column(server_default=_ZERO)
    total: Mapped[int]
    attempts: Mapped[int] = mapped_column(server_default=_ZERO)
    epoch: Mapped[int | None]  # of the lease under which it was last claimed
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id", use_alter=True))
    report: Mapped[Json | None]
    error: Mapped[str | None]
    api_key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))
    traceparent: Mapped[str | None]  # the span of its call, which the steps of the job join
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Call(Base):
    """A call with an idempotency key, and the reply that a repeated one gets."""

    __tablename__ = "calls"

    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    body_sha256: Mapped[str]
    reply: Mapped[Json]  # {"job", "state", "facts": [{"id", "status"}]}
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class JobEvent(Base):
    """What happened to a job, in order; rows are only ever added."""

    __tablename__ = "job_events"
    __table_args__ = (Index(None, "job_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    kind: Mapped[str]
    data: Mapped[Json]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Version(Base):
    """A version of the model: a node of the tree, and the rows that differ from its parent's."""

    __tablename__ = "versions"
    __table_args__ = (
        _one_of("kind", VersionKind),
        _one_of("state", VersionState),
        CheckConstraint("(kind = 'base') = (delta IS NULL)", name="delta"),
        CheckConstraint("(kind = 'base') = (parent_id IS NULL)", name="parent"),
        Index(None, "namespace", "state", "id"),
        Index(None, "parent_id"),
    )

    # 0 is the base version, inserted by name; the numbers that PostgreSQL gives begin at 1.
    id: Mapped[int] = mapped_column(Identity(start=1), primary_key=True)
    namespace: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))
    kind: Mapped[VersionKind]
    state: Mapped[VersionState]
    delta: Mapped[bytes | None] = mapped_column(deferred=True)  # megabytes: read by name only
    delta_sha256: Mapped[str | None]
    state_hash: Mapped[str]
    fingerprint: Mapped[str]
    fact_count: Mapped[int] = mapped_column(server_default=_ZERO)
    slot_count: Mapped[int] = mapped_column(server_default=_ZERO)
    report: Mapped[Json | None]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Anchor(Base):
    """What a version differs from the base in, so that a cold start reads no long path of deltas.

    Made from deltas, and made again when it is lost: nothing here is the only copy of anything.
    """

    __tablename__ = "anchors"

    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True, autoincrement=False)
    parts: Mapped[int]
    bytes: Mapped[int]  # of all parts
    sha256: Mapped[str]  # of all parts, one behind the other
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AnchorPart(Base):
    """A part of an anchor; numbers count from 0."""

    __tablename__ = "anchor_parts"

    version_id: Mapped[int] = mapped_column(ForeignKey("anchors.version_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes]


class VersionSlot(Base):
    """A slot that a version writes: for which fact, with what score, and how much the fact's wordings read it."""

    __tablename__ = "version_slots"
    __table_args__ = (Index(None, "fact_id"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fact_id: Mapped[int | None] = mapped_column(ForeignKey("facts.id"))  # none where rows had no owner yet
    score: Mapped[float]
    access_count: Mapped[float]  # how much the fact's wordings read it, of all that they read


class Head(Base):
    """What is live in a namespace, and who may learn: this row is the only lock of the main line."""

    __tablename__ = "heads"

    namespace: Mapped[str] = mapped_column(primary_key=True)
    live_version: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    lease_owner: Mapped[str | None]
    lease_epoch: Mapped[int] = mapped_column(server_default=_ZERO)
    lease_heartbeat: Mapped[datetime | None]


class Activation(Base):
    """One move of a head; rows are only ever added, so this is the history of what was live."""

    __tablename__ = "activations"
    __table_args__ = (Index(None, "namespace", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))
    reason: Mapped[str]
    actor: Mapped[str]
    abort_in_flight: Mapped[bool] = mapped_column(server_default=text("false"))
    traceparent: Mapped[str | None]  # the span that engines join which follow
    # Not now(), when the transaction began: it may have waited for the head, and would be dated before the last move.
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Alias(Base):
    """A name of a version, as it was set last. The row of a deleted one stays, so that racing changes meet at it."""

    __tablename__ = "aliases"
    __table_args__ = (UniqueConstraint("namespace", "name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    name: Mapped[str]
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))  # none once it is deleted
    reason: Mapped[str]
    actor: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class AliasChange(Base):
    """A name was set or deleted; rows are only ever added."""

    __tablename__ = "alias_changes"
    __table_args__ = (Index(None, "namespace", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    name: Mapped[str]
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))  # none: it was deleted
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))
    reason: Mapped[str]
    actor: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Fact(Base):
    """A fact as it was sent. Its state ends at `learned`, `failed` or `cancelled`; the head says whether it is live."""

    __tablename__ = "facts"
    __table_args__ = (
        _one_of("state", FactState),
        Index(None, "job_id"),
        Index(None, "source", "id"),
        Index(None, "version_id"),
        Index(None, "namespace", "content_sha256"),
        Index(None, "namespace", "question_sha256"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))
    statement: Mapped[str | None]
    question: Mapped[str | None]
    answer: Mapped[str | None]
    phrasings: Mapped[list[str]]
    source: Mapped[str | None]
    valid_from: Mapped[datetime | None]
    content_sha256: Mapped[str]
    question_sha256: Mapped[str | None]  # of the question that it was posted with, if any
    answer_sha256: Mapped[str | None]
    state: Mapped[FactState] = mapped_column(server_default="queued")
    reason: Mapped[str | None]
    probe: Mapped[Json | None]  # {"text", "answer", "held_out"}
    probe_answer: Mapped[str | None]
    report: Mapped[Json | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FactReplacement(Base):
    """A fact has taken over rows of another one, and gives another answer: where it is live, the other is replaced."""

    __tablename__ = "fact_replacements"
    __table_args__ = (Index(None, "replaced_id"),)

    fact_id: Mapped[int] = mapped_column(ForeignKey("facts.id"), primary_key=True, autoincrement=False)
    replaced_id: Mapped[int] = mapped_column(ForeignKey("facts.id"), primary_key=True, autoincrement=False)


class Forgetting(Base):
    """A fact that a job is to forget, or has: where the job's version is live, what is gone is forgotten.

    Facts that nobody named are gone, too, where they were told by rows of one that was.
    """

    __tablename__ = "forgettings"
    __table_args__ = (Index(None, "job_id"),)

    fact_id: Mapped[int] = mapped_column(ForeignKey("facts.id"), primary_key=True, autoincrement=False)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), primary_key=True, autoincrement=False)
    named: Mapped[bool]  # by the call
    gone: Mapped[bool] = mapped_column(server_default=text("false"))  # the job's version does not tell it


class EngineRow(Base):
    """A process that serves the model: what it answers with now, what it tells of itself, and when it did so last."""

    __tablename__ = "engines"

    id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    state_hash: Mapped[str]
    followed: Mapped[int] = mapped_column(server_default=_ZERO)  # the last activation that it has followed
    report: Mapped[Json | None]
    heartbeat: Mapped[datetime | None] = mapped_column(server_default=func.now())  # none once it has stopped


class Acknowledgement(Base):
    """An engine has built a version: the state hash it found, its answers to the probes."""

    __tablename__ = "acknowledgements"

    engine_id: Mapped[str] = mapped_column(ForeignKey("engines.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    state_hash: Mapped[str]
    answers: Mapped[list[Json]]  # [{"fact", "text", "correct"}]
    tries: Mapped[int] = mapped_column(server_default=text("1"))  # how often the engine has built it
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
