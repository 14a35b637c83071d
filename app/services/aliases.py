"""Aliases: names that operators give to versions. One follows nothing by itself, and every change is written down."""

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import Alias, AliasChange
from app.errors import AliasNotFound, InvalidInput, NoPreviousVersion
from app.services import audit, kept, names, versions
from app.services.audit import Actor
from app.services.names import Named
from app.services.pages import Page, newest, page_of


@dataclass(frozen=True)
class Derived:
    """What the reserved names mean now; nothing lies before the base."""

    live: int
    previous: int | None


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[Alias]:
    """Aliases, the newest name first, older than `cursor`."""
    query = select(Alias).where(Alias.namespace == namespace, Alias.version_id.is_not(None))
    return page_of(session.scalars(newest(query, Alias.id, cursor, limit)).all(), limit, lambda one: one.id)


def changes(
    session: Session, namespace: str, cursor: int | None, limit: int, name: str | None = None
) -> Page[AliasChange]:
    """What was set and deleted, newest first, older than `cursor`."""
    query = select(AliasChange).where(AliasChange.namespace == namespace)
    if name is not None:
        query = query.where(AliasChange.name == name)
    found = session.scalars(newest(query, AliasChange.id, cursor, limit)).all()
    return page_of(found, limit, lambda one: one.id)


def derived(session: Session, namespace: str) -> Derived:
    """What `live` and `previous` mean now."""
    live = versions.head(session, namespace).version
    try:
        return Derived(live, names.resolved(session, namespace, live, "previous"))
    except NoPreviousVersion:
        return Derived(live, None)


def put(session: Session, namespace: str, name: str, version: Named, *, reason: str, actor: Actor) -> Alias:
    """Let `name` mean a published version from now on. Another name stands for the version that it means now.

    Raises InvalidInput, NoPreviousVersion, VersionNotFound.
    """
    _check(name)
    with transaction(session):
        wanted = kept.one(session, namespace, version).version
        first = insert(Alias).values(namespace=namespace, name=name, reason=reason, actor=actor.name)
        session.execute(first.on_conflict_do_nothing())  # so that there is a row to be locked
        alias = session.scalars(_locked(namespace, name)).one()
        _change(session, alias, wanted, reason, actor)
    return alias


def delete(session: Session, namespace: str, name: str, *, reason: str, actor: Actor) -> None:
    """Let `name` mean nothing. Raises AliasNotFound, InvalidInput."""
    _check(name)
    with transaction(session):
        alias = session.scalars(_locked(namespace, name)).one_or_none()
        if alias is None or alias.version_id is None:
            raise AliasNotFound(f"there is no alias {name!r}")
        _change(session, alias, None, reason, actor)


def _locked(namespace: str, name: str) -> Select[Alias]:
    query = select(Alias).where(Alias.namespace == namespace, Alias.name == name).with_for_update()
    return query.execution_options(populate_existing=True)


def _change(session: Session, alias: Alias, version: int | None, reason: str, actor: Actor) -> None:
    change = AliasChange(namespace=alias.namespace, name=alias.name, version_id=version, previous_id=alias.version_id)
    change.reason, change.actor = reason, actor.name
    session.add(change)
    alias.version_id, alias.reason, alias.actor = version, reason, actor.name
    alias.updated_at = session.scalars(select(func.clock_timestamp())).one()
    action, meant = ("aliases.delete", "") if version is None else ("aliases.put", f" for version {version}")
    audit.record(session, actor, action, f"alias {alias.name}{meant}", reason)


def _check(name: str) -> None:
    if name in names.RESERVED:
        raise InvalidInput(f"name: {name!r} is reserved; it is always {names.RESERVED[name]}")
    if (wrong := names.fault(name)) is not None:
        raise InvalidInput(f"name: {wrong}")
