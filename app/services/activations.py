"""Activations: who made which version live, when and why. `versions` makes them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Activation
from app.errors import ActivationNotFound, NotBootstrapped
from app.services.pages import Page, newest, page_of


@dataclass(frozen=True)
class Move:
    """An activation: a head moved to `version`; requests in flight on what is no part of that shall end, or not."""

    id: int
    namespace: str
    version: int
    previous: int | None
    abort_in_flight: bool


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[Activation]:
    """Moves of the head, newest first, older than `cursor`."""
    query = select(Activation).where(Activation.namespace == namespace)
    found = session.scalars(newest(query, Activation.id, cursor, limit)).all()
    return page_of(found, limit, lambda one: one.id)


def at(session: Session, namespace: str, moment: datetime) -> Activation:
    """The move that was in force at a moment; of one to come, the newest. Raises ActivationNotFound, NotBootstrapped.

    Moves are in the order of their ids: they were made one after the other, under the lock of the head.
    """
    mine = select(Activation).where(Activation.namespace == namespace)
    found = session.scalar(mine.where(Activation.created_at <= moment).order_by(Activation.id.desc()).limit(1))
    if found is not None:
        return found
    first = session.scalar(mine.order_by(Activation.id).limit(1))
    if first is None:
        raise NotBootstrapped(f"namespace {namespace!r} has no version yet: no model has been loaded")
    began = f"the first went live at {first.created_at.isoformat()}"
    raise ActivationNotFound(f"at: no version was live at {moment.isoformat()}; {began}")


def write(session: Session, activation: Activation) -> None:
    """Add an activation, in turn with those of all namespaces until the caller's transaction ends.

    So numbers become visible in their order: who has read one has read all smaller ones, and can go on from there.
    Whoever comes here has locked the heads that it needs, so nothing waits in a circle.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("activations", 0))))
    session.add(activation)
    session.flush()


def moves(session: Session, after: int) -> list[Move]:
    """The moves of all heads that came after activation `after`, oldest first."""
    found = session.scalars(select(Activation).where(Activation.id > after).order_by(Activation.id))
    return [Move(one.id, one.namespace, one.version_id, one.previous_id, one.abort_in_flight) for one in found]


def moves_after(session: Session, after: int) -> int:
    """How many times heads have moved since activation `after`."""
    return session.scalar(select(func.count()).where(Activation.id > after)) or 0


def traceparent(session: Session, namespace: str, version_id: int) -> str | None:
    """The span in which a version was made live last."""
    query = select(Activation.traceparent).where(Activation.namespace == namespace, Activation.version_id == version_id)
    return session.scalar(query.order_by(Activation.id.desc()).limit(1))


def last_move(session: Session) -> int:
    """The newest activation of all. Raises NotBootstrapped."""
    found = session.scalar(select(Activation.id).order_by(Activation.id.desc()).limit(1))
    if found is None:
        raise NotBootstrapped("there is no version yet: no model has been loaded")
    return found
