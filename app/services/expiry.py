"""Facts whose time is over are forgotten by an ordinary job, made once however many processes look for them.

`valid_until` is of whatever version is live: a fact that a rollback brought back is forgotten again.
"""

from collections.abc import Sequence
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
_OVER = (Fact.state == "learned", Fact.valid_until <= func.clock_timestamp())


def over_in(session: Session) -> Sequence[str]:
    """Namespaces with facts whose time is over: mostly none, and no more than a look at an index."""
    with transaction(session):
        return session.scalars(select(Fact.namespace).distinct().where(*_OVER)).all()


def forget_due(session: Session, settings: Settings, namespace: str) -> int | None:
    """Queue the job that forgets a namespace's live facts whose time is over; None without any. The caller rings.

    One whose job failed or was cancelled is tried again an hour later.
    """
    with transaction(session):
        jobs.take_turns(session, namespace)
        lately = func.now() - _TRIED_AGAIN_AFTER
        ended = Job.state.in_(("failed", "rejected", "cancelled"))
        tried = select(Forgetting.fact_id).join(Job, Job.id == Forgetting.job_id).where(Forgetting.named)
        tried = tried.where(or_(Job.state.in_(UNFINISHED), and_(ended, Job.updated_at > lately)))
        live = (
            facts.with_status(namespace, "live")
            .where(*_OVER, Fact.id.not_in(tried))
            .order_by(Fact.valid_until, Fact.id)
        )
        due = [row[0] for row in session.execute(live.limit(settings.max_facts))]
        if not due:
            return None
        ids = [fact.id for fact in due]
        return forgetting.queue(session, namespace, ids, EXPIRY, _reason([fact.valid_until for fact in due]))


def drop_overdue(session: Session, job: Job) -> None:
    """Fail facts of a job that is begun whose time was over while they waited. A step of a claim."""
    over = (Fact.job_id == job.id, Fact.state == "learning", Fact.valid_until <= func.clock_timestamp())
    session.execute(update(Fact).where(*over).values(state="failed", reason=OVERDUE))


def _reason(times: list[datetime | None]) -> str:
    told = [time.astimezone(UTC).isoformat().replace("+00:00", "Z") for time in times if time is not None]
    return f"valid until {told[0]}" if len(set(told)) == 1 else f"valid until {told[0]} to {told[-1]}"
