"""A version's facts on their way from one installation to another: what leaves, and how it arrives.

Rows name their facts by number, so facts keep their numbers, and an installation that takes a version in must not
have given any out. What was forgotten does not leave; what was replaced goes with what replaced it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import ARRAY, BigInteger, cast, func, insert, literal, select
from sqlalchemy.orm import Session

from app.db.among import among
from app.db.session import transaction
from app.db.tables import BASE_VERSION, MAIN, Fact, FactReplacement, Head, Job, Json, Version, VersionSlot
from app.errors import InstallationNotEmpty, WrongCheckpoint
from app.services import audit, diffs, jobs, versions
from app.services.audit import Actor
from app.services.intake import NewFact
from app.services.sameness import identity


@dataclass(frozen=True)
class MovedFact:
    """A fact with what became of it: its probe, what the model said to that, its report, and what it replaces."""

    id: int
    fact: NewFact
    probe: Json | None
    probe_answer: str | None
    report: Json | None
    replaces: tuple[int, ...] = ()


@dataclass(frozen=True)
class MovedVersion:
    """A version as it arrives: its rows as one delta from the base, and its facts, ascending.

    owners  of each slot that a fact owns, that fact
    report  what is known of where it comes from
    """

    delta: bytes
    state_hash: str
    fingerprint: str
    owners: Mapping[int, int]
    facts: Sequence[MovedFact]
    report: Json


@dataclass(frozen=True)
class Arrived:
    """A version that waits for the engines, and its job."""

    version: int
    job: int


def leaving(session: Session, version_id: int) -> list[MovedFact]:
    """The facts that a version tells, and those that they replaced. Raises VersionNotFound."""
    told = diffs.told(session, versions.lineage(session, version_id))
    ids = set(chain.from_iterable(told.values()))
    edges = select(FactReplacement.fact_id, FactReplacement.replaced_id)
    replaces: dict[int, list[int]] = defaultdict(list)
    for fact, replaced in session.execute(edges.where(among(FactReplacement.fact_id, ids))):
        if replaced in ids:
            replaces[fact].append(replaced)
    found = session.scalars(select(Fact).where(among(Fact.id, ids)).order_by(Fact.id))
    return [_moved(row, sorted(replaces[row.id])) for row in found]


def arrive(session: Session, moved: MovedVersion, actor: Actor) -> Arrived:
    """Store a version in `main` on top of the base, for the engines to verify and publish as any other.

    Raises InstallationNotEmpty where a fact was ever taken in or a version made, WrongCheckpoint, NotBootstrapped.
    """
    with transaction(session):
        jobs.take_turns(session, MAIN)
        head = versions.locked_head(session, MAIN)
        _refuse_unfit(session, moved)
        job = Job(namespace=head.namespace, kind="import", state="verifying", total=len(moved.facts))
        job.done, job.report = job.total, moved.report
        session.add(job)
        session.flush()
        version = _version(head, job, moved)
        session.add(version)
        session.flush()
        job.version_id = version.id
        _store_facts(session, job, version, moved.facts)
        _store_slots(session, version, moved.owners)
        jobs.record(session, job.id, "verifying", version=version.id)
        audit.record(session, actor, "versions.import", f"version {version.id}")
        return Arrived(version.id, job.id)


def _moved(row: Fact, replaces: Sequence[int]) -> MovedFact:
    fact = NewFact(
        row.statement, row.question, row.answer, tuple(row.phrasings), row.source, row.valid_from, row.valid_until
    )
    return MovedFact(row.id, fact, row.probe, row.probe_answer, row.report, tuple(replaces))


def _refuse_unfit(session: Session, moved: MovedVersion) -> None:
    """Under the head's lock and after the turn of calls that take facts in: nobody can bring one meanwhile."""
    base = session.scalars(select(Version.fingerprint).where(Version.id == BASE_VERSION)).one()
    if base != moved.fingerprint:
        raise WrongCheckpoint(f"the data belong to the base {base}, and the version is of {moved.fingerprint}")
    for table, what in ((Fact, "a fact was taken in"), (Version, "a version was made")):
        newest = session.scalar(select(func.max(table.id)))
        if newest:
            raise InstallationNotEmpty(
                f"a version is imported where no fact was ever posted, as its facts keep their numbers; here {what} "
                f"already, number {newest}. Use a new data folder"
            )


def _version(head: Head, job: Job, moved: MovedVersion) -> Version:
    return Version(
        namespace=head.namespace,
        parent_id=BASE_VERSION,
        kind="import",
        state="ready",
        delta=moved.delta,
        delta_sha256=hashlib.sha256(moved.delta).hexdigest(),
        state_hash=moved.state_hash,
        fingerprint=moved.fingerprint,
        fact_count=len(moved.facts),
        slot_count=len(moved.owners),
        job_id=job.id,
        report=moved.report,
    )


def _store_facts(session: Session, job: Job, version: Version, moved: Sequence[MovedFact]) -> None:
    """With their numbers; those that PostgreSQL gives from now on are above them."""
    session.add_all(_row(one, job, version) for one in moved)
    session.flush()
    numbers = func.pg_get_serial_sequence("facts", "id")
    session.execute(select(func.setval(numbers, max(one.id for one in moved))))
    session.add_all(FactReplacement(fact_id=one.id, replaced_id=replaced) for one in moved for replaced in one.replaces)


def _row(moved: MovedFact, job: Job, version: Version) -> Fact:
    one = identity(moved.fact)
    return Fact(
        id=moved.id,
        namespace=job.namespace,
        job_id=job.id,
        version_id=version.id,
        statement=moved.fact.statement,
        question=moved.fact.question,
        answer=moved.fact.answer,
        phrasings=list(moved.fact.phrasings),
        source=moved.fact.source,
        valid_from=moved.fact.valid_from,
        valid_until=moved.fact.valid_until,
        content_sha256=one.content,
        question_sha256=one.question,
        answer_sha256=one.answer,
        state="verifying",
        probe=moved.probe,
        probe_answer=moved.probe_answer,
        report=moved.report,
    )


def _store_slots(session: Session, version: Version, owners: Mapping[int, int]) -> None:
    values = [func.unnest(cast(list(given), ARRAY(BigInteger))) for given in (owners.keys(), owners.values())]
    target = [VersionSlot.version_id, VersionSlot.slot, VersionSlot.fact_id]
    session.execute(insert(VersionSlot).from_select(target, select(literal(version.id, BigInteger), *values)))
