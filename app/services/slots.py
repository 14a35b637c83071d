"""Slots: who owns them in a version, who wrote them before, and how often callers' questions read them.

Derived from what is kept: a fact has its rows in the slots that its version wrote, until it is corrected, forgotten,
or another fact takes them over; no slot is ever taken from a fact that keeps its rows. Engines read owners from the
rows themselves; a test holds the two against each other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from app.db.among import among
from app.db.tables import Fact, FactReplacement, Forgetting, Job, SlotStatistics, Version, VersionKind, VersionSlot
from app.errors import SlotNotFound
from app.services import facts, kept, slot_statistics, versions
from app.services.facts import FactStatus, FactView
from app.services.names import Named
from app.services.pages import Page, page_of
from app.services.slot_statistics import Counted

SlotOrder = Literal["slot", "reads", "writes", "facts"]
_SHOWN_WRITES = 100


@dataclass(frozen=True)
class Layout:
    """How a memory numbers its slots: slot = address · ways + way; the fingerprint says which memory."""

    fingerprint: str
    addresses: int
    ways: int


@dataclass(frozen=True)
class SlotView:
    """A slot that a version has written.

    owner   the fact whose row stands there in the live version; None where it holds the row of zeros
    writes  versions that have written it; facts, how many facts had it, one behind the other
    reads   questions of callers that read its address, where their answers began
    """

    slot: int
    address: int
    owner: int | None
    writes: int
    facts: int
    reads: int


@dataclass(frozen=True)
class SlotWrite:
    """A version has written a slot for a fact; score and access count are not known of a version that was imported."""

    version: int
    kind: VersionKind
    created_at: datetime
    fact: int | None
    status: FactStatus | None
    question: str | None
    statement: str | None
    answer: str | None
    score: float | None
    access_count: float | None


@dataclass(frozen=True)
class SlotHistory:
    """A slot, and the versions that wrote it, newest first."""

    slot: SlotView
    history: list[SlotWrite]


@dataclass(frozen=True)
class SlotMap:
    """All addresses, in order: questions that read each, ways of it that hold a row, facts that these rows are of."""

    version: int
    counted: Counted
    reads: list[int]
    written: list[int]
    facts: list[int]


@dataclass(frozen=True)
class SlotChange:
    """A slot whose row is another fact's in one version than in another; None is the row of zeros."""

    slot: int
    before: int | None
    after: int | None


