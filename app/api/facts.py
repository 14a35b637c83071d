"""/v1/facts: teach facts, and see what became of them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from app.api.bodies import FactsBody
from app.api.deps import Cursor, Limit, PathId, QueueDep, RawBody, Reader, SessionDep, SettingsDep, Writer
from app.api.errors import KEYED, problems
from app.api.schemas import FactOut, Page, SubmittedOut
from app.services import facts
from app.services.facts import FactStatus, FactView
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/facts", tags=["facts"], responses=KEYED)


@router.post("", status_code=202, responses=problems(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
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
    submitted = facts.submit(session, settings, body.new_facts(), key=key, idempotency_key=idempotency_key, body=raw)
    queue.ring(submitted.job)  # after the commit; were it lost, the sweeper would ring
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
