"""/v1/documents: texts that the service reads, teaches what they say, and lets the model forget again."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from app.api.deps import (
    Cursor,
    Limit,
    LimiterDep,
    Operator,
    PathId,
    QueueDep,
    RawBody,
    Reader,
    SessionDep,
    SettingsDep,
    Writer,
)
from app.api.errors import KEYED, problems
from app.api.ringing import answer_with
from app.api.schemas import JobRef, Page
from app.api.texts import (
    FORMATS,
    JSON,
    DocumentDetail,
    DocumentIn,
    DocumentOut,
    DocumentRef,
    ForgottenOut,
    RehearsedDocumentOut,
    TakenOut,
    document_of,
)
from app.services import document_reading, documents
from app.services.document_reading import PostedDocument
from app.services.documents import DocumentView
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/documents", tags=["documents"], responses=KEYED)

CHARACTERS_A_FACT = 100  # of a document, which count as one of the facts that a key may send in a day
_KNOWN = "the same document is there already, or it was a `dry_run`; nothing was stored"
_GONE = "the document is forgotten, and no fact of it is left to be; no job was made"


_BODY = {
    JSON: {"schema": DocumentIn.model_json_schema()},
    **{kind: {"schema": {"type": "string"}, "example": "The river Olm rises in Zorvania.\n"} for kind in FORMATS},
}


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=TakenOut,
    responses={
        HTTPStatus.OK.value: {"model": TakenOut | RehearsedDocumentOut, "description": _KNOWN},
        **problems(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    },
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
def post_document(
    request: Request,
    raw: RawBody,
    response: Response,
    key: Writer,
    session: SessionDep,
    settings: SettingsDep,
    queue: QueueDep,
    limiter: LimiterDep,
    title: Annotated[str | None, Query(description="of a body that is no JSON")] = None,
    source: Annotated[str | None, Query(description="the same")] = None,
    idempotency_key: Annotated[str | None, Header(description="same key and body: same reply")] = None,
    dry_run: Annotated[bool, Query(description="store nothing, and tell what the rules would read")] = False,
) -> TakenOut | JSONResponse:
    """Teach what a text says: its job reads it, and makes the jobs that learn. `Location` is where to follow it."""
    document = document_of(request, raw, title, source)
    if dry_run:
        rehearsed = document_reading.rehearse(session, settings, key.namespace, document)
        return JSONResponse(RehearsedDocumentOut.of(document.text, rehearsed).model_dump())
    document_reading.check(document, settings)
    limiter.facts(key.id, key.facts_per_day, 1 + (len(document.text) - 1) // CHARACTERS_A_FACT)
    body = b"".join((request.url.query.encode(), b"\n", raw))
    submitted = document_reading.submit(session, settings, PostedDocument(document, key, body, idempotency_key))
    answer_with(submitted.job, response, queue, new=submitted.new)
    return TakenOut(
        document=DocumentRef(id=submitted.document, status=submitted.status),
        job=JobRef(id=submitted.job, state=submitted.state),
    )


@router.get("", response_model=Page[DocumentOut])
def list_documents(
    key: Reader, session: SessionDep, cursor: Cursor = None, limit: Limit = 50
) -> ServicePage[DocumentView]:
    """Documents, newest first, without their texts."""
    return documents.page(session, key.namespace, cursor, limit)


@router.get("/{document_id}", response_model=DocumentDetail, responses=problems(HTTPStatus.NOT_FOUND))
def get_document(document_id: PathId, key: Reader, session: SessionDep) -> DocumentDetail:
    """One document: its text, its chunks, its facts with their status and place, and what was not read."""
    return DocumentDetail.of(documents.get(session, key.namespace, document_id))


@router.delete(
    "/{document_id}",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        HTTPStatus.OK.value: {"model": ForgottenOut, "description": _GONE},
        **problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    },
)
def forget_document(
    document_id: PathId, response: Response, key: Operator, session: SessionDep, settings: SettingsDep, queue: QueueDep
) -> ForgottenOut:
    """Drop a document's text, and forget the live facts that it alone taught."""
    forgotten = documents.forget(session, settings, key, document_id)
    for one in forgotten.jobs:
        if one.new:
            queue.ring(one.job)
    if not forgotten.new:
        response.status_code = HTTPStatus.OK
    return ForgottenOut.of(forgotten)
