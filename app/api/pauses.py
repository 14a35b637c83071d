"""/v1/admin/pause and /resume: stop learning for a while, and who did so when and why."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from app.api.bodies import Incoming, Reason
from app.api.deps import Cursor, Limit, Operator, QueueDep, SessionDep
from app.api.errors import KEYED
from app.api.schemas import Outgoing, Page, example
from app.db.tables import Pause
from app.services import jobs, pausing
from app.services.audit import holder
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin", tags=["jobs"], responses=KEYED)


class PauseIn(Incoming):
    """Why learning stops, or goes on."""

    model_config = example(reason="the batch of tonight needs the machine")

    reason: Reason


class PauseOut(Outgoing):
    """Learning was paused, or let on."""

    model_config = example(
        id=4,
        paused=True,
        reason="the batch of tonight needs the machine",
        actor="the editors",
        created_at="2026-11-29T22:00:00Z",
    )

    id: int
    paused: bool
    reason: str
    actor: str = Field(description="the name of the API key")
    created_at: datetime


@router.post("/pause", response_model=PauseOut)
def pause(body: PauseIn, key: Operator, session: SessionDep) -> Pause:
    """Begin no job until it is resumed: facts are taken in and wait. The job that is learned now is ended."""
    return pausing.put(session, key.namespace, True, reason=body.reason, actor=holder(key))


@router.post("/resume", response_model=PauseOut)
def resume(body: PauseIn, key: Operator, session: SessionDep, queue: QueueDep) -> Pause:
    """Let learning go on."""
    pause = pausing.put(session, key.namespace, False, reason=body.reason, actor=holder(key))
    waiting = jobs.oldest_queued(session, key.namespace)
    if waiting is not None:
        queue.ring(waiting)
    return pause


@router.get("/pauses", response_model=Page[PauseOut])
def list_pauses(key: Operator, session: SessionDep, cursor: Cursor = None, limit: Limit = 50) -> ServicePage[Pause]:
    """When learning was paused and let on, newest first: the first says which holds now."""
    return pausing.page(session, key.namespace, cursor, limit)
