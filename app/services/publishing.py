"""Publishing: engines acknowledge a version that is ready, and then one transaction makes it live.

`publish` may be called at any time, any number of times, by any process: the head row's lock puts the calls
in a line, and the state of the version tells all but the first that there is nothing left to do.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, cast

from sqlalchemy import Select, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from app import tracing
from app.db.clock import heard_within
from app.db.session import transaction
from app.db.tables import Acknowledgement, EngineRow, Fact, FactReplacement, Forgetting, Head, Job, Version
from app.errors import VersionNotFound
from app.services import jobs, outbox, replacing, versions
from app.services.intake import storable
from app.settings import Settings

_DONE = {"forget": "forgotten", "import": "imported"}  # by kind of version
_NAMED = 10  # facts in a sentence


@dataclass(frozen=True)
class AskedProbe:
    """A question that an engine puts to a new version."""

    fact: int
    text: str
    answer: str


@dataclass(frozen=True)
class PendingVersion:
    """A version that an engine has to build, check and acknowledge; the span of the call that asked for it."""

    id: int
    parent: int
    state_hash: str
    probes: tuple[AskedProbe, ...]
    traceparent: str | None = None


@dataclass(frozen=True)
class ProbeAnswer:
    """What the served model said to the probe of a fact, and whether that is the expected answer."""

    fact: int
    text: str
    correct: bool


@dataclass(frozen=True)
class Outcome:
    """What a call of `publish` came to, and the job to ring for now, if one waits."""

    state: Literal["published", "waiting", "superseded", "rejected", "settled"]
    reason: str
    ring: int | None = None


def ready(session: Session) -> list[int]:
    """Versions of all namespaces that wait for acknowledgements, oldest first."""
    return list(session.scalars(select(Version.id).where(Version.state == "ready").order_by(Version.id)))


def pending(session: Session, engine: str) -> list[PendingVersion]:
    """Versions that wait for this engine; one that it acknowledged with a wrong state hash waits again."""
    own = and_(
        Acknowledgement.version_id == Version.id,
        Acknowledgement.engine_id == engine,
        Acknowledgement.state_hash == Version.state_hash,
    )
    query = select(Version).outerjoin(Acknowledgement, own).where(Acknowledgement.engine_id.is_(None))
    query = query.where(Version.state == "ready").order_by(Version.id)
    return [_pending(session, version) for version in session.scalars(query)]


def acknowledge(
    session: Session, engine: str, version_id: int, state_hash: str, answers: Sequence[ProbeAnswer]
) -> None:
    """Note what an engine found when it built a version; the last word counts, since building again heals.

    The engine must have beaten before. A state hash other than the version's is named in the job's
    events, once for each value.
    """
    said = [asdict(answer) | {"text": storable(answer.text)} for answer in answers]
    row = {"state_hash": state_hash, "answers": said}
    with transaction(session):
        version = session.get(Version, version_id)
        if version is None:
            raise VersionNotFound(f"there is no version {version_id}")
        earlier = session.get(Acknowledgement, (engine, version_id), populate_existing=True)
        repeated = earlier is not None and earlier.state_hash == state_hash
        noted = insert(Acknowledgement).values(engine_id=engine, version_id=version_id, **row)
        again = row | {"tries": Acknowledgement.tries + 1}
        session.execute(noted.on_conflict_do_update(constraint="pk_acknowledgements", set_=again))
        if state_hash != version.state_hash and version.job_id is not None and not repeated:
            found = {"engine": engine, "expected": version.state_hash, "found": state_hash}
            jobs.record(session, version.job_id, "wrong_state", version=version_id, **found)


def publish(session: Session, settings: Settings, version_id: int) -> Outcome:
    """Make a ready version live, if every engine that lives has acknowledged it and answered its probes.

    The epoch of the lease was checked when the version was committed, under this same lock, and no job is
    claimed while another is verified: so a version that is `ready` is that of the job that is `verifying`.
    Raises VersionNotFound.
    """
    began = time.time_ns()
    with transaction(session):
        namespace = session.scalar(select(Version.namespace).where(Version.id == version_id))
        if namespace is None:
            raise VersionNotFound(f"there is no version {version_id}")
        head = versions.locked_head(session, namespace)
        version = session.get_one(Version, version_id, populate_existing=True)
        if version.state != "ready" or version.job_id is None:
            return Outcome("settled", f"version {version_id} is {version.state}")
        job = jobs.get(session, namespace, version.job_id)
        outcome = _outcome(session, settings, head, version, job)
    if outcome.state != "waiting":
        with tracing.span("publish", job.traceparent, began, job=job.id, version=version_id, outcome=outcome.state):
            pass  # it is told when it is committed
    return outcome


def _outcome(session: Session, settings: Settings, head: Head, version: Version, job: Job) -> Outcome:
    if version.parent_id != head.live_version:
        return _supersede(session, head, version, job)
    engines, missing = _roll_call(session, settings, version)
    if missing:
        given_up = _given_up(session, settings, version)
        return _fail(session, settings, version, job, given_up) if given_up else Outcome("waiting", missing)
    wrong = _wrong_answers(session, version, engines)
    if wrong:
        return _reject(session, settings, version, job, wrong)
    return _make_live(session, head, version, job)


def _roll_call(session: Session, settings: Settings, version: Version) -> tuple[list[Acknowledgement], str]:
    """The acknowledgements of all engines that live; or, as a sentence, who is missing."""
    fresh = heard_within(EngineRow.heartbeat, settings.engine_fresh_seconds)
    alive = session.scalars(select(EngineRow.id).where(fresh)).all()
    noted = select(Acknowledgement).where(Acknowledgement.version_id == version.id)
    noted = noted.where(Acknowledgement.engine_id.in_(alive)).execution_options(populate_existing=True)
    good = [one for one in session.scalars(noted) if one.state_hash == version.state_hash]
    absent = set(alive) - {one.engine_id for one in good}
    if not alive:
        return good, "no engine is alive"
    return good, f"{', '.join(sorted(absent))} has not acknowledged the right state" if absent else ""


def _given_up(session: Session, settings: Settings, version: Version) -> str:
    """A sentence naming engines that have built a version wrongly so often that it will not heal; else empty."""
    wrong = select(Acknowledgement.engine_id).where(Acknowledgement.version_id == version.id)
    wrong = wrong.where(Acknowledgement.state_hash != version.state_hash)
    hopeless = session.scalars(wrong.where(Acknowledgement.tries >= settings.max_attempts)).all()
    return f"{', '.join(sorted(hopeless))} could not build version {version.id} as it was made" if hopeless else ""


def _wrong_answers(session: Session, version: Version, noted: Sequence[Acknowledgement]) -> dict[int, str | None]:
    """The version's facts whose probe some engine did not answer, with what it said (None: nothing)."""
    facts = [fact.id for fact in session.scalars(_probed(version))]
    wrong: dict[int, str | None] = {}
    for acknowledgement in noted:
        answers = {answer["fact"]: answer for answer in acknowledgement.answers}
        wrong |= {fact: None for fact in facts if fact not in answers}
        wrong |= {fact: answers[fact]["text"] for fact in facts if fact in answers and not answers[fact]["correct"]}
    return wrong


