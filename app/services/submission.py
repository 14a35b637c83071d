"""Facts taken in: each POST once, each fact once, and of contradicting facts the last.

What is live or on its way in the same words is not learned again: the call is answered with the earlier fact. A fact
that was rolled back, replaced or forgotten, or has failed, is learned anew.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import tracing
from app.db.session import transaction
from app.db.tables import UNDECIDED, ApiKey, Call, Fact, Job, JobState
from app.errors import IdempotencyConflict, IdempotencyInProgress
from app.services import facts, intake, jobs
from app.services.facts import FactStatus
from app.services.intake import NewFact
from app.services.sameness import Identity, identity
from app.settings import Settings


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


def submit(session: Session, settings: Settings, post: Post) -> Submitted:
    """Take facts in: they and their one job are stored together or not at all. The caller rings for a new job.

    Raises InvalidInput, IdempotencyConflict, IdempotencyInProgress.
    """
    intake.check(post.facts, settings)
    intake.check_idempotency_key(post.idempotency_key)
    identities = [identity(fact) for fact in post.facts]
    with transaction(session):
        earlier = _replay(session, post)
        if earlier is not None:
            return earlier
        submitted = _take_in(session, settings, post, identities)
        if post.idempotency_key is not None:
            _remember(session, post, post.idempotency_key, submitted)
        return submitted


def _take_in(session: Session, settings: Settings, post: Post, identities: Sequence[Identity]) -> Submitted:
    """Store what is not there yet. Of facts that say the same in one call, the last is stored."""
    jobs.take_turns(session, settings.namespace)
    last_of = {one.content: index for index, one in enumerate(identities)}
    stored = sorted(last_of.values())
    overruled = _overruled(identities)
    settled = {identities[index].question for index in overruled}
    known = _known(session, settings.namespace, [one for one in identities if one.question not in settled])
    stored = [index for index in stored if identities[index].content not in known]
    rows: dict[str, Fact] = {}
    if stored:
        job = Job(namespace=settings.namespace, total=len(stored), api_key_id=post.key.id)
        job.traceparent = tracing.traceparent()
        session.add(job)
        session.flush()
        rows = {identities[i].content: _row(post.facts[i], identities[i], job, post.key) for i in stored}
        for index in overruled & set(stored):
            row = rows[identities[index].content]
            row.state, row.reason = "failed", "a later fact of the same call gives another answer to its question"
        session.add_all(rows.values())
        jobs.record(session, job.id, "queued", facts=len(rows))
        session.flush()
    else:
        job = jobs.get(session, max(view.job_id for view in known.values()))
    taken = {content: SubmittedFact(view.id, view.status) for content, view in known.items()}
    taken |= {content: SubmittedFact(row.id, _status(row)) for content, row in rows.items()}
    state: JobState = "queued" if stored else job.state
    return Submitted(job.id, state, tuple(taken[one.content] for one in identities), new=bool(stored))


def _overruled(identities: Sequence[Identity]) -> set[int]:
    """The facts of a call whose question a later one answers otherwise."""
    last = {one.question: one for one in identities}
    return {index for index, one in enumerate(identities) if last[one.question].contradicts(one)}


def _known(session: Session, namespace: str, identities: Sequence[Identity]) -> Mapping[str, facts.FactView]:
    """By content, the newest facts that are live or on their way; nothing on its way contradicts or forgets them."""
    wanted = {one.content: one for one in identities}
    same = facts.with_status().where(Fact.namespace == namespace, Fact.content_sha256.in_(wanted))
    found = {}
    for row in session.execute(same.order_by(Fact.id)):
        if row[1] == "live" or row[1] in UNDECIDED:
            found[row[0].content_sha256] = facts.view(row)
    leaving = facts.leaving(session, [view.id for view in found.values()])
    found = {content: view for content, view in found.items() if view.id not in leaving}
    questions = [wanted[content].question for content in found if wanted[content].question]
    coming = select(Fact.question_sha256, Fact.answer_sha256).where(Fact.state.in_(UNDECIDED))
    coming = coming.where(Fact.namespace == namespace, Fact.question_sha256.in_(questions))
    rivals = [Identity("", question, answer) for question, answer in session.execute(coming)]
    return {
        content: view
        for content, view in found.items()
        if not any(rival.contradicts(wanted[content]) for rival in rivals)
    }


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
    name = f"{post.key.id}:{post.idempotency_key}"
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))):
        raise IdempotencyInProgress(f"the first call with the idempotency key {post.idempotency_key!r} is running")
    call = session.get(Call, (post.key.id, post.idempotency_key))
    if call is None:
        return None
    if call.body_sha256 != hashlib.sha256(post.body).hexdigest():
        raise IdempotencyConflict(f"the idempotency key {post.idempotency_key!r} was used before with another body")
    return Submitted(**{**call.reply, "facts": tuple(SubmittedFact(**fact) for fact in call.reply["facts"])})


def _remember(session: Session, post: Post, idempotency_key: str, submitted: Submitted) -> None:
    call = Call(api_key_id=post.key.id, idempotency_key=idempotency_key, reply=asdict(submitted))
    call.body_sha256 = hashlib.sha256(post.body).hexdigest()
    session.add(call)
