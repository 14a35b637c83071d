"""Namespaces: whose facts, keys and versions are kept apart."""

from datetime import datetime

from sqlalchemy import Identity, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class Namespace(Base):
    """A namespace, as it was made; its row in `heads` says what is live there."""

    __tablename__ = "namespaces"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    reason: Mapped[str | None]
    actor: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
