"""What callers send of documents, as JSON or as they are, and what they get."""

import json
from datetime import datetime
from http import HTTPStatus
from typing import Literal

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.exceptions import HTTPException

from app.api.bodies import Incoming
from app.api.facts import ForeseenOut
from app.api.schemas import FactRef, JobRef, Outgoing, example
from app.errors import InvalidInput
from app.reading.blocks import Format
from app.services.document_reading import NewDocument, Rehearsed
from app.services.documents import DocumentStatus, ForgottenDocument, WholeDocument
from app.services.facts import FactStatus

JSON = "application/json"
FORMATS: dict[str, Format] = {"text/plain": "text", "text/markdown": "markdown"}
_MARK = b"\xef\xbb\xbf"  # with which some programs begin a file


class DocumentIn(Incoming):
    """A text, and how it is written."""

    model_config = example(
        text="# Halden library\n\nThe Halden library opens at nine. It closes at six.\n",
        format="markdown",
        source="halden.example/library",
    )

    text: str
    format: Literal["text", "markdown"] = "text"
    title: str | None = Field(None, description="Markdown that begins with a heading of the first level has that")
    source: str | None = Field(None, description="of its facts; the title, or «document N», if it is left out")


class DocumentRef(Outgoing):
    """A document in the reply to its call."""

    id: int
    status: DocumentStatus


class TakenOut(Outgoing):
    """A document with the job that reads it; `Location` is where to follow that."""

    model_config = example(document={"id": 3, "status": "reading"}, job={"id": 7, "state": "queued"})

    document: DocumentRef
    job: JobRef


class PlaceOut(Outgoing):
    """A sentence: the chunk in which it stands, and its characters from `start` to before `end`, counted from 0."""

    chunk: int
    start: int
    end: int


class UnreadOut(PlaceOut):
    """A part of a document of which nothing, or not all, is taught."""

    reason: str
    text: str


class ForeseenFactOut(ForeseenOut, PlaceOut):
    """What would become of a fact of a document."""

    statement: str | None


class RehearsedDocumentOut(Outgoing):
    """What a document would come to; nothing was stored."""

    model_config = example(
        dry_run=True,
        chunks=1,
        sentences=2,
        facts=[
            {
                "chunk": 0,
                "start": 18,
                "end": 50,
                "statement": "The Halden library opens at nine.",
                "verdict": "new",
                "duplicate_of": None,
                "replaces": [],
                "questions": ["When does the Halden library open?"],
                "unread": [],
                "reason": None,
            }
        ],
        unread=[{"chunk": 0, "start": 51, "end": 68, "reason": "no rule reads it", "text": "It closes at six."}],
    )

    dry_run: bool = True
    chunks: int
    sentences: int
    facts: list[ForeseenFactOut]
    unread: list[UnreadOut]

    @classmethod
    def of(cls, text: str, rehearsed: Rehearsed) -> "RehearsedDocumentOut":
        """The reply."""
        found = [{**vars(place), **vars(foreseen)} for place, foreseen in rehearsed.facts]
        unread = [{**vars(part), "text": text[part.start : part.end]} for part in rehearsed.unread]
        told = {"chunks": rehearsed.chunks, "sentences": rehearsed.sentences, "facts": found, "unread": unread}
        return cls.model_validate(told)


class DocumentOut(Outgoing):
    """A document without its text; `facts` and `unread` are counts."""

    model_config = example(
        id=3,
        status="read",
        reason=None,
        title="Halden library",
        source="Halden library",
        format="markdown",
        characters=70,
        job=7,
        chunks=1,
        facts=2,
        unread=0,
        created_at="2026-11-28T10:00:00Z",
    )

    id: int
    status: DocumentStatus
    reason: str | None = Field(description="why it failed")
    title: str | None
    source: str
    format: Format
    characters: int
    job: int = Field(description="that reads it; its report names the jobs that learn what was read")
    chunks: int
    facts: int
    unread: int
    created_at: datetime


class ChunkOut(Outgoing):
    """A part of a document, its characters from `start` to before `end`."""

    number: int
    start: int
    end: int
    headings: list[str] = Field(description="under which it stands, the highest first")


class PlacedFactOut(PlaceOut):
    """A fact of a document and its sentence."""

    id: int
    status: FactStatus
    statement: str | None
    question: str | None
    answer: str | None
    job: int


class DocumentDetail(DocumentOut):
    """A document with its text and all that was read of it."""

    text: str | None = Field(description="null once it is forgotten")
    chunk_list: list[ChunkOut]
    fact_list: list[PlacedFactOut]
    unread_list: list[UnreadOut]

    @classmethod
    def of(cls, whole: WholeDocument) -> "DocumentDetail":
        """All of it."""
        lists = {"chunk_list": whole.chunks, "fact_list": whole.facts, "unread_list": whole.unread}
        return cls.model_validate({**vars(whole.view), "text": whole.text, **lists})


class ForgottenOut(Outgoing):
    """A document whose text is gone, with the jobs that forget its facts."""

    model_config = example(document=3, jobs=[{"id": 9, "state": "queued"}], facts=[{"id": 12, "status": "live"}])

    document: int
    jobs: list[JobRef]
    facts: list[FactRef]

    @classmethod
    def of(cls, forgotten: ForgottenDocument) -> "ForgottenOut":
        """The reply: the states at this moment."""
        jobs = [JobRef(id=one.job, state=one.state) for one in forgotten.jobs]
        named = [FactRef(id=fact.id, status=fact.status) for one in forgotten.jobs for fact in one.facts]
        return cls(document=forgotten.document, jobs=jobs, facts=named)


def document_of(request: Request, raw: bytes, title: str | None, source: str | None) -> NewDocument:
    """The document of a call. Raises InvalidInput, RequestValidationError, HTTPException (415) for another type."""
    told = request.headers.get("content-type", "")
    kind, _, parameters = told.partition(";")
    kind = kind.strip().lower()
    if kind == JSON:
        if title is not None or source is not None:
            raise InvalidInput("title, source: they stand in the body of application/json, and not in the address")
        return _of_json(raw)
    charset = parameters.lower().replace(" ", "").replace('"', "").removeprefix("charset=") or "utf-8"
    if kind not in FORMATS or charset.split(";")[0] not in ("utf-8", "utf8", "us-ascii"):
        said = f"Content-Type: {told[:60]!r}; {JSON}, {' or '.join(FORMATS)} in UTF-8 is needed"
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, said)
    try:
        text = raw.removeprefix(_MARK).decode()
    except UnicodeDecodeError as error:
        at = f"byte 0x{raw[error.start]:02x} at {error.start + 1:,}"
        raise InvalidInput(f"body: it is no UTF-8: {at}; is it a text?") from error
    return NewDocument(text, FORMATS[kind], title, source)


def _of_json(raw: bytes) -> NewDocument:
    try:
        given = json.loads(raw)
    except json.JSONDecodeError as error:
        told = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "", "input": {}, "ctx": {"error": error.msg}}
        raise RequestValidationError([told]) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from error
    try:
        found = DocumentIn.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from error
    return NewDocument(found.text, found.format, found.title, found.source)
