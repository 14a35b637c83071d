"""/v1/facts: teach facts, and see what became of them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from app.api.bodies import FactsBody
from app.api.deps import Cursor, Limit, PathId, QueueDep, RawBody, Reader, SessionDep, SettingsDep, Writer
from app.api.errors import KEYED, problems
from app.api.schemas import FactOut, Page, SubmittedOut
from app.services import facts, submission
from app.services.facts import FactStatus, FactView
from app.services.pages import Page as ServicePage
from app.services.submission import Post

router = APIRouter(prefix="/v1/facts", tags=["facts"], responses=KEYED)


_REPEATED = "all of these facts are live or on their way already; nothing was stored"


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        HTTPStatus.OK.value: {"model": SubmittedOut, "description": _REPEATED},
        **problems(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    },
)
def post_facts(
    body: FactsBody,
    raw: RawBody,
    response: Response,
    key: Writer,
    session: SessionDep,
    settings: SettingsDep,
    queue: QueueDep,
    idempotency_key: Annotated[str | None, Header(description="same key and body: same reply")] = None,
) -> SubmittedOut:
    """Teach one fact, or several as one job. `Location` is where to follow it."""
    submitted = submission.submit(session, settings, Post(body.new_facts(), key, raw, idempotency_key))
    if submitted.new:
        queue.ring(submitted.job)  # after the commit; were it lost, the sweeper would ring
    else:
        response.status_code = HTTPStatus.OK
    response.headers["Location"] = f"/v1/jobs/{submitted.job}"
    return SubmittedOut.of(submitted)


@router.get("", response_model=Page[FactOut])
def list_facts(
    key: Reader,
    session: SessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: FactStatus | None = None,
    source: Annotated[str | None, Query(pattern="^[^\\x00]+$")] = None,
) -> ServicePage[FactView]:
    """Facts, newest first."""
    return facts.page(session, cursor, limit, status, source)


@router.get("/{fact_id}", response_model=FactOut, responses=problems(HTTPStatus.NOT_FOUND))
def get_fact(fact_id: PathId, key: Reader, session: SessionDep) -> FactView:
    """One fact: its status, why it failed, and what the model said to its probe."""
    return facts.get(session, fact_id)
