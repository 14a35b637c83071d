"""What the database tells those who watch the service: a handful of short queries, each time they look.

Jobs, moves of the head and their times are rows that are only ever added. So what has gone live is told from a mark on,
in the order in which it did, and every process that adds it up comes to the same sums.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import BASE_VERSION, MAIN, Activation, Fact, Head, Job, JobEvent, JobKind, JobState, Version
from app.services import engines, facts, slot_statistics, verifying
from app.services.engines import EngineView
from app.services.facts import FactStatus
from app.services.verifying import LastVerified
from app.settings import Settings

STEPS = ("wait", "learn", "publish")  # of a job; see `Published`
RollbackKind = Literal["back", "forward", "abort"]


@dataclass(frozen=True)
class Mark:
    """How far the history was read: the last activation, and by namespace the newest version that was live by then."""

    activation: int = 0
    newest: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """A version that has gone live for the first time.

    rows   slots that it writes; for one that forgets, slots that it empties
    bytes  of its delta
    steps  seconds from the POST to the worker's first claim (`wait`), of its last attempt (`learn`), and from there
           until it was live (`publish`)
    ages   seconds from the POST of each of its facts until it was live
    taught seconds that learning each of its facts took
    asked  questions near its facts that were never taught, and of these `opened` are answered from them all the same
    """

    kind: JobKind
    rows: int
    bytes: int
    steps: Mapping[str, float] = field(default_factory=dict)
    ages: Sequence[float] = ()
    taught: Sequence[float] = ()
    asked: int = 0
    opened: int = 0


@dataclass(frozen=True)
class Figures:
    """What is so now, and what has happened since a mark.

    All namespaces are counted together, but for `head`, the version that is live in `main`.

    namespaces how many there are
    facts      by status: how many, and the age of the oldest in seconds
    jobs       how many, by state
    heartbeat  seconds since a worker that learns now last said so, of several the longest; None while nobody learns
    verified   what the last job of `main` found that asked live facts again, if there was one
    counted    questions of callers whose reads were counted, of this base and memory
    """

    head: int
    namespaces: int
    facts: Mapping[FactStatus, tuple[int, float]]
    jobs: Mapping[JobState, int]
    heartbeat: float | None
    counted: int
    engines: Sequence[EngineView]
    published: Sequence[Published]
    rollbacks: Sequence[RollbackKind]
    verified: LastVerified | None
    mark: Mark


def read(session: Session, settings: Settings, mark: Mark) -> Figures:
    """The figures of all namespaces; with what has happened since `mark`. Changes nothing."""
    live = select(Head.live_version, Version.fingerprint).join(Version, Version.id == Head.live_version)
    head, fingerprint = session.execute(live.where(Head.namespace == MAIN)).one()
    silence = func.extract("epoch", func.now() - func.min(Head.lease_heartbeat))
    namespaces, heartbeat = session.execute(select(func.count(), silence).select_from(Head)).one()
    states = select(Job.state, func.count().label("many")).group_by(Job.state)
    published, rollbacks, mark = _moves(session, mark)
    return Figures(
        head=head,
        namespaces=namespaces,
        facts=facts.tally(session),
        jobs={row.state: row.many for row in session.execute(states)},
        heartbeat=None if heartbeat is None else float(heartbeat),
        counted=slot_statistics.counted(session, fingerprint).queries,
        engines=engines.every(session, settings),
        published=published,
        rollbacks=rollbacks,
        verified=verifying.last(session, MAIN),
        mark=mark,
    )


def _moves(session: Session, mark: Mark) -> tuple[list[Published], list[RollbackKind], Mark]:
    """In a namespace a version goes live before any that is made later: one newer than all before does so just now."""
    query = select(Activation).where(Activation.id > mark.activation)
    last, newest = mark.activation, dict(mark.newest)
    first: dict[int, datetime] = {}  # when a version went live
    rollbacks: list[RollbackKind] = []
    for move in session.scalars(query.order_by(Activation.id)):
        if move.version_id > newest.get(move.namespace, BASE_VERSION):
            first[move.version_id] = move.created_at
        elif move.previous_id is not None:  # else it is the first start
            rollbacks.append(_kind(move.version_id, move.previous_id))
        last, newest[move.namespace] = move.id, max(newest.get(move.namespace, BASE_VERSION), move.version_id)
    return _published(session, first) if first else [], rollbacks, Mark(last, newest)


def _kind(version: int, previous: int) -> RollbackKind:
    """Parents are older than their children; who activates what is live already wants requests to end."""
    return "abort" if version == previous else "back" if version < previous else "forward"


def _published(session: Session, first: Mapping[int, datetime]) -> list[Published]:
    size = func.octet_length(Version.delta)
    versions = select(Version.id, Version.slot_count, size, Version.report["neighbours"], Job).join(
        Job, Job.id == Version.job_id
    )
    versions = versions.where(Version.id.in_(first)).order_by(Version.id)
    made = [tuple(row) for row in session.execute(versions)]
    begun = _begun(session, [job.id for *_, job in made])
    taught = select(Fact.version_id, Fact.created_at, Fact.report["seconds"].as_float())
    told: dict[int, list[tuple[datetime, float | None]]] = {}
    for version, posted, seconds in session.execute(taught.where(Fact.version_id.in_(first))):
        told.setdefault(version, []).append((posted, seconds))
    return [
        Published(
            kind=job.kind,
            rows=rows,
            bytes=size,
            steps=_steps(job.created_at, begun.get(job.id, {}), first[version]),
            ages=[(first[version] - posted).total_seconds() for posted, _ in told.get(version, ())],
            taught=[seconds for _, seconds in told.get(version, ()) if seconds is not None],
            asked=(near or {}).get("asked", 0),
            opened=(near or {}).get("open", 0),
        )
        for version, rows, size, near, job in made
    ]


def _begun(session: Session, jobs: Collection[int]) -> dict[int, dict[str, tuple[datetime, datetime]]]:
    """Of each job, when it came into each of its states for the first and for the last time."""
    times = (func.min(JobEvent.created_at), func.max(JobEvent.created_at))
    query = select(JobEvent.job_id, JobEvent.kind, *times).where(JobEvent.job_id.in_(jobs))
    found: dict[int, dict[str, tuple[datetime, datetime]]] = {}
    for job, kind, earliest, latest in session.execute(query.group_by(JobEvent.job_id, JobEvent.kind)):
        found.setdefault(job, {})[kind] = (earliest, latest)
    return found


def _steps(posted: datetime, begun: Mapping[str, tuple[datetime, datetime]], live: datetime) -> dict[str, float]:
    """A job that was made before events were has none of its own."""
    if "running" not in begun or "verifying" not in begun:
        return {}
    (claimed, last_claimed), (_, verifying) = begun["running"], begun["verifying"]
    spans = (claimed - posted, verifying - last_claimed, live - verifying)
    return {step: span.total_seconds() for step, span in zip(STEPS, spans, strict=True)}
