"""/v1/facts: teach facts, see what became of them, and let the model forget them."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from app.api.bodies import FactsBody
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
from app.api.schemas import FactOut, Outgoing, Page, SubmittedOut, example
from app.queue import Queue
from app.services import facts, forgetting, rehearsal, submission
from app.services.facts import FactStatus, FactView
from app.services.pages import Page as ServicePage
from app.services.rehearsal import Foreseen, Verdict
from app.services.submission import Post, Submitted

router = APIRouter(prefix="/v1/facts", tags=["facts"], responses=KEYED)


_REPEATED = "all of these facts are live or on their way already, or it was a `dry_run`; nothing was stored"
_GONE = "all of these facts are forgotten or about to be; nothing was stored"
_FORGETS: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {"model": SubmittedOut, "description": _GONE},
    **problems(HTTPStatus.NOT_FOUND),
}


class ForeseenOut(Outgoing):
    """What would become of a fact."""

    verdict: Verdict = Field(description="`unaskable`: it would fail, as nothing tells what is asked")
    duplicate_of: int | None = Field(description="the fact that says the same and is live or on its way")
    replaces: list[int] = Field(description="facts with the same question and another answer; the model finds more")
    questions: list[str] = Field(description="it would be taught by; another model may write more")
    unread: list[str] = Field(description="parts of the statement that none of them teaches")
    reason: str | None = Field(description="why it would not be learned")


class RehearsedOut(Outgoing):
    """What a POST would come to; nothing was stored."""

    model_config = example(
        dry_run=True,
        facts=[
            {
                "verdict": "new",
                "duplicate_of": None,
                "replaces": [4],
                "questions": ["What is the capital of Zorvania?"],
                "unread": [],
                "reason": None,
            }
        ],
    )

    dry_run: bool = True
    facts: list[ForeseenOut] = Field(description="in the order sent")

    @classmethod
    def of(cls, foreseen: list[Foreseen]) -> "RehearsedOut":
        """The reply."""
        return cls(facts=[ForeseenOut.model_validate(one) for one in foreseen])


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=SubmittedOut,
    responses={
        HTTPStatus.OK.value: {"model": SubmittedOut | RehearsedOut, "description": _REPEATED},
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
    limiter: LimiterDep,
    idempotency_key: Annotated[str | None, Header(description="same key and body: same reply")] = None,
    dry_run: Annotated[bool, Query(description="store nothing, and tell what would become of each fact")] = False,
) -> SubmittedOut | JSONResponse:
    """Teach one fact, or several as one job. `Location` is where to follow it."""
    if dry_run:
        rehearsed = RehearsedOut.of(rehearsal.rehearse(session, settings, key.namespace, body.new_facts()))
        return JSONResponse(rehearsed.model_dump())
    post = Post(body.new_facts(), key, raw, idempotency_key)
    limiter.facts(key.id, key.facts_per_day, len(post.facts))
    return _replied(submission.submit(session, settings, post), response, queue)


@router.delete("", status_code=HTTPStatus.ACCEPTED, responses=_FORGETS)
def forget_source(
    source: Annotated[str, Query(pattern="^[^\\x00]+$", description="all live facts of this source")],
    response: Response,
    key: Operator,
    session: SessionDep,
    settings: SettingsDep,
    queue: QueueDep,
) -> SubmittedOut:
    """Forget all live facts of a source as one job. `Location` is where to follow it."""
    return _replied(forgetting.forget_source(session, settings, key, source), response, queue)


@router.delete("/{fact_id}", status_code=HTTPStatus.ACCEPTED, responses={**_FORGETS, **problems(HTTPStatus.CONFLICT)})
def forget_fact(
    fact_id: PathId, response: Response, key: Operator, session: SessionDep, queue: QueueDep
) -> SubmittedOut:
    """Forget a live fact: a new version has none of its rows. `Location` is where to follow the job."""
    return _replied(forgetting.forget(session, key, fact_id), response, queue)


@router.get("", response_model=Page[FactOut])
def list_facts(
    key: Reader,
    session: SessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: FactStatus | None = None,
    source: Annotated[str | None, Query(pattern="^[^\\x00]+$")] = None,
    stale: Annotated[bool | None, Query(description="live facts whose last probe was not answered right")] = None,
) -> ServicePage[FactView]:
    """Facts, newest first."""
    return facts.page(session, key.namespace, cursor, limit, status, source, stale)


@router.get("/{fact_id}", response_model=FactOut, responses=problems(HTTPStatus.NOT_FOUND))
def get_fact(fact_id: PathId, key: Reader, session: SessionDep) -> FactView:
    """One fact: its status, why it failed, and what the model said to its probe."""
    return facts.get(session, key.namespace, fact_id)


def _replied(submitted: Submitted, response: Response, queue: Queue) -> SubmittedOut:
    answer_with(submitted.job, response, queue, new=submitted.new)
    return SubmittedOut.of(submitted)
