"""The table of the audit log, beside the others; PostgreSQL itself refuses to change or delete a row of it."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class AuditEntry(Base):
    """A call that has changed something. Numbers have no gaps, and each hash stands on that of the row before."""

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
