"""Jobs, what happened to them, and when none was begun."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import ZERO, Base, JobKind, JobState, Json, one_of


class Job(Base):
    """Facts that become one version together: learned, of a POST or a base that was left, forgotten, or imported.

    A job of the kind «read» makes no version: it finds the facts of a document, and makes the jobs that learn them.
    One that verifies makes no version: it asks the live one about all of its facts.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("kind", JobKind),
        one_of("state", JobState),
        Index(None, "namespace", "state", "id"),
        Index("ix_jobs_verify", "namespace", "id", postgresql_where=text("kind = 'verify'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    kind: Mapped[JobKind] = mapped_column(server_default="learn")
    state: Mapped[JobState] = mapped_column(server_default="queued")
    done: Mapped[int] = mapped_column(server_default=ZERO)
    total: Mapped[int]
    attempts: Mapped[int] = mapped_column(server_default=ZERO)
    epoch: Mapped[int | None]  # of the lease under which it was last claimed
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id", use_alter=True))
    report: Mapped[Json | None]
    error: Mapped[str | None]
    api_key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))
    traceparent: Mapped[str | None]  # the span of its call, which the steps of the job join
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class JobEvent(Base):
    """What happened to a job, in order; rows are only ever added."""

    __tablename__ = "job_events"
    __table_args__ = (Index(None, "job_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    kind: Mapped[str]
    data: Mapped[Json]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Pause(Base):
    """Learning was paused or resumed; rows are only ever added."""

    __tablename__ = "pauses"
    __table_args__ = (Index(None, "namespace", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    paused: Mapped[bool]
    reason: Mapped[str]
    actor: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
