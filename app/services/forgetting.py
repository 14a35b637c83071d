"""Forgetting: live facts are named by a call, and a job makes a version without their rows.

`forget` and `forget_source` are whole services. The others are steps, and none of them commits: `take_out` is one of
what forgets facts, `queue` of calls and of the expiry, `claimed` and `store` of the service `learning`, inside whose
transactions they run.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import tracing
from app.db.session import transaction
from app.db.tables import UNDECIDED, ApiKey, Fact, Forgetting, Job, Json
from app.errors import FactNotFound, FactNotLive, FactNotLiveYet, InvalidInput
from app.services import audit, facts, jobs, replacing
from app.services.audit import Actor
from app.services.facts import FactView
from app.services.replacing import Touched
from app.services.submission import Submitted, SubmittedFact
from app.settings import Settings
from model.facts import Fact as Taught


@dataclass(frozen=True)
class ForgottenVersion:
    """What a worker hands in that has forgotten facts: the rows after it as bytes, and the hash of their state.

    slots     how many were emptied
    facts     those whose rows are gone
    silenced  those that were told by rows of these, and are not told any more
    """

    delta: bytes
    state_hash: str
    fingerprint: str
    slots: int
    facts: Sequence[int]
    silenced: Sequence[int]
    report: Json


def forget(session: Session, key: ApiKey, fact_id: int) -> Submitted:
    """Queue the job that forgets a live fact; one that is forgotten, or about to be, is answered with its job.

    The caller rings for a new job. Raises FactNotFound, FactNotLive.
    """
    with transaction(session):
        jobs.take_turns(session, key.namespace)
        fact = facts.get(session, key.namespace, fact_id)
        if fact.status not in ("live", "forgotten"):
            kind = FactNotLiveYet if fact.status in UNDECIDED else FactNotLive
            raise kind(f"fact {fact_id} is {fact.status}; only a live fact can be forgotten")
        return take_out(session, key, [fact])


def forget_source(session: Session, settings: Settings, key: ApiKey, source: str) -> Submitted:
    """The same for all live facts of a source, as one job.

    Raises FactNotFound when it has none that is live or forgotten, InvalidInput when it has more than a job may.
    """
    with transaction(session):
        jobs.take_turns(session, key.namespace)
        own = facts.with_status(key.namespace).where(Fact.source == source)
        found = [facts.view(row) for row in session.execute(own.order_by(Fact.id)) if row[1] in ("live", "forgotten")]
        named = [fact for fact in found if fact.status == "live"] or found
        if not named:
            raise FactNotFound(f"no live fact has the source {source!r}")
        if len(named) > settings.max_facts:
            raise InvalidInput(
                f"source: {len(named):,} live facts have the source {source!r}; "
                f"at most {settings.max_facts:,} can be forgotten in a call"
            )
        return take_out(session, key, named)


def take_out(session: Session, key: ApiKey, named: Sequence[FactView]) -> Submitted:
    """Queue the job that forgets these facts. A step of `forget` and of forgetting documents: it does not commit."""
    ids = [fact.id for fact in named]
    known = facts.leaving(session, ids) | facts.forgotten_by(session, key.namespace, ids)
    taken = tuple(SubmittedFact(fact.id, fact.status) for fact in named)
    fresh = [fact for fact in ids if fact not in known]
    if not fresh:
        job = jobs.get(session, key.namespace, max(known.values()))
        return Submitted(job.id, job.state, taken, new=False)
    job_id = queue(session, key.namespace, fresh, audit.holder(key))
    return Submitted(job_id, "queued", taken, new=True)


def queue(session: Session, namespace: str, ids: Sequence[int], actor: Actor, reason: str | None = None) -> int:
    """Store the job that forgets facts, and its row of the audit log; returns the job."""
    job = Job(namespace=namespace, kind="forget", total=len(ids), api_key_id=actor.key_id)
    job.traceparent = tracing.traceparent()
    session.add(job)
    session.flush()
    session.add_all(Forgetting(fact_id=fact, job_id=job.id, named=True) for fact in ids)
    jobs.record(session, job.id, "queued", facts=len(ids), **({} if reason is None else {"why": reason}))
    audit.record(session, actor, "facts.forget", f"job {job.id}", reason)
    return job.id


def claimed(session: Session, job: Job) -> tuple[Taught, ...]:
    """The facts that a job is to forget, without those that are not live any more."""
    named = select(Forgetting.fact_id).where(Forgetting.job_id == job.id, Forgetting.named)
    live = facts.with_status(job.namespace, "live").where(Fact.id.in_(named)).order_by(Fact.id)
    found = [row[0] for row in session.execute(live)]
    return tuple(Taught(fact.id, fact.statement, fact.question, fact.answer, tuple(fact.phrasings)) for fact in found)


def riders(session: Session, namespace: str, ids: Collection[int]) -> list[Touched]:
    """Live facts that are told by rows of `ids`: these gave the same answer and took their rows over."""
    riding = set(replacing.with_riders(session, ids)) - set(ids)
    live = facts.with_status(namespace, "live").where(Fact.id.in_(riding))
    return replacing.touched(session, [row[0].id for row in session.execute(live)])


def store(session: Session, job_id: int, gone: Collection[int], silenced: Collection[int]) -> None:
    """Note what the version of a job does not tell any more; what an earlier attempt noted does not count."""
    session.execute(delete(Forgetting).where(Forgetting.job_id == job_id, ~Forgetting.named))
    own = update(Forgetting).where(Forgetting.job_id == job_id)
    session.execute(own.values(gone=Forgetting.fact_id.in_(gone)))
    for fact in silenced:
        session.execute(insert(Forgetting).values(fact_id=fact, job_id=job_id, named=False, gone=True))
