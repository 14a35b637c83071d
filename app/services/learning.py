"""Learning, as the worker sees it: claim a job, keep the lease, hand in a version or give the job back.

A claim takes the learn lease of the namespace, which lives on the head row. Its epoch is a fencing token:
every write of a worker begins with `_fence`, so one presumed dead cannot write, however late it wakes.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from app.db.clock import heard_within
from app.db.session import transaction
from app.db.tables import BASE_VERSION, Head, Job, JobKind, Json, Version, VersionKind
from app.db.tables import Fact as FactRow
from app.errors import LeaseLost, WrongCheckpoint
from app.reading.reader import Reading
from app.services import document_reading, expiry, forgetting, handed, jobs, pausing
from app.services.forgetting import ForgottenVersion
from app.services.handed import FactResult, LearnedVersion
from app.settings import Settings
from model.facts import Fact


@dataclass(frozen=True)
class Claim:
    """The right to do a job on top of version `parent`, for as long as the lease stands at `epoch`.

    facts        to be learned; where `kind` is "forget", to be forgotten: those of them that are live; none where it is
                 "read": they are in a document that is still to be read
    traceparent  the span of the call that made the job
    """

    job: int
    kind: JobKind
    namespace: str
    epoch: int
    parent: int
    facts: tuple[Fact, ...]
    traceparent: str | None = None


def claim(session: Session, settings: Settings, owner: str) -> Claim | None:
    """Take the oldest queued job of a namespace and its learn lease; None where no job can be begun.

    A job waits for the verification of the one before it in its namespace, because it is learned on top of that
    version, and while learning is paused there. Of namespaces whose jobs can be begun the one is next that has waited
    longest since its last: however much is queued in one, the others come as often.
    """
    for namespace in _waiting(session, settings):
        claimed = _claim(session, settings, namespace, owner)
        if claimed is not None:
            return claimed
    return None


def _claim(session: Session, settings: Settings, namespace: str, owner: str) -> Claim | None:
    with transaction(session):
        head = _idle_head(session, settings, namespace)
        job_id = jobs.oldest_queued(session, namespace) if head else None
        if head is None or job_id is None:
            return None
        job = jobs.get(session, namespace, job_id)
        head.lease_owner, head.lease_epoch = owner, head.lease_epoch + 1
        head.lease_heartbeat = head.claimed_at = func.now()
        job.state, job.epoch, job.attempts = "running", head.lease_epoch, job.attempts + 1
        jobs.move_facts(session, job, "learning")
        expiry.drop_overdue(session, job)
        jobs.record(session, job.id, "running", owner=owner, attempt=job.attempts, parent=head.live_version)
        facts = _claimed(session, job)
        return Claim(job.id, job.kind, head.namespace, head.lease_epoch, head.live_version, facts, job.traceparent)


def heartbeat(session: Session, claim: Claim, done: int) -> None:
    """Renew the lease and report progress: `done` facts have been trained. Raises LeaseLost."""
    with transaction(session):
        fence(session, claim)
        session.execute(update(Job).where(Job.id == claim.job).values(done=done))


def commit_version(session: Session, claim: Claim, learned: LearnedVersion) -> int:
    """Store a version, state `ready`, and give the lease up: its job is `verifying` now.

    Facts that were not learned end here; the others wait for the engines (see `publishing`).
    Raises LeaseLost, and WrongCheckpoint when the data were given to another base (see `relearn`).
    """
    with transaction(session):
        fence(session, claim)
        taught = sum(result.learned for result in learned.facts)
        version = _stored(session, claim, learned, taught, len(learned.slots.slots))
        handed.store_slots(session, version.id, learned.slots)
        for result in learned.facts:
            handed.store_result(session, result, version.id)
        replaced = handed.store_replacements(session, learned)
        _to_be_verified(session, claim, version, learned.report | {"replaced": replaced})
        return version.id


def commit_forgotten(session: Session, claim: Claim, forgotten: ForgottenVersion) -> int:
    """The same for a version that has forgotten facts: engines have nothing to answer, but its state to find.

    Raises LeaseLost, WrongCheckpoint.
    """
    with transaction(session):
        fence(session, claim)
        version = _stored(session, claim, forgotten, len(forgotten.facts), forgotten.slots)
        forgetting.store(session, claim.job, forgotten.facts, forgotten.silenced)
        _to_be_verified(session, claim, version, forgotten.report)
        return version.id


def commit_reading(session: Session, settings: Settings, claim: Claim, reading: Reading) -> None:
    """Store what was read of a document as facts, with the jobs that learn them, and end the claim's job.

    Where nothing of it can be taught the job is rejected, and the document says why. Raises LeaseLost.
    """
    with transaction(session):
        fence(session, claim)
        job = jobs.get(session, claim.namespace, claim.job)
        job.report = document_reading.store(session, settings, job, reading)
        if reading.facts:
            jobs.succeed(session, job, jobs=job.report["jobs"])
        else:
            jobs.end(session, job, "rejected", document_reading.NOTHING_READ)
        release(session, claim)


def reject(session: Session, claim: Claim, results: Sequence[FactResult], reason: str, report: Json) -> None:
    """Close a job whose training gave nothing that may be published. Raises LeaseLost.

    Facts that were not learned keep their own reason; those that were, fail with the job's.
    """
    with transaction(session):
        fence(session, claim)
        for result in results:
            handed.store_result(session, result, None)
        job = jobs.get(session, claim.namespace, claim.job)
        job.report = report
        jobs.end(session, job, "rejected", reason)
        release(session, claim)


def give_back(session: Session, settings: Settings, claim: Claim, error: str) -> None:
    """Hand a job back after an error: queued again, or failed after its last attempt. Raises LeaseLost."""
    with transaction(session):
        fence(session, claim)
        jobs.retry(session, jobs.get(session, claim.namespace, claim.job), error, settings.max_attempts)
        release(session, claim)


def put_down(session: Session, claim: Claim, reason: str) -> None:
    """Hand a job back for a reason that is no fault of it, which is no attempt. Raises LeaseLost."""
    with transaction(session):
        fence(session, claim)
        job = jobs.get(session, claim.namespace, claim.job)
        job.attempts -= 1
        jobs.queue_again(session, job, reason)
        release(session, claim)


def sweep(session: Session, settings: Settings, is_dead: Callable[[str], bool]) -> list[int]:
    """The job to ring for, if one waits in a namespace where nobody learns: its message may be lost.

    Ends silent leases, and at once those of owners that are known to be dead.
    """
    for namespace in session.scalars(select(Head.namespace).where(Head.lease_owner.is_not(None))).all():
        with transaction(session):
            _idle_head(session, settings, namespace, is_dead)
    for namespace in _waiting(session, settings):
        with transaction(session):
            job_id = jobs.oldest_queued(session, namespace) if _idle_head(session, settings, namespace) else None
        if job_id is not None:
            return [job_id]
    return []


def _waiting(session: Session, settings: Settings) -> Sequence[str]:
    """Namespaces in which a job can be begun, by the look of it; the one first whose last job was begun longest ago."""
    of_head = select(Job.id).where(Job.namespace == Head.namespace).correlate(Head)
    query = select(Head.namespace).where(
        ~_is_leased(settings),
        of_head.where(Job.state.in_(("queued", "running"))).exists(),
        ~of_head.where(Job.state == "verifying").exists(),
        ~pausing.is_paused_at(Head.namespace),
    )
    with transaction(session):  # none of it is locked: whoever begins a job looks again
        return session.scalars(query.order_by(Head.claimed_at.asc().nulls_first(), Head.namespace)).all()


def _is_leased(settings: Settings) -> ColumnElement[bool]:
    return heard_within(Head.lease_heartbeat, settings.lease_seconds)


def _idle_head(
    session: Session, settings: Settings, namespace: str, is_dead: Callable[[str], bool] = lambda owner: False
) -> Head | None:
    """The locked head row, if a job may be begun; a silent or dead owner's lease is taken away."""
    query = select(Head, _is_leased(settings)).where(Head.namespace == namespace).with_for_update()
    row = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        return None
    head, is_leased = row
    dead = head.lease_owner is not None and is_dead(head.lease_owner)
    verifying = select(Job.id).where(Job.namespace == head.namespace, Job.state == "verifying")
    if (is_leased and not dead) or session.scalar(verifying.limit(1)) is not None:
        return None
    if head.lease_owner is not None:
        _expire(session, settings, head, "has died" if dead else f"was silent for {settings.lease_seconds:g} s")
    return None if pausing.is_paused(session, head.namespace) else head


