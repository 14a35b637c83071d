"""Keys of the API, calls that are made once, and who changed what."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base, Json, Role, one_of


class ApiKey(Base):
    """A key of the API; only its hash is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (one_of("role", Role),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    name: Mapped[str]
    role: Mapped[Role]
    key_sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  # to the hour
    requests_per_minute: Mapped[int | None]  # none: that of the settings, as below
    facts_per_day: Mapped[int | None]


class Call(Base):
    """A call with an idempotency key, and the reply that a repeated one gets."""

    __tablename__ = "calls"

    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    body_sha256: Mapped[str]
    reply: Mapped[Json]  # {"job", "state", "facts": [{"id", "status"}]}
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEntry(Base):
    """A call that has changed something. Numbers have no gaps, and each hash stands on that of the row before.

    PostgreSQL itself refuses to change or delete a row.
    """

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id"))  # none: a command on the service's machine
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    reason: Mapped[str | None]
    request_id: Mapped[str | None]
    hash: Mapped[str]
