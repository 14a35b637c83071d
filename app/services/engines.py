"""Engines: the processes that serve the model, as they tell of themselves with every heartbeat."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.clock import heard_within
from app.db.session import transaction
from app.db.tables import Activation, EngineRow, Json
from app.services.versions import Live
from app.settings import Settings

_SHOWN_HOURS = 24


@dataclass(frozen=True)
class Beat:
    """What an engine tells: what it answers with, the last activation that it followed, and what it is doing."""

    engine: str
    live: Live
    followed: int = 0
    report: Json | None = None


@dataclass(frozen=True)
class EngineView:
    """An engine as readers see it.

    alive   versions wait for it before they are published
    lag     moves of the head that it has not followed yet, in any namespace
    report  its views and requests; see `app.serving.report`
    """

    id: str
    alive: bool
    version: int
    state_hash: str
    lag: int
    heartbeat: datetime
    report: Json | None


def beat(session: Session, beat: Beat) -> None:
    """Tell that an engine lives: versions wait for it from now on."""
    row = {"version_id": beat.live.version, "state_hash": beat.live.state_hash}
    row |= {"followed": beat.followed, "report": beat.report, "heartbeat": func.now()}
    with transaction(session):
        beaten = insert(EngineRow).values(id=beat.engine, **row)
        session.execute(beaten.on_conflict_do_update(index_elements=[EngineRow.id], set_=row))


def retire(session: Session, engine: str) -> None:
    """Tell that an engine has stopped in order, so that no version waits for it until its heartbeat is old."""
    with transaction(session):
        session.execute(update(EngineRow).where(EngineRow.id == engine).values(heartbeat=None))


def every(session: Session, settings: Settings) -> list[EngineView]:
    """All engines that were heard of in the last day and have not stopped in order, the newest heartbeat first."""
    missed = select(func.count()).where(Activation.id > EngineRow.followed).correlate(EngineRow)
    fresh = heard_within(EngineRow.heartbeat, settings.engine_fresh_seconds)
    query = select(EngineRow, fresh.label("alive"), missed.scalar_subquery().label("lag"))
    query = query.where(EngineRow.heartbeat > func.now() - timedelta(hours=_SHOWN_HOURS))
    return [
        EngineView(row.id, alive, row.version_id, row.state_hash, lag, row.heartbeat, row.report)
        for row, alive, lag in session.execute(query.order_by(EngineRow.heartbeat.desc(), EngineRow.id))
    ]
