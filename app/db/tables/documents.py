"""Documents as they were sent, and where their facts stand in them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base, Json


class Document(Base):
    """A document. Its job reads it; once it is forgotten nothing of its text is kept here.

    Offsets count characters of the text, from 0; of its parts only these are kept.
    """

    __tablename__ = "documents"
    __table_args__ = (
        CheckConstraint("format IN ('text', 'markdown')", name="format"),
        Index(None, "job_id"),
        Index(None, "namespace", "content_sha256"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"))
    title: Mapped[str | None]
    source: Mapped[str | None]  # as it was sent; facts without one have the title or the number
    format: Mapped[str]
    text: Mapped[str | None] = mapped_column(deferred=True)
    characters: Mapped[int]
    content_sha256: Mapped[str]  # of text, format, title and source
    chunks: Mapped[list[Json] | None] = mapped_column(deferred=True)  # [{"start", "end", "headings"}], once it is read
    unread: Mapped[list[Json] | None] = mapped_column(deferred=True)  # [{"chunk", "start", "end", "reason"}]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]


class DocumentFact(Base):
    """A fact stands in a document: in which chunk, and from where to where its sentence goes."""

    __tablename__ = "document_facts"
    __table_args__ = (Index(None, "fact_id"),)

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fact_id: Mapped[int] = mapped_column(ForeignKey("facts.id"), primary_key=True, autoincrement=False)
    end: Mapped[int]
    chunk: Mapped[int]
    taught: Mapped[bool]  # this document taught it; else it was live or on its way before
