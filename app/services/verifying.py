"""Live facts asked again: a job puts each one's probe to the live version, and renews `verified_at` or flags the fact.

Such a job makes no version. It is claimed behind all others, and gives way to them between its batches; where it goes
on its report says. Being cited renews nothing: what is asked often is not what is asked rightly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app import tracing
from app.db.among import among
from app.db.session import transaction
from app.db.tables import UNFINISHED, Fact, Job, Json
from app.services import audit, facts, jobs, learning, outbox, replacing
from app.services.audit import Actor
from app.services.learning import Claim
from app.services.replacing import Touched

NIGHTLY = Actor("nightly")
BATCH = 32  # facts that are asked between two looks at the queue: some seconds
_SHOWN_STALE = 100  # of a report


@dataclass(frozen=True)
class Batch:
    """Facts that a job asks next, with their probes; `done` were asked before."""

    facts: Sequence[Touched]
    done: int


@dataclass(frozen=True)
class Verdict:
    """What the live version says to a fact's probe."""

    fact: int
    said: str
    right: bool


@dataclass(frozen=True)
class Opened:
    """Questions that nobody taught: how many were asked, and how many of them a taught row opens to."""

    asked: int
    open: int


@dataclass(frozen=True)
class LastVerified:
    """What the last job found that asked all facts, `age` seconds ago."""

    age: float
    right: int
    stale: int
    neighbours: Opened
    bank: Opened


def queue(session: Session, namespace: str, actor: Actor) -> tuple[Job, bool]:
    """The job that asks all live facts of a namespace, and whether it is new: one on its way already does it."""
    with transaction(session):
        jobs.take_turns(session, namespace)
        own = select(Job).where(Job.namespace == namespace, Job.kind == "verify", Job.state.in_(UNFINISHED))
        waiting = session.scalars(own.limit(1)).first()
        if waiting is not None:
            return waiting, False
        return _queued(session, namespace, actor, _many(session, namespace)), True


def queue_nightly(session: Session, namespace: str, night: datetime) -> int | None:
    """Queue the job of a night, unless one was made since or every live fact was asked since. The caller rings."""
    with transaction(session):
        jobs.take_turns(session, namespace)
        since = (Job.namespace == namespace, Job.kind == "verify", Job.created_at >= night)
        if session.scalar(select(Job.id).where(*since).limit(1)) is not None:
            return None
        if not _many(session, namespace, before=night):
            return None
        return _queued(session, namespace, NIGHTLY, _many(session, namespace)).id


def last_night(hour: int, now: datetime) -> datetime:
    """The last time at which it was that hour."""
    at = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return at if at <= now else at - timedelta(days=1)


def batch(session: Session, claim: Claim) -> Batch:
    """The facts that a job asks next; none where all were asked."""
    job = jobs.get(session, claim.namespace, claim.job)
    report = job.report or {}
    live = facts.with_status(claim.namespace, "live").where(Fact.probe.is_not(None))
    live = live.where(Fact.id > report.get("through", 0)).order_by(Fact.id).limit(BATCH)
    ids = [row[0].id for row in session.execute(live)]
    return Batch(replacing.touched(session, ids), report.get("asked", 0))


def store(session: Session, claim: Claim, found: Sequence[Verdict], near: Opened) -> bool:
    """Note what a batch came to; False where the job waits again, because another one does or the head moved.

    near  questions near some of these facts
    Raises LeaseLost.
    """
    with transaction(session):
        live, job = learning.fence(session, claim), jobs.get(session, claim.namespace, claim.job)
        if live != claim.parent:  # what was asked is not what is live
            _give_way(session, claim, job, f"version {live} went live")
            return False
        newly = _note(session, found)
        if newly:
            outbox.emit(session, claim.namespace, "fact.stale", facts=newly, job=job.id, version=claim.parent)
        report = _added(job.report or {}, found, near)
        job.report, job.done = report, report["asked"]
        first = jobs.oldest_queued(session, claim.namespace)
        if first is not None:
            _give_way(session, claim, job, f"job {first} goes first")
        return first is None


def end(session: Session, claim: Claim, bank: Opened) -> None:
    """Close a job that has asked all. Raises LeaseLost."""
    with transaction(session):
        learning.fence(session, claim)
        job = jobs.get(session, claim.namespace, claim.job)
        report = _added(job.report or {}, [], Opened(0, 0))
        report.pop("through")
        job.report = report | {"bank": vars(bank), "version": claim.parent}
        job.total = report["asked"]
        jobs.succeed(session, job)
        learning.release(session, claim)


def last(session: Session, namespace: str) -> LastVerified | None:
    """What the last job found that came to its end."""
    age = func.extract("epoch", func.now() - Job.updated_at)
    query = select(Job.report, age).where(Job.namespace == namespace, Job.kind == "verify", Job.state == "succeeded")
    row = session.execute(query.order_by(Job.id.desc()).limit(1)).first()
    report, seconds = (None, 0.0) if row is None else row
    if report is None:
        return None
    neighbours, bank = (Opened(**report[name]) for name in ("neighbours", "bank"))
    return LastVerified(float(seconds), report["right"], report["asked"] - report["right"], neighbours, bank)


def _many(session: Session, namespace: str, before: datetime | None = None) -> int:
    """How many live facts can be asked; `before` counts those that were not since then."""
    live = facts.with_status(namespace, "live").where(Fact.probe.is_not(None))
    if before is not None:
        live = live.where(func.coalesce(Fact.verified_at < before, True))
    return session.scalar(live.with_only_columns(func.count(Fact.id))) or 0


def _queued(session: Session, namespace: str, actor: Actor, total: int) -> Job:
    job = Job(namespace=namespace, kind="verify", total=total, api_key_id=actor.key_id)
    job.traceparent = tracing.traceparent()
    session.add(job)
    session.flush()
    jobs.record(session, job.id, "queued", facts=total)
    audit.record(session, actor, "facts.verify", f"job {job.id}")
    return job


def _give_way(session: Session, claim: Claim, job: Job, reason: str) -> None:
    """Put a job back that goes on later, which is no attempt."""
    job.attempts -= 1
    done = job.done
    jobs.queue_again(session, job, reason)
    job.done = done
    learning.release(session, claim)


def _note(session: Session, found: Sequence[Verdict]) -> list[int]:
    """Renew what holds and flag what does not; returns those that were not flagged before."""
    wrong = [one.fact for one in found if not one.right]
    unflagged = select(Fact.id).where(among(Fact.id, wrong), Fact.stale_at.is_(None)).order_by(Fact.id)
    newly = list(session.scalars(unflagged))
    right = update(Fact).where(among(Fact.id, [one.fact for one in found if one.right]))
    session.execute(right.values(verified_at=func.clock_timestamp(), stale_at=None, stale_said=None))
    for one in found:
        if not one.right:
            flag = update(Fact).where(Fact.id == one.fact)
            since = func.coalesce(Fact.stale_at, func.clock_timestamp())
            session.execute(flag.values(stale_at=since, stale_said=one.said))
    return newly


def _added(report: Json, found: Sequence[Verdict], near: Opened) -> Json:
    stale = [{"fact": one.fact, "said": one.said} for one in found if not one.right]
    known = report.get("neighbours", {"asked": 0, "open": 0})
    return report | {
        "asked": report.get("asked", 0) + len(found),
        "right": report.get("right", 0) + len(found) - len(stale),
        "stale": [*report.get("stale", ()), *stale][:_SHOWN_STALE],
        "neighbours": {"asked": known["asked"] + near.asked, "open": known["open"] + near.open},
        "through": max((one.fact for one in found), default=report.get("through", 0)),
    }
