"""Versions of the model, and the rows that they differ in."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import ZERO, Base, Json, VersionKind, VersionState, one_of


class Version(Base):
    """A version of the model: a node of the tree, and the rows that differ from its parent's."""

    __tablename__ = "versions"
    __table_args__ = (
        one_of("kind", VersionKind),
        one_of("state", VersionState),
        CheckConstraint("(kind = 'base') = (delta IS NULL)", name="delta"),
        CheckConstraint("(kind = 'base') = (parent_id IS NULL)", name="parent"),
        Index(None, "namespace", "state", "id"),
        Index(None, "parent_id"),
        Index("ix_versions_ready", "id", postgresql_where=text("state = 'ready'")),  # all engines look, all the time
    )

    # 0 is the base version, inserted by name; the numbers that PostgreSQL gives begin at 1.
    id: Mapped[int] = mapped_column(Identity(start=1), primary_key=True)
    namespace: Mapped[str]  # that of the base is `main`, and every other begins at it, too
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))
    kind: Mapped[VersionKind]
    state: Mapped[VersionState]
    delta: Mapped[bytes | None] = mapped_column(deferred=True)  # megabytes: read by name only
    delta_sha256: Mapped[str | None]
    state_hash: Mapped[str]
    fingerprint: Mapped[str]
    fact_count: Mapped[int] = mapped_column(server_default=ZERO)
    slot_count: Mapped[int] = mapped_column(server_default=ZERO)
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
    __table_args__ = (Index(None, "fact_id"), Index(None, "slot"))

    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fact_id: Mapped[int | None] = mapped_column(ForeignKey("facts.id"))  # none where rows had no owner yet
    score: Mapped[float | None]  # this and the next are not known of a version that was imported
    access_count: Mapped[float | None]  # how much the fact's wordings read it, of all that they read
