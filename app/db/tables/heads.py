"""What is live, what was, and what versions are called."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import ZERO, Base


class Head(Base):
    """What is live in a namespace, and who may learn: this row is the only lock of the main line."""

    __tablename__ = "heads"

    namespace: Mapped[str] = mapped_column(primary_key=True)
    live_version: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    lease_owner: Mapped[str | None]
    lease_epoch: Mapped[int] = mapped_column(server_default=ZERO)
    lease_heartbeat: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]  # when a job was last begun: who has waited longest is next


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