def end_lease(head: Head) -> None:
    """Take the lease away. The epoch moves, so whatever its owner writes later is refused."""
    head.lease_owner, head.lease_heartbeat, head.lease_epoch = None, None, head.lease_epoch + 1


def _expire(session: Session, settings: Settings, head: Head, what: str) -> None:
    """Take the lease from a worker that is gone, and let another one do its job."""
    error = f"worker {head.lease_owner} {what}"
    end_lease(head)
    running = select(Job).where(Job.namespace == head.namespace, Job.state == "running")
    for job in session.scalars(running.execution_options(populate_existing=True)):
        jobs.retry(session, job, error, settings.max_attempts)


def fence(session: Session, claim: Claim) -> int:
    """Lock the head row and prove that the lease is still ours: nobody can take it before this commits.

    Returns the version that is live. A step. Raises LeaseLost.
    """
    ours = update(Head).where(Head.namespace == claim.namespace, Head.lease_epoch == claim.epoch)
    live = session.scalars(ours.values(lease_heartbeat=func.now()).returning(Head.live_version)).one_or_none()
    if live is None:
        raise LeaseLost(f"job {claim.job} at epoch {claim.epoch} was cancelled, or has passed to another worker")
    return live


def release(session: Session, claim: Claim) -> None:
    """End the lease. The epoch moves, so that no later write of this claim can pass for another's. A step."""
    free = update(Head).where(Head.namespace == claim.namespace)
    session.execute(free.values(lease_owner=None, lease_heartbeat=None, lease_epoch=claim.epoch + 1))


