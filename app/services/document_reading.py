"""A document on its way: taken in with the job that reads it, and what was read of it made facts and their jobs.

`submit` and `rehearse` are whole services. The others are steps of a worker's, inside the transaction of the service
`learning`: they do not commit.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, undefer

from app import tracing
from app.db.session import transaction
from app.db.tables import UNDECIDED, ApiKey, Document, DocumentFact, Fact, Job, JobState, Json
from app.errors import InvalidInput
from app.reading.blocks import Format
from app.reading.reader import Found, Reader, Reading, Unread, first_heading
from app.reading.statements import Limits
from app.services import audit, calls, documents, facts, intake, jobs, rehearsal, submission
from app.services.documents import DocumentStatus
from app.services.intake import NewFact
from app.services.rehearsal import Foreseen
from app.settings import Settings

MOST_REHEARSED_CHARACTERS = 50_000  # about a second of reading, which the caller waits for
NOTHING_READ = "nothing of it can be taught: `unread` of the document says why of each part"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class NewDocument:
    """A document as it is sent."""

    text: str
    format: Format = "text"
    title: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class PostedDocument:
    """A call as it came: `body` tells a repeated call from another one with the same idempotency key."""

    document: NewDocument
    key: ApiKey
    body: bytes
    idempotency_key: str | None = None


@dataclass(frozen=True)
class SubmittedDocument:
    """The reply to a call: the document, the job that reads it, and whether it is new: else it was there before."""

    document: int
    status: DocumentStatus
    job: int
    state: JobState
    new: bool


@dataclass(frozen=True)
class Rehearsed:
    """What a document would come to: each fact with its place and verdict, and what would not be taught."""

    chunks: int
    sentences: int
    facts: list[tuple[Found, Foreseen]]
    unread: list[Unread]


def submit(session: Session, settings: Settings, post: PostedDocument) -> SubmittedDocument:
    """Take a document in with the job that reads it; one that is there already is answered with itself.

    The caller rings for a new job. Raises InvalidInput, IdempotencyConflict, IdempotencyInProgress.
    """
    check(post.document, settings)
    intake.check_idempotency_key(post.idempotency_key)
    with transaction(session):
        name, body = post.idempotency_key, calls.sha256(post.body)
        call = None if name is None else calls.begin(session, post.key, name)
        if call is not None:
            return SubmittedDocument(**calls.reply(call, body))
        jobs.take_turns(session, post.key.namespace)
        digest = _digest(post.document)
        submitted = _earlier(session, post.key.namespace, digest) or _taken_in(session, post, digest)
        if name is not None:
            calls.remember(session, post.key, name, body, asdict(submitted))
        if submitted.new:
            audit.record(session, audit.holder(post.key), "documents.read", f"document {submitted.document}")
        return submitted


def rehearse(session: Session, settings: Settings, namespace: str, document: NewDocument) -> Rehearsed:
    """What a document would come to by the rules alone, without a trace. Raises InvalidInput, for a long one, too."""
    check(document, settings)
    if len(document.text) > MOST_REHEARSED_CHARACTERS:
        length = f"{len(document.text):,} characters; at most {MOST_REHEARSED_CHARACTERS:,} are read in a `dry_run`"
        raise InvalidInput(f"text: {length}")
    reader = Reader(limits(settings))
    title = document.title or first_heading(document.text, document.format)
    reading = reader.read(document.text, title, reader.chunks(document.text, document.format))
    source = document.source or title
    foreseen = list[Foreseen]()
    for few in _batches(reading.facts, settings.max_facts):
        foreseen += rehearsal.rehearse(session, settings, namespace, [_new(found, source) for found in few])
    found = list(zip(reading.facts, foreseen, strict=True))
    return Rehearsed(len(reading.chunks), reading.sentences, found, reading.unread)


def check(document: NewDocument, settings: Settings) -> None:
    """Raises InvalidInput for a document that cannot be taken in; how long it may be the body's limit says."""
    control = _CONTROL.search(document.text)
    if control:
        said = f"character {control.start():,} is the control character U+{ord(control[0]):04X}, which is no text"
        raise InvalidInput(f"text: {said}")
    if not re.search(r"\w", document.text):
        raise InvalidInput(f"text: {document.text[:40]!r} holds no word; at least 1 letter or digit is needed")
    for name, value in (("title", document.title), ("source", document.source)):
        for found in intake.complaints(name, value, settings.max_source_characters):
            raise InvalidInput(f"{found.field}: {found.message}")


def limits(settings: Settings) -> Limits:
    """What of a document is read: the limits that facts have."""
    return Limits(settings.max_statement_characters, settings.max_answer_characters)