def _supersede(session: Session, head: Head, version: Version, job: Job) -> Outcome:
    """Learn again on what is live now. The worker did nothing wrong, so this is no attempt."""
    version.state = "superseded"
    job.attempts -= 1
    reason = f"version {head.live_version} went live while version {version.id} was made from {version.parent_id}"
    if job.kind == "import":
        jobs.end(session, job, "rejected", reason)
    else:
        jobs.queue_again(session, job, reason)
    return Outcome("superseded", reason, jobs.oldest_queued(session, job.namespace))


def _reject(session: Session, settings: Settings, version: Version, job: Job, wrong: dict[int, str | None]) -> Outcome:
    """Fail the facts that the served model did not answer, and learn the others without them."""
    version.state = "rejected"
    facts = session.scalars(select(Fact).where(Fact.version_id == version.id).order_by(Fact.id)).all()
    for fact in facts:
        if fact.id in wrong:
            fact.state, fact.version_id = "failed", None
            fact.probe_answer = wrong[fact.id]
            fact.reason = f"the served model said {wrong[fact.id]!r} to the probe"
    session.flush()
    replacing.forget(session, list(wrong))
    reason = f"the served model did not answer the probes of {len(wrong)} of {len(facts)} facts"
    if job.kind == "import":
        reason += f": {', '.join(map(str, sorted(wrong)[:_NAMED]))}{' …' if len(wrong) > _NAMED else ''}"
    if len(wrong) < len(facts):
        jobs.retry(session, job, reason, settings.max_attempts)
    else:
        jobs.end(session, job, "rejected", reason)
    return Outcome("rejected", reason, jobs.oldest_queued(session, job.namespace))


def _fail(session: Session, settings: Settings, version: Version, job: Job, reason: str) -> Outcome:
    """Learn a version again that cannot be served, so that it does not hold up all learning."""
    version.state = "rejected"
    jobs.retry(session, job, reason, settings.max_attempts)
    return Outcome("rejected", reason, jobs.oldest_queued(session, job.namespace))


def _make_live(session: Session, head: Head, version: Version, job: Job) -> Outcome:
    reason = f"{_DONE.get(version.kind, 'learned')} by job {job.id}"
    versions.move_head(session, head, version.id, reason=reason, actor="slotwise", traceparent=job.traceparent)
    version.state = "published"
    for fact in session.scalars(select(Fact).where(Fact.version_id == version.id)):
        fact.state = "learned"
    probed = select(_probed(version).subquery().c.id)
    session.execute(update(Fact).where(Fact.id.in_(probed)).values(verified_at=func.clock_timestamp()))
    jobs.succeed(session, job, version=version.id)
    if job.kind == "forget" and job.api_key_id is None:  # nobody asked for it but the time
        expired = list(session.scalars(select(Forgetting.fact_id).where(Forgetting.job_id == job.id, Forgetting.gone)))
        outbox.emit(session, job.namespace, "fact.expired", facts=sorted(expired), job=job.id, version=version.id)
    return Outcome("published", f"version {version.id} is live", jobs.oldest_queued(session, job.namespace))


def _pending(session: Session, version: Version) -> PendingVersion:
    probed = [(fact.id, fact.probe) for fact in session.scalars(_probed(version)) if fact.probe is not None]
    probes = tuple(AskedProbe(fact, probe["text"], probe["answer"]) for fact, probe in probed)
    # Only the base has no parent, and it is published from the start.
    parent, job = cast(int, version.parent_id), session.get(Job, version.job_id)
    return PendingVersion(version.id, parent, version.state_hash, probes, job.traceparent if job else None)


def _probed(version: Version) -> Select[Fact]:
    """The facts of a version whose probes it must answer: not those that another of its facts replaces."""
    rival = aliased(Fact)
    replaced = select(FactReplacement.replaced_id).join(rival, rival.id == FactReplacement.fact_id)
    replaced = replaced.where(rival.version_id == version.id)
    return select(Fact).where(Fact.version_id == version.id, Fact.id.not_in(replaced)).order_by(Fact.id)
