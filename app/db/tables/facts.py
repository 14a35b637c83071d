"""Facts as they were sent, and which of them replaced or forgot another."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base, FactState, Json, one_of


class Fact(Base):
    """A fact as it was sent. Its state ends at `learned`, `failed` or `cancelled`; the head says whether it is live."""

    __tablename__ = "facts"
    __table_args__ = (
        one_of("state", FactState),
        Index(None, "job_id"),
        Index(None, "source", "id"),
        Index(None, "version_id"),
        Index(None, "namespace", "content_sha256"),
        Index(None, "namespace", "question_sha256"),
        Index(None, "namespace", "valid_until", postgresql_where=text("valid_until IS NOT NULL")),
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
    valid_until: Mapped[datetime | None]  # then a job forgets it
    content_sha256: Mapped[str]
    question_sha256: Mapped[str | None]  # of the question that it was posted with, if any
    answer_sha256: Mapped[str | None]
    state: Mapped[FactState] = mapped_column(server_default="queued")
    reason: Mapped[str | None]
    probe: Mapped[Json | None]  # {"text", "answer", "held_out"}
    probe_answer: Mapped[str | None]
    report: Mapped[Json | None]
    verified_at: Mapped[datetime | None]  # when its probe was answered right last, on what was live then
    stale_at: Mapped[datetime | None]  # since when it is not; none: it is
    stale_said: Mapped[str | None]  # what is said instead
    erased_at: Mapped[datetime | None]  # since when its text is gone
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
