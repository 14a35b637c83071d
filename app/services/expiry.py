"""Facts whose time is over are forgotten by an ordinary job, made once however many processes look for them.

`valid_until` is of whatever version is live: a fact that a rollback brought back is forgotten again.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import UNFINISHED, Fact, Forgetting, Job
from app.services import facts, forgetting, jobs
from app.services.audit import Actor
from app.settings import Settings

EXPIRY = Actor("expiry")
OVERDUE = "its time was over before it was learned; see `valid_until`"
_TRIED_AGAIN_AFTER = timedelta(hours=1)


def forget_due(session: Session, settings: Settings) -> int | None:
    """Queue the job that forgets the live facts whose time is over; None where there is none. The caller rings.

    One whose job failed or was cancelled is tried again an hour later.
    """
    over = (
        Fact.namespace == settings.namespace,
        Fact.state == "learned",
        Fact.valid_until <= func.clock_timestamp(),
    )
    if session.scalar(select(Fact.id).where(*over).limit(1)) is None:  # mostly: no more than a look at an index
        return None
    with transaction(session):
        jobs.take_turns(session, settings.namespace)
        lately = func.now() - _TRIED_AGAIN_AFTER
        ended = Job.state.in_(("failed", "rejected", "cancelled"))
        tried = select(Forgetting.fact_id).join(Job, Job.id == Forgetting.job_id).where(Forgetting.named)
        tried = tried.where(or_(Job.state.in_(UNFINISHED), and_(ended, Job.updated_at > lately)))
        live = facts.with_status("live").where(*over, Fact.id.not_in(tried)).order_by(Fact.valid_until, Fact.id)
        due = [row[0] for row in session.execute(live.limit(settings.max_facts))]
        if not due:
            return None
        ids = [fact.id for fact in due]
        return forgetting.queue(session, settings.namespace, ids, EXPIRY, _reason([fact.valid_until for fact in due]))


def drop_overdue(session: Session, job: Job) -> None:
    """Fail facts of a job that is begun whose time was over while they waited. A step of a claim."""
    over = (Fact.job_id == job.id, Fact.state == "learning", Fact.valid_until <= func.clock_timestamp())
    session.execute(update(Fact).where(*over).values(state="failed", reason=OVERDUE))


def _reason(times: list[datetime | None]) -> str:
    told = [time.astimezone(UTC).isoformat().replace("+00:00", "Z") for time in times if time is not None]
    return f"valid until {told[0]}" if len(set(told)) == 1 else f"valid until {told[0]} to {told[-1]}"
