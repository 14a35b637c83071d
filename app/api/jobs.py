"""/v1/jobs: follow what a POST of facts has started."""

from http import HTTPStatus

from fastapi import APIRouter

from app.api.deps import Cursor, Limit, PathId, Reader, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import JobItem, JobOut, Page
from app.db.tables import JobState
from app.services import facts, jobs

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=KEYED)


@router.get("")
def list_jobs(
    key: Reader, session: SessionDep, cursor: Cursor = None, limit: Limit = 50, state: JobState | None = None
) -> Page[JobItem]:
    """Jobs, newest first, without their facts."""
    found = jobs.page(session, cursor, limit, state)
    return Page(items=[JobItem.of(job) for job in found.items], next_cursor=found.next_cursor)


@router.get("/{job_id}", responses=problems(HTTPStatus.NOT_FOUND))
def get_job(job_id: PathId, key: Reader, session: SessionDep) -> JobOut:
    """One job: how far it is, and the version that it became."""
    return JobOut.with_facts(jobs.get(session, job_id), facts.of_job(session, job_id))
