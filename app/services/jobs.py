"""Jobs: read by anybody, moved from state to state only here.

`get` and `page` are whole services. The others are steps of other services: they run inside the transaction of their
caller and do not commit. Who moves a job holds the head row's lock.
"""

from typing import Any, Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.db.tables import UNDECIDED, Fact, FactState, Job, JobEvent, JobState
from app.errors import JobNotFound
from app.services import outbox, replacing
from app.services.pages import Page, newest, page_of


def get(session: Session, namespace: str, job_id: int) -> Job:
    """One job. Raises JobNotFound, for one of another namespace, too."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or job.namespace != namespace:
        raise JobNotFound(f"there is no job {job_id}")
    return job


def page(session: Session, namespace: str, cursor: int | None, limit: int, state: JobState | None = None) -> Page[Job]:
    """Jobs, newest first, older than `cursor`."""
    query = newest(select(Job).where(Job.namespace == namespace), Job.id, cursor, limit)
    if state is not None:
        query = query.where(Job.state == state)
    return page_of(session.scalars(query).all(), limit, lambda job: job.id)


def record(session: Session, job_id: int, kind: str, **data: Any) -> None:
    """Add an event to a job's history.

    The job's row is locked until the caller commits: so who reads an event has read all with smaller numbers, too.
    """
    session.execute(select(Job.id).where(Job.id == job_id).with_for_update(key_share=True))
    session.add(JobEvent(job_id=job_id, kind=kind, data=data))


def take_turns(session: Session, namespace: str) -> None:
    """Wait until no other call makes a job: of equal ones at the same moment all but one find what is stored."""
    name = f"facts of {namespace}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def oldest_queued(session: Session, namespace: str) -> int | None:
    """The job that is begun next: what was posted since goes on top of what a new base is taught anew.

    One that only asks comes behind all others.
    """
    queued = select(Job.id).where(Job.namespace == namespace, Job.state == "queued")
    return session.scalar(queued.order_by(Job.kind != "relearn", Job.kind == "verify", Job.id).limit(1))


def queue_again(session: Session, job: Job, reason: str) -> None:
    """Put a job back in its place in the queue, with every fact that is not yet decided."""
    job.state, job.version_id, job.done = "queued", None, 0
    move_facts(session, job, "queued")
    record(session, job.id, "queued", reason=reason, attempts=job.attempts)


def retry(session: Session, job: Job, error: str, max_attempts: int) -> None:
    """Queue a job again after a failed attempt; when no attempt is left, it fails, its facts with it.

    A version that was imported is what it is: nothing can be tried again.
    """
    job.error = error
    if job.kind == "import":
        end(session, job, "rejected", error)
    elif job.attempts < max_attempts:
        queue_again(session, job, error)
    else:
        end(session, job, "failed", f"{error} (attempt {job.attempts} of {max_attempts})")


def end(session: Session, job: Job, state: Literal["failed", "rejected", "cancelled"], reason: str) -> None:
    """Close a job that taught nothing; its undecided facts fail, or are cancelled, for the same reason."""
    job.state, job.version_id, job.error = state, None, reason
    move_facts(session, job, "cancelled" if state == "cancelled" else "failed", reason)
    record(session, job.id, state, reason=reason)
    _tell(session, job)


def succeed(session: Session, job: Job, **data: Any) -> None:
    """Close a job that did what it was for; `data` is of its last event."""
    job.state, job.error, job.done = "succeeded", None, job.total
    record(session, job.id, "succeeded", **data)
    _tell(session, job)


def _tell(session: Session, job: Job) -> None:
    """Tell those who want to know that a job has ended."""
    event: dict[JobState, outbox.Event] = {
        "succeeded": "job.succeeded",
        "failed": "job.failed",
        "rejected": "job.rejected",
        "cancelled": "job.cancelled",
    }
    outbox.emit(session, job.namespace, event[job.state], job=job.id, kind=job.kind, version=job.version_id)


def move_facts(session: Session, job: Job, state: FactState, reason: str | None = None) -> None:
    """Move the undecided facts of a job, away from the version that was to carry them."""
    undecided = (Fact.job_id == job.id, Fact.state.in_(UNDECIDED))
    replacing.forget(session, select(Fact.id).where(*undecided))
    session.execute(update(Fact).where(*undecided).values(state=state, reason=reason, version_id=None))
