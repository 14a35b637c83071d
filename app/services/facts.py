"""Facts: taken in, and read with their status."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, select
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import ApiKey, Fact, Job, Json
from app.errors import FactNotFound, IdempotencyConflict, IdempotencyInProgress
from app.services import intake, jobs
from app.services.intake import NewFact
from app.services.pages import Page, page_of
from app.services.versions import live_lineage
from app.settings import Settings

FactStatus = Literal["queued", "learning", "verifying", "live", "failed", "rolled_back", "forgotten"]


@dataclass(frozen=True)
class Submitted:
    """Facts have been taken in as one job; both are queued at that moment, so a replay is the same reply."""

    job: int
    facts: tuple[int, ...]
    replayed: bool


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
    reason: str | None
    probe: Json | None
    probe_answer: str | None
    report: Json | None
    created_at: datetime


def submit(
    session: Session,
    settings: Settings,
    facts: Sequence[NewFact],
    *,
    key: ApiKey,
    idempotency_key: str | None,
    body: bytes,
) -> Submitted:
    """Take facts in: they and their one job are stored together or not at all. The caller rings for the job.

    body    the request as it came, for telling a repeated call from another one with the same key
    Raises InvalidInput, IdempotencyConflict, IdempotencyInProgress.
    """
    intake.check(facts, settings)
    intake.check_idempotency_key(idempotency_key)
    with transaction(session):
        earlier = _replay(session, key, idempotency_key, body) if idempotency_key is not None else None
        return earlier or _store(session, settings, facts, key, idempotency_key, body)


def get(session: Session, fact_id: int) -> FactView:
    """One fact. Raises FactNotFound."""
    row = session.execute(_views().where(Fact.id == fact_id)).one_or_none()
    if row is None:
        raise FactNotFound(f"there is no fact {fact_id}")
    return _view(row)


def page(
    session: Session,
    cursor: int | None,
    limit: int,
    status: FactStatus | None = None,
    source: str | None = None,
) -> Page[FactView]:
    """Facts, newest first, older than `cursor`."""
    query = _views(status).order_by(Fact.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(Fact.id < cursor)
    if source is not None:
        query = query.where(Fact.source == source)
    return page_of([_view(row) for row in session.execute(query)], limit, lambda view: view.id)


def of_job(session: Session, job_id: int) -> list[FactView]:
    """The facts of a job, in the order in which they were sent; empty for a job that does not exist."""
    return [_view(row) for row in session.execute(_views().where(Fact.job_id == job_id).order_by(Fact.id))]


def of_version(session: Session, version_id: int) -> list[FactView]:
    """The facts that a version carries, in the order in which they were sent; the base carries none."""
    return [_view(row) for row in session.execute(_views().where(Fact.version_id == version_id).order_by(Fact.id))]


def _replay(session: Session, key: ApiKey, idempotency_key: str, body: bytes) -> Submitted | None:
    """The reply to an earlier call with the same key. The lock lasts until this transaction ends."""
    name = f"{key.id}:{idempotency_key}"
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))):
        raise IdempotencyInProgress(f"the first call with the idempotency key {idempotency_key!r} is running")
    job = session.scalar(select(Job).where(Job.api_key_id == key.id, Job.idempotency_key == idempotency_key))
    if job is None:
        return None
    if job.body_sha256 != hashlib.sha256(body).hexdigest():
        raise IdempotencyConflict(f"the idempotency key {idempotency_key!r} was used before with another body")
    ids = session.scalars(select(Fact.id).where(Fact.job_id == job.id).order_by(Fact.id))
    return Submitted(job.id, tuple(ids), replayed=True)


def _store(
    session: Session,
    settings: Settings,
    facts: Sequence[NewFact],
    key: ApiKey,
    idempotency_key: str | None,
    body: bytes,
) -> Submitted:
    job = Job(namespace=settings.namespace, total=len(facts), api_key_id=key.id, idempotency_key=idempotency_key)
    job.body_sha256 = hashlib.sha256(body).hexdigest()
    session.add(job)
    session.flush()
    rows = [_row(fact, job, key) for fact in facts]
    session.add_all(rows)
    jobs.record(session, job.id, "queued", facts=len(rows))
    session.flush()
    return Submitted(job.id, tuple(sorted(row.id for row in rows)), replayed=False)


def _row(fact: NewFact, job: Job, key: ApiKey) -> Fact:
    content = json.dumps([fact.statement, fact.question, fact.answer, fact.phrasings])
    return Fact(
        namespace=job.namespace,
        job_id=job.id,
        statement=fact.statement,
        question=fact.question,
        answer=fact.answer,
        phrasings=list(fact.phrasings),
        source=fact.source,
        valid_from=fact.valid_from,
        content_sha256=hashlib.sha256(content.encode()).hexdigest(),
        created_by=key.id,
    )


def _views(status: FactStatus | None = None) -> Select[Fact, FactStatus]:
    """Facts with their status, never stored: `live` iff their version is a head or an ancestor of one."""
    live = live_lineage()
    derived: ColumnElement[FactStatus] = case(
        (Fact.state != "learned", Fact.state),
        (live.c.version_id.is_not(None), "live"),
        else_="rolled_back",
    )
    own = and_(live.c.namespace == Fact.namespace, live.c.version_id == Fact.version_id)
    query = select(Fact, derived).outerjoin(live, own).execution_options(populate_existing=True)
    return query if status is None else query.where(derived == status)


def _view(row: Row[Fact, FactStatus]) -> FactView:
    fact, status = row
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
        reason=fact.reason,
        probe=fact.probe,
        probe_answer=fact.probe_answer,
        report=fact.report,
        created_at=fact.created_at,
    )