def _stored(session: Session, claim: Claim, made: LearnedVersion | ForgottenVersion, facts: int, slots: int) -> Version:
    """A version in the state `ready`, on top of the claim's parent."""
    base = session.scalars(select(Version.fingerprint).where(Version.id == BASE_VERSION)).one()
    if base != made.fingerprint:
        raise WrongCheckpoint(f"the data belong to the base {base}, and this was learned on {made.fingerprint}")
    kind: VersionKind = "forget" if claim.kind == "forget" else "learn"
    version = Version(namespace=claim.namespace, parent_id=claim.parent, kind=kind, state="ready")
    version.delta, version.delta_sha256 = made.delta, hashlib.sha256(made.delta).hexdigest()
    version.state_hash, version.fingerprint = made.state_hash, made.fingerprint
    version.fact_count, version.slot_count, version.job_id = facts, slots, claim.job
    session.add(version)
    session.flush()
    return version


def _to_be_verified(session: Session, claim: Claim, version: Version, report: Json) -> None:
    """Move the job on to the engines, and give the lease up."""
    job = jobs.get(session, claim.namespace, claim.job)
    version.report = report
    job.state, job.version_id, job.done, job.report = "verifying", version.id, job.total, report
    jobs.record(session, job.id, "verifying", version=version.id)
    release(session, claim)


def _claimed(session: Session, job: Job) -> tuple[Fact, ...]:
    """The facts of a job that are to be learned, or forgotten."""
    if job.kind == "forget":
        return forgetting.claimed(session, job)
    query = select(FactRow).where(FactRow.job_id == job.id, FactRow.state == "learning").order_by(FactRow.id)
    learning = session.scalars(query.execution_options(populate_existing=True))
    return tuple(Fact(fact.id, fact.statement, fact.question, fact.answer, tuple(fact.phrasings)) for fact in learning)
