"""Activations, read: who made which version live, when and why. `versions` writes them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Activation
from app.errors import ActivationNotFound, NotBootstrapped
from app.services.pages import Page, newest, page_of


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
