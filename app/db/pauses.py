"""The table of pauses: when learning was stopped and let on again; the newest row of a namespace says which holds."""

from datetime import datetime

from sqlalchemy import Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables import Base


class Pause(Base):
    """Learning was paused or resumed; rows are only ever added."""

    __tablename__ = "pauses"
    __table_args__ = (Index(None, "namespace", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    namespace: Mapped[str]
    paused: Mapped[bool]
    reason: Mapped[str]
    actor: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
