"""Processes that serve the model, and versions that they have built."""

from datetime import datetime

from sqlalchemy import ForeignKey, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import ZERO, Base, Json


class EngineRow(Base):
    """A process that serves the model: what it answers with now, what it tells of itself, and when it did so last."""

    __tablename__ = "engines"

    id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    state_hash: Mapped[str]
    followed: Mapped[int] = mapped_column(server_default=ZERO)  # the last activation that it has followed
    report: Mapped[Json | None]
    heartbeat: Mapped[datetime | None] = mapped_column(server_default=func.now())  # none once it has stopped


class Acknowledgement(Base):
    """An engine has built a version: the state hash it found, its answers to the probes."""

    __tablename__ = "acknowledgements"

    engine_id: Mapped[str] = mapped_column(ForeignKey("engines.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    state_hash: Mapped[str]
    answers: Mapped[list[Json]]  # [{"fact", "text", "correct"}]
    tries: Mapped[int] = mapped_column(server_default=text("1"))  # how often the engine has built it
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
