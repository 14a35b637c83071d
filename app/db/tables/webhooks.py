"""Addresses that are told what happens, and what they were told or are to be."""

from datetime import datetime
from typing import Literal

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import ZERO, Base

DeliveryState = Literal["pending", "delivered", "failed"]


class Webhook(Base):
    """An address, the events that it wants, and the secret that signs what is sent there; none once it is deleted."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    url: Mapped[str]
    events: Mapped[list[str]]
    secret: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]


class Delivery(Base):
    """One event for one address, stored with what it tells of. Its message is the same at every try."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state"),
        Index(None, "webhook_id", "id"),
        Index("ix_deliveries_due", "next_at", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id"))
    message_id: Mapped[str] = mapped_column(unique=True)
    event: Mapped[str]
    body: Mapped[str]  # as it is signed and sent
    state: Mapped[str] = mapped_column(server_default="pending")
    tries: Mapped[int] = mapped_column(server_default=ZERO)
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())  # before it nobody tries
    last_at: Mapped[datetime | None]
    last_code: Mapped[int | None]  # of the last reply; none where there was none
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
