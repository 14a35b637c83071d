"""What a worker hands in that has learned facts, and how its parts are stored.

Steps of the service `learning`: they run inside the transaction of their caller, and do not commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, BigInteger, cast, func, insert, literal, select, update
from sqlalchemy.orm import Session

from app.db.tables import Fact, Json, VersionSlot
from app.services import replacing
from app.services.intake import storable


@dataclass(frozen=True)
class FactResult:
    """What became of a fact in training.

    probe      {"text", "answer", "held_out"}
    took_over  earlier facts whose rows are its own now
    """

    fact: int
    learned: bool
    reason: str | None
    probe: Json
    probe_answer: str
    report: Json
    took_over: tuple[int, ...] = ()


@dataclass(frozen=True)
class WrittenSlots:
    """The slots that a version writes: of each its fact, its score, and how much the fact's wordings read it."""

    slots: Sequence[int]
    facts: Sequence[int]
    scores: Sequence[float]
    access_counts: Sequence[float]


@dataclass(frozen=True)
class LearnedVersion:
    """What a worker hands in: rows as bytes, the hash of the state they lead to, and how it came about.

    silent  earlier facts whose own probe the version does not answer any more
    """

    delta: bytes
    state_hash: str
    fingerprint: str
    slots: WrittenSlots
    facts: Sequence[FactResult]
    report: Json
    silent: frozenset[int] = frozenset()


def store_slots(session: Session, version_id: int, written: WrittenSlots) -> None:
    """Store the slots of a version by one statement with arrays: a hundred facts write tens of thousands."""
    columns = {
        VersionSlot.slot: written.slots,
        VersionSlot.fact_id: written.facts,
        VersionSlot.score: written.scores,
        VersionSlot.access_count: written.access_counts,
    }
    values = [func.unnest(cast(given, ARRAY(column.type))) for column, given in columns.items()]
    target = [VersionSlot.version_id, *columns]
    session.execute(insert(VersionSlot).from_select(target, select(literal(version_id, BigInteger), *values)))


def store_replacements(session: Session, learned: LearnedVersion) -> list[Json]:
    """Note which facts each learned one replaces, and name them as reports do."""
    replaced = {
        result.fact: replacing.store(session, result.fact, result.took_over, learned.silent)
        for result in learned.facts
        if result.learned
    }
    return [{"fact": fact, "replaces": others} for fact, others in replaced.items() if others]


def store_result(session: Session, result: FactResult, version_id: int | None) -> None:
    """Store what became of a fact; one that was learned waits for the engines in `version_id`."""
    fact = update(Fact).where(Fact.id == result.fact)
    taken = {"took_over": list(result.took_over)} if result.took_over else {}
    session.execute(
        fact.values(
            state="verifying" if result.learned else "failed",
            version_id=version_id if result.learned else None,
            reason=result.reason,
            probe=result.probe,
            probe_answer=storable(result.probe_answer),
            report=result.report | taken,
        )
    )
