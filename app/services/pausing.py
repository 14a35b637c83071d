"""Pausing: what is queued stays queued, nothing is refused, and a worker ends the job that it is in."""

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.session import transaction
from app.db.tables import Pause
from app.services import audit, versions
from app.services.audit import Actor
from app.services.pages import Page, newest, page_of


def put(session: Session, namespace: str, paused: bool, *, reason: str, actor: Actor) -> Pause:
    """Pause learning, or let it go on: once it is paused here, no job is begun. Raises NotBootstrapped."""
    with transaction(session):
        versions.locked_head(session, namespace)  # under which jobs are claimed
        row = Pause(namespace=namespace, paused=paused, reason=reason, actor=actor.name)
        session.add(row)
        session.flush()
        audit.record(session, actor, "learning.pause" if paused else "learning.resume", "learning", reason)
        return row


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[Pause]:
    """When learning was paused and let on, newest first, older than `cursor`."""
    query = newest(select(Pause).where(Pause.namespace == namespace), Pause.id, cursor, limit)
    return page_of(session.scalars(query).all(), limit, lambda one: one.id)


def is_paused(session: Session, namespace: str) -> bool:
    """Whether no job is begun now."""
    return bool(session.scalar(select(is_paused_at(literal(namespace)))))


def is_paused_at(namespace: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The same as a part of a query over namespaces."""
    last = select(Pause.paused).where(Pause.namespace == namespace).order_by(Pause.id.desc()).limit(1)
    return func.coalesce(last.correlate_except(Pause).scalar_subquery(), False)
