"""Versions: the tree of what the model has been, and the head that says which of them is live."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import tracing
from app.db import slices
from app.db.among import among
from app.db.session import transaction
from app.db.tables import BASE_VERSION, MAIN, Activation, Head, Json, Namespace, Version, VersionKind, VersionState
from app.errors import (
    DamagedDelta,
    LiveVersionConflict,
    NotBootstrapped,
    VersionNotFound,
    WrongCheckpoint,
)
from app.services import activations, audit, names, outbox
from app.services.audit import Actor
from app.services.names import Named
from app.services.pages import Page, newest, page_of


@dataclass(frozen=True)
class Live:
    """The version that new requests get."""

    version: int
    state_hash: str


@dataclass(frozen=True)
class Activated:
    """The head has moved from `previous` to `live`."""

    live: int
    previous: int


@dataclass(frozen=True)
class VersionView:
    """A version as readers see it; `facts` and `slots` are counts."""

    id: int
    parent_id: int | None
    kind: VersionKind
    state: VersionState
    live: bool
    facts: int
    slots: int
    state_hash: str
    fingerprint: str
    job_id: int | None
    report: Json | None
    created_at: datetime


def bootstrap(session: Session, fingerprint: str, state_hash: str) -> None:
    """Make the base version and the namespace `main`, unless they are there. Any process may call this at any start.

    Raises WrongCheckpoint when the data belong to another base.
    """
    base = {"id": BASE_VERSION, "namespace": MAIN, "kind": "base", "state": "published"}
    base |= {"fingerprint": fingerprint, "state_hash": state_hash}
    with transaction(session):
        session.execute(insert(Version).values(base).on_conflict_do_nothing())
        found = session.scalars(select(Version.fingerprint).where(Version.id == BASE_VERSION)).one()
        if found != fingerprint:
            raise WrongCheckpoint(
                f"the data belong to the base {found}, and the one loaded is {fingerprint}; "
                "`slotwise relearn` teaches their live facts anew on it"
            )
        begin(session, MAIN, "first start", "slotwise")


def begin(session: Session, namespace: str, reason: str | None, actor: str) -> bool:
    """Make a namespace whose live version is the base; False where there is one of this name. The caller commits."""
    row = insert(Namespace).values(name=namespace, reason=reason, actor=actor)
    if session.scalar(row.on_conflict_do_nothing().returning(Namespace.id)) is None:
        return False
    session.add(Head(namespace=namespace, live_version=BASE_VERSION))
    activations.write(
        session,
        Activation(namespace=namespace, version_id=BASE_VERSION, reason=reason or "a new namespace", actor=actor),
    )
    return True


def head(session: Session, namespace: str) -> Live:
    """What is live now. Raises NotBootstrapped before any process has loaded a checkpoint."""
    found = heads(session, [namespace]).get(namespace)
    if found is None:
        raise NotBootstrapped(f"namespace {namespace!r} has no version yet: no model has been loaded")
    return found


def heads(session: Session, namespaces: Collection[str] | None = None) -> dict[str, Live]:
    """What is live in some namespaces, or in all, by one query; those that do not exist are missing."""
    query = select(Head.namespace, Version.id, Version.state_hash).join(Version, Version.id == Head.live_version)
    if namespaces is not None:
        query = query.where(among(Head.namespace, namespaces))
    return {row.namespace: Live(row.id, row.state_hash) for row in session.execute(query)}


def within(namespace: str) -> ColumnElement[bool]:
    """The versions of a namespace: its own, and the base, at which each begins."""
    return or_(Version.namespace == namespace, Version.id == BASE_VERSION)


def own(session: Session, namespace: str) -> set[int]:
    """The numbers of all versions of a namespace but the base."""
    mine = select(Version.id).where(Version.namespace == namespace, Version.id != BASE_VERSION)
    return set(session.scalars(mine))


def live(session: Session, version_id: int) -> Live:
    """What a version is when it is live. Raises VersionNotFound."""
    state_hash = session.scalar(select(Version.state_hash).where(Version.id == version_id))
    if state_hash is None:
        raise VersionNotFound(f"there is no version {version_id}")
    return Live(version_id, state_hash)


def locked_head(session: Session, namespace: str) -> Head:
    """The head row, locked until the caller's transaction ends: the only lock of the main line.

    Locking the newest activation would not do: under READ COMMITTED the waiter wakes with the old row.
    """
    query = select(Head).where(Head.namespace == namespace).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotBootstrapped(f"namespace {namespace!r} has no version yet: no model has been loaded")
    return row


def lineage(session: Session, version_id: int) -> list[int]:
    """The versions from the base to `version_id`, both included. Raises VersionNotFound."""
    line = select(Version.id, Version.parent_id).where(Version.id == version_id).cte("line", recursive=True)
    line = line.union_all(select(Version.id, Version.parent_id).join(line, Version.id == line.c.parent_id))
    ids = list(session.scalars(select(line.c.id)))
    if not ids:
        raise VersionNotFound(f"there is no version {version_id}")
    return sorted(ids)  # a parent is always older than its child


def live_lineage(namespaces: Collection[str] | None = None) -> CTE:
    """(namespace, version_id) of heads and their ancestors, in some namespaces or all: what is told live."""
    heads = select(Head.namespace, Head.live_version.label("version_id"))
    line = (heads if namespaces is None else heads.where(Head.namespace.in_(namespaces))).cte("live", recursive=True)
    parents = select(line.c.namespace, Version.parent_id).join(Version, Version.id == line.c.version_id)
    return line.union_all(parents.where(Version.parent_id.is_not(None)))


def deltas(
    session: Session, ids: Sequence[int], rest: Callable[[], None] = slices.no_rest
) -> Iterator[tuple[int, bytearray]]:
    """The deltas of versions, in the order of `ids`, each read when its turn comes; the base has none.

    rest  called between short pieces of work, for the sake of other threads
    Raises VersionNotFound, and DamagedDelta when bytes do not match their checksum.
    """
    query = select(Version.id, func.octet_length(Version.delta).label("bytes"), Version.delta_sha256)
    stored = {row.id: row for row in session.execute(query.where(Version.id.in_(ids)))}
    rest()
    for version_id in ids:
        if version_id == BASE_VERSION:
            continue
        if version_id not in stored:
            raise VersionNotFound(f"there is no version {version_id}")
        checksum = stored[version_id].delta_sha256
        delta = slices.delta(session, version_id, stored[version_id].bytes, rest)
        if hashlib.sha256(delta).hexdigest() != checksum:
            raise DamagedDelta(f"the delta of version {version_id} does not match its checksum {checksum}")
        yield version_id, delta


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[VersionView]:
    """Versions that answer or have answered, newest first, older than `cursor`.

    One that was rejected or superseded never answered anybody; one that is retired did, on another base.
    """
    query = _views(namespace).where(Version.state.in_(("published", "retired")))
    rows = session.execute(newest(query, Version.id, cursor, limit)).all()
    return page_of([_view(row) for row in rows], limit, lambda view: view.id)


def get(session: Session, namespace: str, version_id: int) -> VersionView:
    """One version in any state: the report of a rejected one says why. Raises VersionNotFound."""
    row = session.execute(_views(namespace).where(Version.id == version_id)).one_or_none()
    if row is None:
        raise VersionNotFound(f"there is no version {version_id}")
    return _view(row)


def published(session: Session, version_id: int) -> Version:
    """A version of any namespace, to be exported. Raises VersionNotFound when it was never published."""
    version = session.scalar(select(Version).where(Version.id == version_id, Version.state == "published"))
    if version is None:
        raise VersionNotFound(f"there is no published version {version_id}")
    return version


def resolve(session: Session, namespace: str, target: Named) -> int:
    """The number of a version that a caller names. Raises NoPreviousVersion, VersionNotFound."""
    return names.resolved(session, namespace, head(session, namespace).version, target)


def activate(
    session: Session,
    namespace: str,
    target: Named,
    *,
    reason: str,
    actor: Actor,
    expected_live: int | None = None,
    abort_in_flight: bool = False,
) -> Activated:
    """Make a published version live, back or forward; "previous" is the parent of the live one.

    abort_in_flight  let every engine end the requests that run on versions other than this and its ancestors
    Raises LiveVersionConflict, NoPreviousVersion, VersionNotFound.
    """
    with transaction(session):
        head_row = locked_head(session, namespace)
        live = head_row.live_version
        if expected_live is not None and live != expected_live:
            raise LiveVersionConflict(f"version {live} is live, not {expected_live}")
        wanted = names.resolved(session, namespace, live, target)
        published = select(Version.id).where(within(namespace), Version.state == "published")
        if session.scalar(published.where(Version.id == wanted)) is None:
            raise VersionNotFound(f"there is no published version {wanted}")
        if wanted != live or abort_in_flight:
            move_head(session, head_row, wanted, reason=reason, actor=actor.name, abort_in_flight=abort_in_flight)
            audit.record(session, actor, "versions.rollback", f"version {wanted}", reason)
    return Activated(live=wanted, previous=live)


def move_head(
    session: Session,
    head_row: Head,
    version_id: int,
    *,
    reason: str,
    actor: str,
    abort_in_flight: bool = False,
    traceparent: str | None = None,
) -> None:
    """Move a locked head, and write the move down. The caller commits.

    traceparent  the span that engines join which follow; None for the current one
    """
    activations.write(
        session,
        Activation(
            namespace=head_row.namespace,
            version_id=version_id,
            previous_id=head_row.live_version,
            reason=reason,
            actor=actor,
            abort_in_flight=abort_in_flight,
            traceparent=traceparent or tracing.traceparent(),
        ),
    )
    told = {"version": version_id, "previous": head_row.live_version, "actor": actor}
    outbox.emit(session, head_row.namespace, "version.activated", **told)
    head_row.live_version = version_id


def _views(namespace: str) -> Select[Version, str | None]:
    """Each version of a namespace, with the namespace itself where its head stands on it."""
    query = select(Version, Head.namespace)
    query = query.outerjoin(Head, and_(Head.live_version == Version.id, Head.namespace == namespace))
    return query.where(within(namespace))


def _view(row: Row[Version, str | None]) -> VersionView:
    version, head_of = row
    return VersionView(
        id=version.id,
        parent_id=version.parent_id,
        kind=version.kind,
        state=version.state,
        live=head_of is not None,
        facts=version.fact_count,
        slots=version.slot_count,
        state_hash=version.state_hash,
        fingerprint=version.fingerprint,
        job_id=version.job_id,
        report=version.report,
        created_at=version.created_at,
    )
