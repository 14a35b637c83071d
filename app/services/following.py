"""A job as those see it who follow it: what has happened to it since, and marks that tell whether anything has."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import UNFINISHED, Job, JobEvent, JobState
from app.services import facts, jobs
from app.services.facts import FactView


@dataclass(frozen=True)
class Mark:
    """A job at a moment: whatever a follower is told of it, this changes with it."""

    state: JobState
    done: int
    event: int | None


@dataclass(frozen=True)
class News:
    """A job now, and what happened to it behind the last event that its follower knows.

    facts  what is in it, once it has ended; None before
    """

    job: Job
    facts: Sequence[FactView] | None
    events: Sequence[JobEvent]

    @property
    def is_last(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.facts is not None


def marks(session: Session, ids: Collection[int]) -> dict[int, Mark]:
    """The marks of jobs, by one query."""
    last = select(func.max(JobEvent.id)).where(JobEvent.job_id == Job.id).correlate(Job).scalar_subquery()
    found = session.execute(select(Job.id, Job.state, Job.done, last).where(Job.id.in_(ids)))
    return {number: Mark(state, done, event) for number, state, done, event in found}


def news(session: Session, namespace: str, job_id: int, after: int) -> News:
    """A job, and its events behind `after`, oldest first. Raises JobNotFound."""
    # In this order: the event that ends a job is committed with its state, so the last reader misses none.
    job = jobs.get(session, namespace, job_id)
    since = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.id > after).order_by(JobEvent.id)
    events = session.scalars(since).all()
    return News(job, None if job.state in UNFINISHED else facts.of_job(session, namespace, job_id), events)
