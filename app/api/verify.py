"""/v1/admin/verify: all live facts asked again, now."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response

from app.api.deps import Operator, QueueDep, SessionDep
from app.api.errors import KEYED
from app.api.ringing import answer_with
from app.api.schemas import JobItem
from app.services import verifying
from app.services.audit import holder

router = APIRouter(prefix="/v1/admin", tags=["facts"], responses=KEYED)
_THERE: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {"model": JobItem, "description": "such a job is on its way already"}
}


@router.post("/verify", status_code=HTTPStatus.ACCEPTED, responses=_THERE)
def verify(key: Operator, response: Response, session: SessionDep, queue: QueueDep) -> JobItem:
    """Ask the probes of all live facts again, by a job. `Location` is where to follow it."""
    job, is_new = verifying.queue(session, key.namespace, holder(key))
    answer_with(job.id, response, queue, new=is_new)
    return JobItem.of(job)
