"""Another base: what was learned on the old one is retired, and its live facts are taught anew on the new one.

Rows mean nothing to another base. So the old versions stay as history, which can be read and never be asked, and every
live fact is posted anew, in one job of its namespace, which is learned before its others; but not one that is about to
be forgotten, nor one whose text is erased.
"""

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import BASE_VERSION, Anchor, AnchorPart, Fact, Head, Job, Version
from app.errors import NotBootstrapped
from app.services import audit, documents, facts, jobs, learning, versions
from app.services.audit import Actor

_COPIED = (
    "namespace",
    "statement",
    "question",
    "answer",
    "phrasings",
    "source",
    "valid_from",
    "valid_until",
    "content_sha256",
    "question_sha256",
    "answer_sha256",
    "created_by",
)


def relearn(session: Session, fingerprint: str, state_hash: str, actor: Actor) -> list[int]:
    """Give the data to another base, and queue the jobs that teach all live facts on it; returns one a namespace.

    fingerprint, state_hash  of the new base without rows
    A namespace in which there is nothing to teach has none. For the base that the data belong to already they are those
    of the call before, without those that have succeeded; one that has failed is queued again.
    Raises NotBootstrapped.
    """
    with transaction(session):
        # All of them, in one order: who holds one waits for no other.
        locked = select(Head).order_by(Head.namespace).with_for_update().execution_options(populate_existing=True)
        heads = session.scalars(locked).all()
        if not heads:
            raise NotBootstrapped("there is no version yet: no model has been loaded")
        base = session.get_one(Version, BASE_VERSION, populate_existing=True)
        left, base.fingerprint, base.state_hash = base.fingerprint, fingerprint, state_hash
        if left == fingerprint:
            taught = [_unfinished(session, head.namespace) for head in heads]
        else:
            taught = [_left(session, head, left, fingerprint, actor) for head in heads]
        audit.record(session, actor, "relearn", f"base {fingerprint}")
    return [job for job in taught if job is not None]


def _left(session: Session, head: Head, left: str, fingerprint: str, actor: Actor) -> int | None:
    """Leave the base that the data belong to; returns the job that teaches what was live on it."""
    reason = f"relearn on base {fingerprint}"
    query = facts.with_status(head.namespace, "live").order_by(Fact.version_id, Fact.id)
    live = [row[0] for row in session.execute(query)]
    leaving = facts.leaving(session, [fact.id for fact in live])
    live = [fact for fact in live if fact.id not in leaving]
    live = [fact for fact in live if fact.erased_at is None]  # a rollback brought it back, and nobody knows its text
    _stop_learning(session, head, reason)
    _retire(session, head.namespace)
    versions.move_head(session, head, BASE_VERSION, reason=reason, actor=actor.name)
    if not live:
        return _unfinished(session, head.namespace)
    return _queue(session, live, {"base": fingerprint, "left": left, "actor": actor.name})


def _stop_learning(session: Session, head: Head, reason: str) -> None:
    """Take jobs that are learned or verified back into the queue. The epoch moves, so no worker can hand in."""
    learning.end_lease(head)
    begun = select(Job).where(Job.namespace == head.namespace, Job.state.in_(("running", "verifying")))
    for job in session.scalars(begun.execution_options(populate_existing=True)):
        if job.kind == "import":  # its rows mean nothing to the new base
            jobs.end(session, job, "rejected", reason)
            continue
        job.attempts -= 1
        jobs.queue_again(session, job, reason)
    ready = update(Version).where(Version.namespace == head.namespace, Version.state == "ready")
    session.execute(ready.values(state="superseded"))


def _retire(session: Session, namespace: str) -> None:
    own = (Version.namespace == namespace, Version.id != BASE_VERSION)
    for table in (AnchorPart, Anchor):
        session.execute(delete(table).where(table.version_id.in_(select(Version.id).where(*own))))
    session.execute(update(Version).where(*own, Version.state == "published").values(state="retired"))


def _queue(session: Session, live: Sequence[Fact], audit: dict[str, str]) -> int:
    """A job of copies: the old facts stay what they were, of versions that are retired."""
    job = Job(namespace=live[0].namespace, kind="relearn", total=len(live))
    session.add(job)
    session.flush()
    anew = [Fact(job_id=job.id, state="queued", **{name: getattr(fact, name) for name in _COPIED}) for fact in live]
    session.add_all(anew)
    session.flush()
    pairs = [[old.id, new.id] for old, new in zip(live, anew, strict=True)]
    documents.stand_where(session, pairs)
    jobs.record(session, job.id, "queued", facts=len(anew), anew=pairs, **audit)
    return job.id


def _unfinished(session: Session, namespace: str) -> int | None:
    """The last job that teaches a new base, unless it has succeeded; queued again if it has failed."""
    query = select(Job).where(Job.namespace == namespace, Job.kind == "relearn").order_by(Job.id.desc()).limit(1)
    job = session.scalar(query.execution_options(populate_existing=True))
    if job is None or job.state == "succeeded":
        return None
    if job.state in ("failed", "rejected"):
        session.execute(update(Fact).where(Fact.job_id == job.id, Fact.state == "failed").values(state="queued"))
        job.attempts, job.error = 0, None
        jobs.queue_again(session, job, "relearn was called again")
    return job.id
