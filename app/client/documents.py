"""The calls for documents, as values, and what they give; `calls` has all others."""

import os
import uuid
from datetime import datetime
from pathlib import Path

from app.client.calls import Call, Sent
from app.client.given import given
from app.client.results import FactRef, JobRef, Page, Result

_PATH = "/v1/documents"
_FORMATS = {".txt": "text", ".md": "markdown", ".markdown": "markdown"}


class DocumentRef(Result):
    """A document in the reply to its call."""

    id: int
    status: str


class Sending(Result):
    """A document, and the job that reads it; its report names those that learn."""

    document: DocumentRef
    job: JobRef


class Place(Result):
    """A sentence: its chunk, and its characters from `start` to before `end`, counted from 0."""

    chunk: int
    start: int
    end: int


class Unread(Place):
    """A part of a document of which nothing, or not all, is taught."""

    reason: str
    text: str


class ForeseenFact(Place):
    """What would become of a sentence."""

    statement: str | None
    verdict: str
    questions: tuple[str, ...]
    reason: str | None


class Rehearsed(Result):
    """What the rules would read of a document; nothing was stored."""

    chunks: int
    sentences: int
    facts: tuple[ForeseenFact, ...]
    unread: tuple[Unread, ...]


class Document(Result):
    """A document; `facts` and `unread` are counts. Its status is reading, read, failed or forgotten."""

    id: int
    status: str
    reason: str | None
    title: str | None
    source: str
    format: str
    characters: int
    job: int
    chunks: int
    facts: int
    unread: int
    created_at: datetime


class Chunk(Result):
    """A part of a document, and the headings under which it stands."""

    number: int
    start: int
    end: int
    headings: tuple[str, ...]


class DocumentFact(Place):
    """A fact of a document."""

    id: int
    status: str
    statement: str | None
    question: str | None
    answer: str | None
    job: int


class WholeDocument(Document):
    """A document with its text, which is None once it is forgotten, and all that was read of it."""

    text: str | None
    chunk_list: tuple[Chunk, ...]
    fact_list: tuple[DocumentFact, ...]
    unread_list: tuple[Unread, ...]


class ForgottenDocument(Result):
    """A document whose text is gone, and the jobs that forget its facts."""

    document: int
    jobs: tuple[JobRef, ...]
    facts: tuple[FactRef, ...]


def read(
    text: str,
    *,
    format: str = "text",  # noqa: A002  # as the API calls it
    title: str | None = None,
    source: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Sending]:
    """Teach what a text says; `wait(….job.id)` until it is read. It is sent again with the same key, so read once.

    format  «text» or «markdown»
    source  of its facts; the title, or «document N», without one
    Raises BadRequest for what is no text or too long.
    """
    headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
    return Call(Sent("POST", _PATH, _body(text, format, title, source), headers=headers), Sending.model_validate)


def read_file(
    file: str | os.PathLike[str],
    *,
    title: str | None = None,
    source: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Sending]:
    """The same for a file in UTF-8: `.txt`, `.md` or `.markdown`. Raises ValueError for another, and OSError."""
    text, form = text_of(file)
    return read(text, format=form, title=title, source=source, idempotency_key=idempotency_key)


def rehearse(
    text: str,
    *,
    format: str = "text",  # noqa: A002  # as the API calls it
    title: str | None = None,
    source: str | None = None,
) -> Call[Rehearsed]:
    """What the rules would read of a text, of 50,000 characters at most; nothing is stored."""
    body = _body(text, format, title, source)
    return Call(Sent("POST", _PATH, body, params={"dry_run": "true"}), Rehearsed.model_validate)


def documents(*, cursor: int | None = None, limit: int | None = None) -> Call[Page[Document]]:
    """Documents, newest first, without their texts."""
    return Call(Sent("GET", _PATH, params=given(cursor=cursor, limit=limit)), Page[Document].model_validate)


def document(document_id: int) -> Call[WholeDocument]:
    """A document with its text, its facts and what was not read. Raises NotFound."""
    return Call(Sent("GET", f"{_PATH}/{document_id}"), WholeDocument.model_validate)


def forget_document(document_id: int) -> Call[ForgottenDocument]:
    """Drop a document's text, and forget the facts that it alone taught; twice is once.

    Raises NotFound, and Conflict while it is read or facts of it are on their way.
    """
    return Call(Sent("DELETE", f"{_PATH}/{document_id}"), ForgottenDocument.model_validate)


def text_of(file: str | os.PathLike[str]) -> tuple[str, str]:
    """The text of a file and its format. Raises ValueError for what is none, and OSError."""
    path = Path(file)
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise ValueError(f"{path.name}: the name of a document must end with one of {', '.join(_FORMATS)}")
    try:
        return path.read_text(encoding="utf-8-sig"), form
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: it is no UTF-8, at byte {error.start + 1:,}") from error


def _body(text: str, form: str, title: str | None, source: str | None) -> dict[str, object]:
    return given(text=text, format=form, title=title, source=source)
