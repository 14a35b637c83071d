"""/v1/jobs: follow what a POST of facts has started."""

from http import HTTPStatus

from fastapi import APIRouter

from app.api.deps import PathId, Reader, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import JobOut
from app.services import facts, jobs

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=KEYED)


@router.get("/{job_id}", responses=problems(HTTPStatus.NOT_FOUND))
def get_job(job_id: PathId, key: Reader, session: SessionDep) -> JobOut:
    """One job: how far it is, and the version that it became."""
    return JobOut.of(jobs.get(session, job_id), facts.of_job(session, job_id))
