"""The facts inside a job, and inside a version."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Fact
from app.services import facts
from app.services.facts import FactView
from app.services.versions import VersionView


def of_job(session: Session, job_id: int) -> list[FactView]:
    """The facts of a job, in the order in which they were sent; empty for a job that does not exist."""
    ends = select(func.min(Fact.id), func.max(Fact.id)).where(Fact.job_id == job_id)
    first, last = session.execute(ends).one()
    if first is None:
        return []
    # A job's facts lie close together: only those of calls made at the same moment can lie between them.
    between = facts.page(session, last + 1, last - first + 1).items
    return [fact for fact in reversed(between) if fact.job_id == job_id]


def of_version(session: Session, version: VersionView) -> list[FactView]:
    """The facts that a version taught; the base version taught none."""
    inside = [] if version.job_id is None else of_job(session, version.job_id)
    return [fact for fact in inside if fact.version_id == version.id]