def page(
    session: Session,
    namespace: str,
    layout: Layout,
    *,
    order: SlotOrder,
    cursor: int | None,
    limit: int,
    fact: int | None = None,
    address: int | None = None,
) -> Page[SlotView]:
    """Slots that published versions have written, those with most of what `order` names first.

    cursor         the last slot that was seen
    fact, address  leave those that were written for the one, and those of the other
    """
    counted = _counted(namespace, layout.ways, fact, address)
    reads = func.coalesce(SlotStatistics.reads, 0)
    by: ColumnElement[Any] = {**{name: counted.c[name] for name in ("slot", "writes", "facts")}, "reads": reads}[order]
    query = _with_reads(select(counted.c.slot, counted.c.writes, counted.c.facts, reads), counted, layout)
    if cursor is not None:
        seen = _with_reads(select(by), counted, layout).where(counted.c.slot == cursor).scalar_subquery()
        query = query.where(tuple_(by, counted.c.slot) < tuple_(seen, cursor))
    rows = session.execute(query.order_by(by.desc(), counted.c.slot.desc()).limit(limit + 1)).all()
    line = versions.lineage(session, versions.head(session, namespace).version)
    owned = owners(session, line, [row[0] for row in rows])
    views = [
        SlotView(slot, slot // layout.ways, owned.get(slot), writes, many, read) for slot, writes, many, read in rows
    ]
    return page_of(views, limit, lambda view: view.slot)


def get(session: Session, namespace: str, layout: Layout, slot: int) -> SlotHistory:
    """One slot, also one that nobody has written. Raises SlotNotFound for a number that the memory does not have."""
    last = layout.addresses * layout.ways - 1
    if slot > last:
        raise SlotNotFound(f"there is no slot {slot}; the last of this memory is {last}")
    written = select(VersionSlot, Version).join(Version, Version.id == VersionSlot.version_id)
    written = written.where(VersionSlot.slot == slot, Version.namespace == namespace, Version.state == "published")
    rows = session.execute(written.order_by(Version.id.desc())).all()
    named = facts.with_status(namespace).where(Fact.id.in_({row[0].fact_id for row in rows}))
    told = {row[0].id: facts.view(row) for row in session.execute(named)}
    line = versions.lineage(session, versions.head(session, namespace).version)
    reads = select(SlotStatistics.reads).where(
        SlotStatistics.fingerprint == layout.fingerprint, SlotStatistics.address == slot // layout.ways
    )
    view = SlotView(
        slot=slot,
        address=slot // layout.ways,
        owner=owners(session, line, [slot]).get(slot),
        writes=len(rows),
        facts=len(told),
        reads=session.scalar(reads) or 0,
    )
    return SlotHistory(view, [_write(*row, told) for row in rows[:_SHOWN_WRITES]])


def every_address(session: Session, namespace: str, layout: Layout) -> SlotMap:
    """How much each address is read, and how full it is in the live version."""
    live = versions.head(session, namespace).version
    line = versions.lineage(session, live)
    address = VersionSlot.slot // layout.ways
    held = select(address, func.count(), func.count(VersionSlot.fact_id.distinct()))
    held = held.where(_held(line, holders(session, line))).group_by(address)
    reads, written, owned = ([0] * layout.addresses for _ in range(3))
    for number, count in slot_statistics.traffic(session, layout.fingerprint).reads.items():
        reads[number] = count
    for number, ways, many in session.execute(held):
        written[number], owned[number] = ways, many
    return SlotMap(live, slot_statistics.counted(session, layout.fingerprint), reads, written, owned)


def between(session: Session, namespace: str, a: Named, b: Named, cursor: int | None, limit: int) -> Page[SlotChange]:
    """Slots whose owner is another in published version `b` than in `a`, the highest first, below `cursor`.

    Raises NoPreviousVersion, VersionNotFound.
    """
    lines = [versions.lineage(session, kept.one(session, namespace, name).version) for name in (a, b)]
    before, after = (holders(session, line) for line in lines)
    was, is_now = _held(lines[0], before - after), _held(lines[1], after - before)
    fact = func.max(VersionSlot.fact_id)
    query = select(VersionSlot.slot, fact.filter(was), fact.filter(is_now)).where(or_(was, is_now))
    if cursor is not None:
        query = query.where(VersionSlot.slot < cursor)
    rows = session.execute(query.group_by(VersionSlot.slot).order_by(VersionSlot.slot.desc()).limit(limit + 1))
    return page_of([SlotChange(*row) for row in rows], limit, lambda change: change.slot)


def holders(session: Session, line: Collection[int]) -> set[int]:
    """The facts that have rows in a version with this lineage: of an answer that two facts give one has the rows."""
    own = select(Fact.id).where(among(Fact.version_id, line), Fact.state == "learned")
    found = {row[0]: row[1] for row in session.execute(own.add_columns(Fact.report["took_over"]))}
    gone = {fact for took_over in found.values() for fact in took_over or ()}
    gone |= set(session.scalars(select(FactReplacement.replaced_id).where(FactReplacement.fact_id.in_(own))))
    forgotten = select(Forgetting.fact_id).join(Job, Job.id == Forgetting.job_id)
    gone |= set(session.scalars(forgotten.where(Forgetting.gone, among(Job.version_id, line))))
    return set(found) - gone


def owners(session: Session, line: Collection[int], slots: Collection[int]) -> dict[int, int]:
    """The fact that owns each of `slots` in a version with this lineage; the row of zeros has no owner."""
    wrote = select(VersionSlot.slot, VersionSlot.fact_id).where(
        among(VersionSlot.slot, slots), among(VersionSlot.version_id, line)
    )
    rows = session.execute(wrote.where(VersionSlot.fact_id.is_not(None))).all()
    having = holders(session, line) if rows else set()
    return {slot: fact for slot, fact in rows if fact in having}


def _held(line: Collection[int], facts: Collection[int]) -> ColumnElement[bool]:
    """Slots that these facts wrote by versions of a line: what an attempt wrote that was not published is none."""
    return and_(among(VersionSlot.fact_id, facts), among(VersionSlot.version_id, line))


def _counted(namespace: str, ways: int, fact: int | None, address: int | None) -> Subquery:
    """By slot, the versions and the facts that have written it."""
    many = func.count(VersionSlot.fact_id.distinct()).label("facts")
    query = select(VersionSlot.slot, func.count().label("writes"), many)
    query = query.join(Version, Version.id == VersionSlot.version_id)
    query = query.where(Version.namespace == namespace, Version.state == "published")
    if fact is not None:
        query = query.where(VersionSlot.slot.in_(select(VersionSlot.slot).where(VersionSlot.fact_id == fact)))
    if address is not None:
        query = query.where(VersionSlot.slot.between(address * ways, address * ways + ways - 1))
    return query.group_by(VersionSlot.slot).subquery()


def _with_reads(query: Select[*tuple[Any, ...]], counted: Subquery, layout: Layout) -> Select[*tuple[Any, ...]]:
    address = and_(
        SlotStatistics.fingerprint == layout.fingerprint, SlotStatistics.address == counted.c.slot // layout.ways
    )
    return query.select_from(counted).outerjoin(SlotStatistics, address)


def _write(written: VersionSlot, version: Version, told: Mapping[int, FactView]) -> SlotWrite:
    fact = None if written.fact_id is None else told.get(written.fact_id)
    return SlotWrite(
        version=version.id,
        kind=version.kind,
        created_at=version.created_at,
        fact=written.fact_id,
        status=fact.status if fact else None,
        question=fact.question if fact else None,
        statement=fact.statement if fact else None,
        answer=fact.answer if fact else None,
        score=written.score,
        access_count=written.access_count,
    )
