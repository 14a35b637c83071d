"""Namespaces: made, listed, and never taken away. Each begins at the base, and has a live version of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import MAIN, Head, Namespace
from app.errors import InvalidInput, NamespaceNotFound, NamespaceTaken
from app.services import audit, facts, versions
from app.services.audit import Actor
from app.services.pages import Page, newest, page_of

MAX_CHARACTERS = 64
ALLOWED = f"1 to {MAX_CHARACTERS} of a-z, 0-9, dot, hyphen and underscore, the first a letter or digit"

_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAX_CHARACTERS - 1}}}")
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class NamespaceView:
    """A namespace as admins see it; `facts` is how many are live."""

    id: int
    name: str
    live: int
    facts: int
    reason: str | None
    actor: str
    created_at: datetime


def create(session: Session, name: str, *, reason: str | None, actor: Actor) -> NamespaceView:
    """Make a namespace, which tells what the base tells. Raises InvalidInput, NamespaceTaken."""
    if not _NAME.fullmatch(name):
        shown = f"{len(name):,} characters" if len(name) > MAX_CHARACTERS else repr(name[:_SHOWN_CHARACTERS])
        raise InvalidInput(f"name: {shown}; {ALLOWED} are allowed")
    with transaction(session):
        if not versions.begin(session, name, reason, actor.name):
            raise NamespaceTaken(f"there is a namespace {name!r} already")
        audit.record(session, actor, "namespaces.create", f"namespace {name}", reason)
    return page(session, name, None, 1).items[0]


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[NamespaceView]:
    """Namespaces that a namespace sees, newest first, older than `cursor`: itself; `main` sees all."""
    query = select(Namespace, Head.live_version).join(Head, Head.namespace == Namespace.name)
    if namespace != MAIN:
        query = query.where(Namespace.name == namespace)
    rows = session.execute(newest(query, Namespace.id, cursor, limit)).all()
    counts = facts.live_counts(session, [row[0].name for row in rows])
    return page_of([_view(row, counts) for row in rows], limit, lambda view: view.id)


def _view(row: Row[Namespace, int], counts: Mapping[str, int]) -> NamespaceView:
    one, live = row
    return NamespaceView(one.id, one.name, live, counts.get(one.name, 0), one.reason, one.actor, one.created_at)


def check_there_is(session: Session, name: str) -> None:
    """Raises NamespaceNotFound; `main` is there even before a model was loaded."""
    if name != MAIN and session.scalar(select(Namespace.id).where(Namespace.name == name)) is None:
        raise NamespaceNotFound(f"there is no namespace {name[:_SHOWN_CHARACTERS]!r}")
