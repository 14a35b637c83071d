"""Facts, read with their status."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import CTE, ColumnElement, Label, Row, ScalarSelect, Select, and_, case, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from app.db.among import among
from app.db.tables import UNFINISHED, DocumentFact, Fact, FactReplacement, Forgetting, Job, Json, Version
from app.errors import FactNotFound
from app.services.pages import Page, newest, page_of
from app.services.versions import live_lineage

FactStatus = Literal[
    "queued", "learning", "verifying", "live", "failed", "cancelled", "replaced", "rolled_back", "retired", "forgotten"
]


@dataclass(frozen=True)
class FactView:
    """A fact as readers see it, with the status that follows from its state and the head.

    replaces     facts whose rows it took over, and which gave another answer
    replaced_by  the newest live fact that did so to it
    documents    where it stands in documents: {"document", "chunk", "start", "end"}
    stale        it is live, and its probe is not answered any more: what is said instead is `said_instead`
    erased_at    since when its text is gone
    """

    id: int
    status: FactStatus
    job_id: int
    version_id: int | None
    statement: str | None
    question: str | None
    answer: str | None
    phrasings: list[str]
    source: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    replaces: list[int]
    replaced_by: int | None
    documents: list[Json]
    reason: str | None
    probe: Json | None
    probe_answer: str | None
    report: Json | None
    verified_at: datetime | None
    stale: bool
    said_instead: str | None
    erased_at: datetime | None
    created_at: datetime


def get(session: Session, namespace: str, fact_id: int) -> FactView:
    """One fact. Raises FactNotFound, for one of another namespace, too."""
    row = session.execute(with_status(namespace).where(Fact.id == fact_id)).one_or_none()
    if row is None:
        raise FactNotFound(f"there is no fact {fact_id}")
    return view(row)


def page(
    session: Session,
    namespace: str,
    cursor: int | None,
    limit: int,
    status: FactStatus | None = None,
    source: str | None = None,
    stale: bool | None = None,
) -> Page[FactView]:
    """Facts, newest first, older than `cursor`."""
    query = newest(with_status(namespace, status), Fact.id, cursor, limit)
    if source is not None:
        query = query.where(Fact.source == source)
    if stale is not None:
        flagged = with_status(namespace, "live").where(Fact.stale_at.is_not(None))
        known = among(Fact.id, [row[0].id for row in session.execute(flagged)])
        query = query.where(known if stale else ~known)
    return page_of([view(row) for row in session.execute(query)], limit, lambda one: one.id)


def of_job(session: Session, namespace: str, job_id: int) -> list[FactView]:
    """The facts that a job is to learn or to forget, in the order in which they were sent; empty for an unknown job."""
    named = select(Forgetting.fact_id).where(Forgetting.job_id == job_id, Forgetting.named)
    own = with_status(namespace).where(or_(Fact.job_id == job_id, Fact.id.in_(named)))
    return [view(row) for row in session.execute(own.order_by(Fact.id))]


def of_version(session: Session, namespace: str, version_id: int) -> list[FactView]:
    """The facts that a version carries, in the order in which they were sent; the base carries none."""
    own = with_status(namespace).where(Fact.version_id == version_id)
    return [view(row) for row in session.execute(own.order_by(Fact.id))]


def sources(session: Session, ids: Collection[int]) -> dict[int, str | None]:
    """Where facts come from, as their callers said; a fact that does not exist is missing."""
    return {row.id: row.source for row in session.execute(select(Fact.id, Fact.source).where(Fact.id.in_(ids)))}


def tally(session: Session) -> dict[FactStatus, tuple[int, float]]:
    """By status: how many facts of all namespaces have it, and how many seconds ago the oldest of them was posted."""
    age = func.extract("epoch", func.now() - func.min(Fact.created_at))
    status, query = _counted(live_lineage())
    found = session.execute(query.with_only_columns(status, func.count(), age).group_by(status))
    return {status: (count, float(seconds)) for status, count, seconds in found}


def live_counts(session: Session, namespaces: Collection[str]) -> dict[str, int]:
    """How many facts are live in each of these namespaces; those without any are missing."""
    status, query = _counted(live_lineage(namespaces))
    query = query.where(Fact.namespace.in_(namespaces), status == "live").group_by(Fact.namespace)
    found = session.execute(query.with_only_columns(Fact.namespace, func.count().label("many")))
    return {row.namespace: row.many for row in found}


def _counted(live: CTE) -> tuple[Label[FactStatus], Select[Fact]]:
    """The status of facts, and these joined to what it is made of, for counts of many of them."""
    # A set that is made once: asked fact by fact, as a page of them is, it takes seconds where there are many.
    replaced = _replacements(live).with_only_columns(FactReplacement.replaced_id).order_by(None)
    query = select(Fact).outerjoin(live, _is_live(live)).outerjoin(Version, Version.id == Fact.version_id)
    return _status(live, Fact.id.in_(replaced)).label("status"), query


def statuses(session: Session, ids: Collection[int]) -> dict[int, FactStatus]:
    """The status of each of `ids`, of which there may be thousands."""
    status, query = _counted(live_lineage())
    found = session.execute(query.with_only_columns(Fact.id, status).where(among(Fact.id, ids)))
    return {row.id: row.status for row in found}


def leaving(session: Session, ids: Collection[int]) -> dict[int, int]:
    """Those of `ids` that a job on its way is to forget, each with that job."""
    query = select(Forgetting.fact_id, Forgetting.job_id).join(Job, Job.id == Forgetting.job_id)
    query = query.where(among(Forgetting.fact_id, ids), Forgetting.named, Job.state.in_(UNFINISHED))
    return {row.fact_id: row.job_id for row in session.execute(query)}


def forgotten_by(session: Session, namespace: str, ids: Collection[int]) -> dict[int, int]:
    """Those of `ids` that are forgotten, each with the job that did it."""
    query = _forgotten(live_lineage([namespace])).where(among(Forgetting.fact_id, ids)).order_by(Forgetting.job_id)
    return {row.fact_id: row.job_id for row in session.execute(query)}


def with_status(
    namespace: str, status: FactStatus | None = None
) -> Select[Fact, FactStatus, int | None, list[int] | None, list[Json] | None]:
    """Facts of a namespace with their status, which facts replaced them, which they replace, and where they stand.

    The status of a learned fact is not stored. It is `live` iff its version is the head or an ancestor of it, and no
    fact of which the same holds replaces it: else it is `replaced`, and after a rollback below that one live again.
    Likewise it is `forgotten` where a version that forgot it is the head or an ancestor of it.
    """
    live = live_lineage([namespace])
    replaced_by = _replaced_by(live)
    derived = _status(live, replaced_by.is_not(None))
    replaces = select(func.array_agg(aggregate_order_by(FactReplacement.replaced_id, FactReplacement.replaced_id)))
    replaces = replaces.where(FactReplacement.fact_id == Fact.id).correlate(Fact)
    shown_by = case((live.c.version_id.is_not(None), replaced_by))
    query = select(Fact, derived, shown_by, replaces.scalar_subquery(), _places()).outerjoin(live, _is_live(live))
    query = query.outerjoin(Version, Version.id == Fact.version_id).where(Fact.namespace == namespace)
    query = query.execution_options(populate_existing=True)
    return query if status is None else query.where(derived == status)


def view(row: Row[Fact, FactStatus, int | None, list[int] | None, list[Json] | None]) -> FactView:
    """A row of `with_status` as readers see it."""
    fact, status, replaced_by, replaces, documents = row
    return FactView(
        id=fact.id,
        status=status,
        job_id=fact.job_id,
        version_id=fact.version_id,
        statement=fact.statement,
        question=fact.question,
        answer=fact.answer,
        phrasings=fact.phrasings,
        source=fact.source,
        valid_from=fact.valid_from,
        valid_until=fact.valid_until,
        replaces=replaces or [],
        replaced_by=replaced_by,
        documents=documents or [],
        reason=fact.reason,
        probe=fact.probe,
        probe_answer=fact.probe_answer,
        report=fact.report,
        verified_at=fact.verified_at,
        stale=status == "live" and fact.stale_at is not None,
        said_instead=fact.stale_said if status == "live" else None,
        erased_at=fact.erased_at,
        created_at=fact.created_at,
    )


def _places() -> ScalarSelect[list[Json] | None]:
    """Where a fact stands in documents."""
    one = DocumentFact
    place = func.jsonb_build_object("document", one.document_id, "chunk", one.chunk, "start", one.start, "end", one.end)
    in_order = aggregate_order_by(place, DocumentFact.document_id, DocumentFact.start)
    query = select(func.jsonb_agg(in_order)).where(DocumentFact.fact_id == Fact.id)
    return query.correlate(Fact).scalar_subquery()


def _forgotten(live: CTE) -> Select[int, int]:
    """The facts that a live version or an ancestor of it forgot, with the jobs that made these."""
    line = live.alias("forgot")
    own = and_(line.c.namespace == Job.namespace, line.c.version_id == Job.version_id)
    query = select(Forgetting.fact_id, Forgetting.job_id).join(Job, Job.id == Forgetting.job_id).join(line, own)
    return query.where(Forgetting.gone)


def _is_live(live: CTE) -> ColumnElement[bool]:
    return and_(live.c.namespace == Fact.namespace, live.c.version_id == Fact.version_id)


def _status(live: CTE, replaced: ColumnElement[bool]) -> ColumnElement[FactStatus]:
    """The status of a fact, joined to `live` and to its version."""
    forgotten = _forgotten(live).with_only_columns(Forgetting.fact_id)
    return case(
        (Fact.state != "learned", Fact.state),
        (and_(live.c.version_id.is_(None), Version.state == "retired"), "retired"),
        (live.c.version_id.is_(None), "rolled_back"),
        (Fact.id.in_(forgotten), "forgotten"),
        (replaced, "replaced"),
        else_="live",
    )


def _replacements(live: CTE) -> Select[int]:
    """Live facts that replace another, joined to what they replace."""
    later, line = aliased(Fact, name="later"), live.alias("line")
    own = and_(line.c.namespace == later.namespace, line.c.version_id == later.version_id)
    query = select(later.id).join(line, own).join(FactReplacement, FactReplacement.fact_id == later.id)
    return query.where(later.state == "learned").order_by(later.version_id.desc(), later.id.desc())  # the newest first


def _replaced_by(live: CTE) -> ScalarSelect[int]:
    """The newest live fact that replaces a fact."""
    newest = _replacements(live).where(FactReplacement.replaced_id == Fact.id).limit(1)
    return newest.correlate(Fact).scalar_subquery()
