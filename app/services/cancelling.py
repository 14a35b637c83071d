"""Cancelling a job before it becomes a version. The head row's lock decides against the worker that hands one in."""

from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import ApiKey, Job
from app.errors import JobNotCancellable
from app.services import audit, jobs, keys, learning, versions


def cancel(session: Session, key: ApiKey, job_id: int) -> Job:
    """End a job that is queued or running, so that nothing of it is ever published; one that is cancelled stays so.

    A worker that does it has lost its lease, and writes no more. Raises JobNotFound, RoleTooLow for the job of another
    key unless this one is an operator's, and JobNotCancellable.
    """
    with transaction(session):
        head = versions.locked_head(session, key.namespace)
        job = jobs.get(session, key.namespace, job_id)  # as it is behind the lock
        if job.api_key_id != key.id:
            keys.require(key, "operator")
        if job.state == "cancelled":
            return job
        if job.kind == "relearn":
            raise JobNotCancellable(f"job {job_id} teaches a new base what was live; it cannot be cancelled")
        if job.state not in ("queued", "running"):
            raise JobNotCancellable(f"job {job_id} is {job.state}; only a queued or running job can be cancelled")
        if job.state == "running":
            learning.end_lease(head)
        jobs.end(session, job, "cancelled", f"cancelled by {key.name!r}")
        audit.record(session, audit.holder(key), "jobs.cancel", f"job {job_id}")
        return job
