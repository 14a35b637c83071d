"""Documents, kept with what was read of them, and forgotten with all that they alone taught.

Facts know their documents by places: a sentence from `start` to before `end`, counted in characters of the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ARRAY, BigInteger, cast, func, insert, select
from sqlalchemy.orm import Session, aliased, undefer

from app.db.session import transaction
from app.db.tables import UNDECIDED, UNFINISHED, ApiKey, Document, DocumentFact, Fact, Job, JobState, Json
from app.errors import DocumentNotFound, DocumentNotRead
from app.reading.blocks import Format
from app.services import audit, facts, forgetting, jobs
from app.services.facts import FactStatus
from app.services.pages import Page, newest, page_of
from app.services.submission import Submitted
from app.settings import Settings

DocumentStatus = Literal["reading", "read", "failed", "forgotten"]


@dataclass(frozen=True)
class DocumentView:
    """A document without its text.

    status  «failed» where nothing of it could be read, or its job failed or was cancelled: `reason` says which
    source  that its facts have
    job     that reads it
    chunks, facts, unread  how many there are
    """

    id: int
    status: DocumentStatus
    reason: str | None
    title: str | None
    source: str
    format: Format
    characters: int
    job: int
    chunks: int
    facts: int
    unread: int
    created_at: datetime


@dataclass(frozen=True)
class PlacedFact:
    """A fact of a document, and where its sentence stands."""

    id: int
    status: FactStatus
    statement: str | None
    question: str | None
    answer: str | None
    job: int
    chunk: int
    start: int
    end: int


@dataclass(frozen=True)
class WholeDocument:
    """All of a document. Chunks have {"number", "start", "end", "headings"}, unread parts {"chunk", …, "text"}."""

    view: DocumentView
    text: str | None
    chunks: list[Json]
    facts: list[PlacedFact]
    unread: list[Json]


@dataclass(frozen=True)
class ForgottenDocument:
    """A document whose text is gone, the jobs that forget its facts, and whether any of these is new."""

    document: int
    jobs: tuple[Submitted, ...]
    new: bool


def get(session: Session, namespace: str, document_id: int) -> WholeDocument:
    """One document with its text. Raises DocumentNotFound."""
    row = _row(session, namespace, document_id)
    text, chunks, unread = row.text, row.chunks or [], row.unread or []
    return WholeDocument(
        view=views(session, [row])[0],
        text=text,
        chunks=[{"number": number, **chunk} for number, chunk in enumerate(chunks)],
        facts=_placed(session, document_id),
        unread=[{**part, "text": text[part["start"] : part["end"]] if text else ""} for part in unread],
    )


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[DocumentView]:
    """Documents, newest first, older than `cursor`."""
    query = newest(select(Document).where(Document.namespace == namespace), Document.id, cursor, limit)
    return page_of(views(session, session.scalars(query).all()), limit, lambda one: one.id)


def views(session: Session, rows: Sequence[Document]) -> list[DocumentView]:
    """Documents as readers see them, in the same order."""
    ids = [row.id for row in rows]
    length = func.coalesce(func.jsonb_array_length(Document.chunks), 0)
    unread = func.coalesce(func.jsonb_array_length(Document.unread), 0)
    own = select(func.count(DocumentFact.fact_id.distinct())).where(DocumentFact.document_id == Document.id)
    query = select(Document.id, Job.state, Job.error, length, unread, own.correlate(Document).scalar_subquery())
    found = {
        number: (state, error, chunks, left, taught)
        for number, state, error, chunks, left, taught in session.execute(
            query.join(Job, Job.id == Document.job_id).where(Document.id.in_(ids))
        )
    }
    return [_view(row, *found[row.id]) for row in rows]


def forget(session: Session, settings: Settings, key: ApiKey, document_id: int) -> ForgottenDocument:
    """Drop the text of a document, and queue the jobs that forget the live facts that it alone taught.

    A fact that was posted by itself stays, and so does one that another kept document has. Forgetting twice is once.
    The caller rings for new jobs. Raises DocumentNotFound, DocumentNotRead.
    """
    with transaction(session):
        jobs.take_turns(session, key.namespace)
        row = _row(session, key.namespace, document_id)
        if row.forgotten_at is None and jobs.get(session, key.namespace, row.job_id).state in UNFINISHED:
            raise DocumentNotRead(f"document {document_id} is read by job {row.job_id}; cancel that, or wait")
        own = _own(session, document_id)
        coming = next((fact for fact, status in own.items() if status in UNDECIDED), None)
        if coming is not None:
            message = f"fact {coming} of document {document_id} is {own[coming]}; cancel its job, or wait"
            raise DocumentNotRead(message)
        first = row.forgotten_at is None
        if first:
            row.text, row.chunks, row.unread, row.forgotten_at = None, None, None, func.now()
        taken = _taken_out(session, settings, key, own)
        if first:
            audit.record(session, audit.holder(key), "documents.forget", f"document {document_id}")
        return ForgottenDocument(document_id, tuple(taken), any(one.new for one in taken))


def stand_where(session: Session, pairs: Sequence[Sequence[int]]) -> None:
    """Let facts stand where others stand: (old, new). A step of `relearn`: it does not commit."""
    old, new = (func.unnest(cast([pair[side] for pair in pairs], ARRAY(BigInteger))) for side in (0, 1))
    copies = select(old.label("old"), new.label("new")).subquery()
    columns = ("document_id", "start", "fact_id", "end", "chunk", "taught")
    values = [copies.c.new if name == "fact_id" else getattr(DocumentFact, name) for name in columns]
    standing = select(*values).join(copies, copies.c.old == DocumentFact.fact_id)
    session.execute(insert(DocumentFact).from_select(columns, standing))


def _row(session: Session, namespace: str, document_id: int) -> Document:
    whole = [undefer(column) for column in (Document.text, Document.chunks, Document.unread)]
    query = select(Document).where(Document.id == document_id, Document.namespace == namespace)
    row = session.scalar(query.options(*whole).execution_options(populate_existing=True))
    if row is None:
        raise DocumentNotFound(f"there is no document {document_id}")
    return row


def _view(row: Document, state: JobState, error: str | None, chunks: int, unread: int, taught: int) -> DocumentView:
    status: DocumentStatus = "reading" if state in UNFINISHED else "failed"
    if row.forgotten_at is not None:
        status = "forgotten"
    elif row.read_at is not None:
        status = "read"
    return DocumentView(
        id=row.id,
        status=status,
        reason=error if status == "failed" else None,
        title=row.title,
        source=source_of(row),
        format="markdown" if row.format == "markdown" else "text",
        characters=row.characters,
        job=row.job_id,
        chunks=chunks,
        facts=taught,
        unread=unread,
        created_at=row.created_at,
    )


def source_of(row: Document) -> str:
    """What the facts of a document name as their source."""
    return row.source or row.title or f"document {row.id}"


def _placed(session: Session, document_id: int) -> list[PlacedFact]:
    query = select(DocumentFact, Fact).join(Fact, Fact.id == DocumentFact.fact_id)
    query = query.where(DocumentFact.document_id == document_id).order_by(DocumentFact.start, Fact.id)
    rows = session.execute(query.execution_options(populate_existing=True)).all()
    found = facts.statuses(session, [fact.id for _, fact in rows])
    return [
        PlacedFact(
            id=fact.id,
            status=found[fact.id],
            statement=fact.statement,
            question=fact.question,
            answer=fact.answer,
            job=fact.job_id,
            chunk=place.chunk,
            start=place.start,
            end=place.end,
        )
        for place, fact in rows
    ]


def _own(session: Session, document_id: int) -> dict[int, FactStatus]:
    """The facts that documents taught, of which this is the last one that is kept, with their status."""
    there = select(DocumentFact.fact_id).where(DocumentFact.document_id == document_id)
    other, kept = aliased(DocumentFact), aliased(Document)
    elsewhere = select(other.fact_id).join(kept, kept.id == other.document_id)
    elsewhere = elsewhere.where(kept.id != document_id, kept.forgotten_at.is_(None))
    own = select(DocumentFact.fact_id).distinct().where(DocumentFact.fact_id.in_(there), DocumentFact.taught)
    ids = session.scalars(own.where(DocumentFact.fact_id.not_in(elsewhere))).all()
    return dict(sorted(facts.statuses(session, ids).items()))


def _taken_out(session: Session, settings: Settings, key: ApiKey, own: dict[int, FactStatus]) -> list[Submitted]:
    """A job for as many live facts as a call may have; where none is live, the jobs that have forgotten them."""
    live = [fact for fact, status in own.items() if status == "live"]
    named = live or [fact for fact, status in own.items() if status == "forgotten"]
    few = [named[start : start + settings.max_facts] for start in range(0, len(named), settings.max_facts)]
    return [
        forgetting.take_out(session, key, [facts.get(session, key.namespace, number) for number in numbers])
        for numbers in few
    ]
