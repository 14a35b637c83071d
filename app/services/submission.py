"""Facts taken in: each POST once, each fact once, and of contradicting facts the last.

What is live or on its way in the same words is not learned again: the call is answered with the earlier fact. A fact
that was rolled back, replaced or forgotten, or has failed, is learned anew.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from app import tracing
from app.db.session import transaction
from app.db.tables import ApiKey, Fact, Job, JobState
from app.services import audit, calls, intake, jobs
from app.services.facts import FactStatus
from app.services.intake import NewFact
from app.services.sameness import Identity, identity
from app.services.sorting import sort
from app.settings import Settings

OVERRULED = "a later fact of the same call gives another answer to its question"


@dataclass(frozen=True)
class Post:
    """A call as it came: `body` tells a repeated call from another one with the same idempotency key."""

    facts: Sequence[NewFact]
    key: ApiKey
    body: bytes
    idempotency_key: str | None = None


@dataclass(frozen=True)
class SubmittedFact:
    """A fact of a call, in the order sent; it is an earlier one if that says the same."""

    id: int
    status: FactStatus


@dataclass(frozen=True)
class Submitted:
    """The reply to a call: the job that teaches its facts, and the states at that moment.

    new   whether anything was stored: else all facts were there before, and `job` is the newest that took one in
    """

    job: int
    state: JobState
    facts: tuple[SubmittedFact, ...]
    new: bool


@dataclass(frozen=True)
class TakenIn:
    """The same with counts: how many facts the job teaches, and how many a later one of the call overrules."""

    submitted: Submitted
    learned: int
    overruled: int


def submit(session: Session, settings: Settings, post: Post) -> Submitted:
    """Take facts in: they and their one job are stored together or not at all. The caller rings for a new job.

    Raises InvalidInput, IdempotencyConflict, IdempotencyInProgress.
    """
    intake.check_idempotency_key(post.idempotency_key)
    with transaction(session):
        earlier = _replay(session, post)
        if earlier is not None:
            return earlier
        intake.check(post.facts, settings)  # behind it: a fact of the first call may have ended since
        submitted = take_in(session, post.key, post.facts).submitted
        if post.idempotency_key is not None:
            body = calls.sha256(post.body)
            calls.remember(session, post.key, post.idempotency_key, body, asdict(submitted))
        if submitted.new:
            audit.record(session, audit.holder(post.key), "facts.teach", f"job {submitted.job}")
        return submitted


def take_in(session: Session, key: ApiKey, new: Sequence[NewFact]) -> TakenIn:
    """Store what is not there yet, as one job. A step of `submit` and of imports: it does not commit."""
    jobs.take_turns(session, key.namespace)
    identities = [identity(fact) for fact in new]
    sorted_out = sort(session, key.namespace, identities)
    known, stored, rows = sorted_out.known, sorted_out.new, dict[str, Fact]()
    if stored:
        job = Job(namespace=key.namespace, total=len(stored), api_key_id=key.id)
        job.traceparent = tracing.traceparent()
        session.add(job)
        session.flush()
        rows = {identities[i].content: _row(new[i], identities[i], job, key) for i in stored}
        for index in sorted_out.overruled & set(stored):
            row = rows[identities[index].content]
            row.state, row.reason = "failed", OVERRULED
        session.add_all(rows.values())
        jobs.record(session, job.id, "queued", facts=len(rows))
        session.flush()
    else:
        job = jobs.get(session, key.namespace, max(view.job_id for view in known.values()))
    taken = {content: SubmittedFact(view.id, view.status) for content, view in known.items()}
    taken |= {content: SubmittedFact(row.id, _status(row)) for content, row in rows.items()}
    state: JobState = "queued" if stored else job.state
    submitted = Submitted(job.id, state, tuple(taken[one.content] for one in identities), new=bool(stored))
    return TakenIn(submitted, len(sorted_out.learned), len(stored) - len(sorted_out.learned))


def _row(fact: NewFact, one: Identity, job: Job, key: ApiKey) -> Fact:
    return Fact(
        namespace=job.namespace,
        job_id=job.id,
        statement=fact.statement,
        question=fact.question,
        answer=fact.answer,
        phrasings=list(fact.phrasings),
        source=fact.source,
        valid_from=fact.valid_from,
        valid_until=fact.valid_until,
        content_sha256=one.content,
        question_sha256=one.question,
        answer_sha256=one.answer,
        state="queued",
        created_by=key.id,
    )


def _status(row: Fact) -> FactStatus:
    return "failed" if row.state == "failed" else "queued"


def _replay(session: Session, post: Post) -> Submitted | None:
    """The reply to an earlier call with the same key. The lock lasts until this transaction ends."""
    if post.idempotency_key is None:
        return None
    call = calls.begin(session, post.key, post.idempotency_key)
    if call is None:
        return None
    reply = calls.reply(call, calls.sha256(post.body))
    return Submitted(**{**reply, "facts": tuple(SubmittedFact(**fact) for fact in reply["facts"])})
