"""Facts, read with their status."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import CTE, ColumnElement, Row, ScalarSelect, Select, and_, case, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.db.tables import Fact, Json
from app.errors import FactNotFound
from app.services.pages import Page, page_of
from app.services.versions import live_lineage

FactStatus = Literal["queued", "learning", "verifying", "live", "failed", "replaced", "rolled_back", "forgotten"]


@dataclass(frozen=True)
class FactView:
    """A fact as readers see it, with the status that follows from its state and the head."""

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
    replaces: int | None
    replaced_by: int | None
    reason: str | None
    probe: Json | None
    probe_answer: str | None
    report: Json | None
    created_at: datetime


def get(session: Session, fact_id: int) -> FactView:
    """One fact. Raises FactNotFound."""
    row = session.execute(with_status().where(Fact.id == fact_id)).one_or_none()
    if row is None:
        raise FactNotFound(f"there is no fact {fact_id}")
    return view(row)


def page(
    session: Session,
    cursor: int | None,
    limit: int,
    status: FactStatus | None = None,
    source: str | None = None,
) -> Page[FactView]:
    """Facts, newest first, older than `cursor`."""
    query = with_status(status).order_by(Fact.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(Fact.id < cursor)
    if source is not None:
        query = query.where(Fact.source == source)
    return page_of([view(row) for row in session.execute(query)], limit, lambda one: one.id)


def of_job(session: Session, job_id: int) -> list[FactView]:
    """The facts of a job, in the order in which they were sent; empty for a job that does not exist."""
    return [view(row) for row in session.execute(with_status().where(Fact.job_id == job_id).order_by(Fact.id))]


def of_version(session: Session, version_id: int) -> list[FactView]:
    """The facts that a version carries, in the order in which they were sent; the base carries none."""
    return [view(row) for row in session.execute(with_status().where(Fact.version_id == version_id).order_by(Fact.id))]


def with_status(status: FactStatus | None = None) -> Select[Fact, FactStatus, int | None]:
    """Facts with their status and the fact that has replaced them, neither of which is stored.

    A fact is `live` iff its version is a head or an ancestor of one, and no later fact of which the same holds gives
    another answer to its question: then it is `replaced`. After a rollback below that one it is live again.
    """
    live = live_lineage()
    replaced_by = _replaced_by(live)
    derived: ColumnElement[FactStatus] = case(
        (Fact.state != "learned", Fact.state),
        (live.c.version_id.is_(None), "rolled_back"),
        (replaced_by.is_not(None), "replaced"),
        else_="live",
    )
    own = and_(live.c.namespace == Fact.namespace, live.c.version_id == Fact.version_id)
    query = select(Fact, derived, case((live.c.version_id.is_not(None), replaced_by)))
    query = query.outerjoin(live, own).execution_options(populate_existing=True)
    return query if status is None else query.where(derived == status)


def last_answers(session: Session, namespace: str, questions: Collection[str]) -> dict[str, Fact]:
    """By hash of the question, the fact that was the last to answer it in what is live."""
    live = live_lineage()
    own = and_(live.c.namespace == Fact.namespace, live.c.version_id == Fact.version_id)
    query = select(Fact).join(live, own).where(Fact.namespace == namespace, Fact.state == "learned")
    query = query.where(Fact.question_sha256.in_(questions)).order_by(Fact.version_id, Fact.id)
    return {fact.question_sha256: fact for fact in session.scalars(query) if fact.question_sha256 is not None}


def view(row: Row[Fact, FactStatus, int | None]) -> FactView:
    """A row of `with_status` as readers see it."""
    fact, status, replaced_by = row
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
        replaces=fact.replaces,
        replaced_by=replaced_by,
        reason=fact.reason,
        probe=fact.probe,
        probe_answer=fact.probe_answer,
        report=fact.report,
        created_at=fact.created_at,
    )


def _replaced_by(live: CTE) -> ScalarSelect[int]:
    """The last live fact that answers a fact's question otherwise and was learned after it."""
    later, line = aliased(Fact), live.alias("later")
    own = and_(line.c.namespace == later.namespace, line.c.version_id == later.version_id)
    query = select(later.id).join(line, own).where(later.state == "learned", later.namespace == Fact.namespace)
    query = query.where(later.question_sha256 == Fact.question_sha256, later.answer_sha256 != Fact.answer_sha256)
    query = query.where(tuple_(later.version_id, later.id) > tuple_(Fact.version_id, Fact.id))
    newest = query.order_by(later.version_id.desc(), later.id.desc()).limit(1)
    return newest.correlate(Fact).scalar_subquery()
