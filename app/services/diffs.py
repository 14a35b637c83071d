"""What two versions tell otherwise: the facts, the slots of their rows, and the way from one to the other.

It reads the tables alone, not the rows: what both versions say is asked of the engine.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.db.tables import Fact, FactReplacement, Forgetting, Job, Version, VersionSlot
from app.services import facts, kept, versions
from app.services.facts import FactStatus
from app.services.names import Named

Below = Mapping[int, Collection[int]]  # by fact, those that it replaces


@dataclass(frozen=True)
class Step:
    """A version on the way, and the bytes of its delta."""

    version: int
    bytes: int


@dataclass(frozen=True)
class Told:
    """A fact that one of two versions tells. `status` is what it is now; `slots` are those that it wrote."""

    id: int
    statement: str | None
    question: str | None
    answer: str | None
    source: str | None
    version: int
    status: FactStatus
    slots: int


@dataclass(frozen=True)
class Replaced:
    """What stands in the place of a fact: one replaces the other, or both a third."""

    before: Told
    after: Told


@dataclass(frozen=True)
class Diff:
    """The way from version `a` back to the common ancestor and forward to `b`, and what differs at its ends.

    slots  written for a fact that either end alone tells, or by a version on the way
    """

    a: int
    b: int
    ancestor: int
    back: list[Step]
    forward: list[Step]
    bytes: int
    slots: int
    added: list[Told]
    removed: list[Told]
    replaced: list[Replaced]


def diff(session: Session, namespace: str, a: Named, b: Named) -> Diff:
    """What changes from `a` to `b`; each is a published version. Raises NoPreviousVersion, VersionNotFound."""
    start, end = (kept.one(session, namespace, name).version for name in (a, b))
    line_a, line_b = set(versions.lineage(session, start)), set(versions.lineage(session, end))
    steps = _steps(session, line_a ^ line_b)
    below_a, below_b = told(session, line_a), told(session, line_b)
    only_a, only_b = set(below_a) - set(below_b), set(below_b) - set(below_a)
    pairs = _pairs({one: below_a[one] for one in only_a}, {one: below_b[one] for one in only_b})
    shown = _shown(session, namespace, only_a | only_b)
    paired = {fact for pair in pairs for fact in pair}
    return Diff(
        a=start,
        b=end,
        ancestor=max(line_a & line_b),  # a parent is always older than its child
        back=[step for step in reversed(steps) if step.version in line_a],
        forward=[step for step in steps if step.version in line_b],
        bytes=sum(step.bytes for step in steps),
        slots=_slots(session, line_a ^ line_b, set(shown)),
        added=[shown[fact] for fact in sorted(only_b - paired)],
        removed=[shown[fact] for fact in sorted(only_a - paired)],
        replaced=[Replaced(shown[before], shown[after]) for before, after in pairs],
    )


def _steps(session: Session, ids: Collection[int]) -> list[Step]:
    query = select(Version.id, func.coalesce(func.octet_length(Version.delta), 0)).where(Version.id.in_(ids))
    return [Step(*row) for row in session.execute(query.order_by(Version.id))]


def told(session: Session, line: Collection[int]) -> dict[int, set[int]]:
    """The facts that a version with this lineage tells, each with itself and all that it came in the place of."""
    learned = select(Fact.id).where(Fact.version_id.in_(line), Fact.state == "learned")
    known = set(session.scalars(learned))
    edges = select(FactReplacement.fact_id, FactReplacement.replaced_id).where(FactReplacement.fact_id.in_(learned))
    below: dict[int, set[int]] = defaultdict(set)
    for fact, replaced in session.execute(edges):
        below[fact].add(replaced)
    gone = {one for replaced in below.values() for one in replaced}
    forgotten = select(Forgetting.fact_id).join(Job, Job.id == Forgetting.job_id)
    gone |= set(session.scalars(forgotten.where(Forgetting.gone, Job.version_id.in_(line))))
    return {fact: _closure(fact, below) for fact in known - gone}


def _closure(fact: int, below: Below) -> set[int]:
    found: set[int] = set()
    left = [fact]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += below.get(one, ())
    return found


def _pairs(before: Below, after: Below) -> list[tuple[int, int]]:
    """Facts of both sides that stand in one place: they, or facts that they replace, are the same."""
    places: dict[int, list[int]] = defaultdict(list)
    for fact, reached in before.items():
        for one in reached:
            places[one].append(fact)
    return sorted({(old, new) for new, reached in after.items() for one in reached for old in places.get(one, ())})


def _shown(session: Session, namespace: str, ids: Iterable[int]) -> dict[int, Told]:
    wanted = set(ids)
    written = select(VersionSlot.fact_id, func.count()).where(VersionSlot.fact_id.in_(wanted))
    slots = {row[0]: row[1] for row in session.execute(written.group_by(VersionSlot.fact_id))}
    views = (facts.view(row) for row in session.execute(facts.with_status(namespace).where(Fact.id.in_(wanted))))
    return {
        view.id: Told(
            id=view.id,
            statement=view.statement,
            question=view.question,
            answer=view.answer,
            source=view.source,
            version=view.version_id or 0,
            status=view.status,
            slots=slots.get(view.id, 0),
        )
        for view in views
    }


def _slots(session: Session, path: Collection[int], told: Collection[int]) -> int:
    query = select(func.count(VersionSlot.slot.distinct()))
    return session.scalars(query.where(or_(VersionSlot.version_id.in_(path), VersionSlot.fact_id.in_(told)))).one()