def claimed(session: Session, job_id: int) -> NewDocument:
    """The document that a job is to read, with the title that it has."""
    row = _of_job(session, job_id)
    form: Format = "markdown" if row.format == "markdown" else "text"
    return NewDocument(row.text or "", form, row.title, row.source)


def store(session: Session, settings: Settings, job: Job, reading: Reading) -> Json:
    """Keep what was read, and queue the jobs that learn it, as large as POSTs may be. Returns the job's report."""
    document = _of_job(session, job.id)
    key = session.get_one(ApiKey, job.api_key_id)
    jobs.take_turns(session, job.namespace)
    source, made, counts, standing = documents.source_of(document), list[int](), [0, 0], dict[tuple[int, int], Found]()
    for few in _batches(reading.facts, settings.max_facts):
        taken = submission.take_in(session, key, [_new(found, source) for found in few])
        made += [taken.submitted.job] if taken.submitted.new else []
        counts = [counts[0] + taken.learned, counts[1] + taken.overruled]
        standing |= {(found.start, fact.id): found for found, fact in zip(few, taken.submitted.facts, strict=True)}
    own = set(session.scalars(select(Fact.id).where(Fact.job_id.in_(made))))
    session.add_all(
        DocumentFact(
            document_id=document.id, start=start, fact_id=fact, end=found.end, chunk=found.chunk, taught=fact in own
        )
        for (start, fact), found in standing.items()
    )
    document.chunks = [{"start": one.start, "end": one.end, "headings": list(one.headings)} for one in reading.chunks]
    document.unread = [asdict(part) for part in reading.unread]
    document.read_at = func.now() if reading.facts else None
    return {
        "document": document.id,
        "chunks": len(reading.chunks),
        "sentences": reading.sentences,
        "facts": {"taught": counts[0], "known": len(reading.facts) - sum(counts), "overruled": counts[1]},
        "unread": len(reading.unread),
        "jobs": made,
        **({"dropped": reading.dropped} if reading.dropped else {}),
        **({"note": reading.note} if reading.note else {}),
    }


def expect(session: Session, job_id: int, chunks: int) -> None:
    """Let the progress of a job count so many chunks."""
    with transaction(session):
        session.execute(update(Job).where(Job.id == job_id).values(total=chunks))


def _of_job(session: Session, job_id: int) -> Document:
    query = select(Document).where(Document.job_id == job_id).options(undefer(Document.text))
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _taken_in(session: Session, post: PostedDocument, digest: str) -> SubmittedDocument:
    new = post.document
    job = Job(namespace=post.key.namespace, kind="read", total=1, api_key_id=post.key.id)
    job.traceparent = tracing.traceparent()
    session.add(job)
    session.flush()
    document = Document(namespace=post.key.namespace, job_id=job.id, source=new.source, format=new.format)
    document.title = new.title or first_heading(new.text, new.format)
    document.text, document.characters, document.content_sha256 = new.text, len(new.text), digest
    document.created_by = post.key.id
    session.add(document)
    session.flush()
    jobs.record(session, job.id, "queued", document=document.id)
    return SubmittedDocument(document.id, "reading", job.id, "queued", new=True)


def _earlier(session: Session, namespace: str, digest: str) -> SubmittedDocument | None:
    """The same document, if it is kept and counts: it is being read, or facts of it are there and not rolled back."""
    same = select(Document).where(Document.namespace == namespace, Document.content_sha256 == digest)
    row = session.scalar(same.where(Document.forgotten_at.is_(None)).order_by(Document.id.desc()).limit(1))
    if row is None:
        return None
    (view,) = documents.views(session, [row])
    there = select(DocumentFact.fact_id).where(DocumentFact.document_id == row.id)
    standing = {"live", "replaced", *UNDECIDED} & set(facts.statuses(session, session.scalars(there).all()).values())
    if view.status == "failed" or (view.status == "read" and not standing):
        return None
    return SubmittedDocument(row.id, view.status, row.job_id, jobs.get(session, namespace, row.job_id).state, new=False)


def _digest(document: NewDocument) -> str:
    """By which the same document is known."""
    told = [document.text, document.format, document.title, document.source]
    return calls.sha256(json.dumps(told).encode())


def _new(found: Found, source: str | None) -> NewFact:
    return NewFact(found.statement, found.question, found.answer, found.phrasings, source)


def _batches(found: Sequence[Found], size: int) -> Iterator[Sequence[Found]]:
    for start in range(0, len(found), size):
        yield found[start : start + size]
