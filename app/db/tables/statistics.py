"""How often callers' questions read the addresses of a memory."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class SlotStatistics(Base):
    """The questions that read an address: its slots are read together, so they have one count."""

    __tablename__ = "slot_statistics"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)  # to another base or memory an address is another place
    address: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reads: Mapped[int]


class TrafficRow(Base):
    """How many questions have been counted, of which `slot_statistics` tells what they read, and since when."""

    __tablename__ = "traffic"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    queries: Mapped[int]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    counted_at: Mapped[datetime] = mapped_column(server_default=func.now())  # the last batch
