"""Anchors: what a version differs from the base in, kept so that a cold start reads no long path of deltas.

Whoever has a version's rows may store its anchor, at any time after publication; the second one to do so finds it
done. Deltas stay: an anchor that does not verify is thrown away, and they are read instead.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, BigInteger, Row, Select, bindparam, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from app.db import slices
from app.db.session import transaction
from app.db.tables import BASE_VERSION, Anchor, AnchorPart, Version
from app.errors import DamagedAnchor, VersionNotFound

# What reading a delta costs beside its bytes, in bytes that could be read meanwhile.
_EACH = 1 << 16
# Reading less than this from deltas takes a fraction of a second, which is not worth an anchor.
_LEAST = 1 << 24
_NONE = 1 << 62  # dearer than any way


@dataclass(frozen=True)
class Route:
    """The cheapest way to a version: from `start`, or from the base by the anchor of `start`; then these deltas."""

    start: int
    by_anchor: bool
    steps: tuple[int, ...]


def route(session: Session, version_id: int, resident: Sequence[int]) -> Route:
    """How to bring up a version that is not resident itself, with as few bytes as possible. Raises VersionNotFound.

    resident  versions that are there already, the base among them
    """
    line = _line(session, version_id, resident)
    dearness = {row.id: row.cost + (0 if row.id in resident else row.anchor) for row in line}
    start = min(dearness, key=lambda found: dearness[found])
    steps = [row.id for row in line if row.id > start]  # a parent is always older than its child
    return Route(start, start not in resident, tuple(sorted(steps)))


def due(session: Session, version_id: int) -> bool:
    """Whether the deltas since the last anchor before a version outweigh it, so that another is worth its room."""
    line = _line(session, version_id, [BASE_VERSION])
    last = next((row for row in line if row.anchor < _NONE or row.id == BASE_VERSION), None)
    if last is None:
        return False
    return bool(last.cost > max(_LEAST, 0 if last.id == BASE_VERSION else last.anchor))


def store(session: Session, version_id: int, parts: Iterable[bytes]) -> bool:
    """Keep the anchor of a version; False when it was there."""
    with transaction(session):
        empty = {"version_id": version_id, "parts": 0, "bytes": 0, "sha256": ""}
        mine = insert(Anchor).values(empty).on_conflict_do_nothing().returning(Anchor.version_id)
        if session.scalar(mine) is None:
            return False
        digest, size, count = hashlib.sha256(), 0, 0
        for data in parts:
            session.execute(insert(AnchorPart).values(version_id=version_id, number=count, data=data))
            digest.update(data)
            size, count = size + len(data), count + 1
        known = {"parts": count, "bytes": size, "sha256": digest.hexdigest()}
        session.execute(update(Anchor).where(Anchor.version_id == version_id).values(known))
    return True


def parts(session: Session, version_id: int, rest: Callable[[], None] = slices.no_rest) -> Iterator[bytearray]:
    """The parts of a version's anchor, with a rest after each. Raises DamagedAnchor, at the latest behind the last."""
    row = session.execute(select(Anchor.parts, Anchor.sha256).where(Anchor.version_id == version_id)).one_or_none()
    if row is None:
        raise DamagedAnchor(f"the anchor of version {version_id} is gone")
    digest = hashlib.sha256()
    for number in range(row.parts):
        data = slices.anchor_part(session, version_id, number)
        if data is None:
            raise DamagedAnchor(f"part {number} of {row.parts} of the anchor of version {version_id} is missing")
        digest.update(data)
        yield data
        rest()
    if digest.hexdigest() != row.sha256:
        raise DamagedAnchor(f"the anchor of version {version_id} does not match its checksum {row.sha256}")


def discard(session: Session, version_id: int) -> None:
    """Throw an anchor away that does not verify: the next one that is due is made from good rows."""
    with transaction(session):
        session.execute(delete(AnchorPart).where(AnchorPart.version_id == version_id))
        session.execute(delete(Anchor).where(Anchor.version_id == version_id))


def _line(session: Session, version_id: int, resident: Sequence[int]) -> Sequence[Row[int, int, int]]:
    """(id, cost, anchor) from a version towards the base: what the deltas behind `id` weigh, and what its anchor does.

    It ends where going on cannot be cheaper: at a resident version, or when an anchor costs less than the deltas
    so far. So it is short, however long the history is.
    """
    found = session.execute(_LINE, {"version": version_id, "resident": list(resident)}).all()
    if not found:
        raise VersionNotFound(f"there is no version {version_id}")
    return found


def _line_query() -> Select[int, int, int]:
    child, parent = aliased(Version), aliased(Version)
    weight = func.coalesce(Anchor.bytes, _NONE).label("anchor")
    first = select(child.id, child.parent_id, literal(0, BigInteger).label("cost"), weight, weight.label("best"))
    first = first.outerjoin(Anchor, Anchor.version_id == child.id)
    line = first.where(child.id == bindparam("version", type_=BigInteger)).cte("line", recursive=True)
    cost = line.c.cost + func.octet_length(child.delta) + _EACH
    further = (
        select(parent.id, parent.parent_id, cost, weight, func.least(line.c.best, cost + weight))
        .select_from(line)
        .join(child, child.id == line.c.id)
        .join(parent, parent.id == line.c.parent_id)
        .outerjoin(Anchor, Anchor.version_id == parent.id)
        .where(line.c.id != func.all(bindparam("resident", type_=ARRAY(BigInteger))), cost < line.c.best)
    )
    whole = line.union_all(further)
    return select(whole.c.id, whole.c.cost, whole.c.anchor).order_by(whole.c.cost)


_LINE = _line_query()  # made once: making it takes longer than asking it
