"""What callers' questions read, as all engines have counted it: added in batches, read by whoever chooses slots.

A batch is added by one transaction, or is lost with the process that counted it; it is never added twice.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import SlotStatistics, TrafficRow
from model.memory.traffic import Traffic


@dataclass(frozen=True)
class Counted:
    """How many questions were counted, and between which moments; none where there was no question yet."""

    queries: int = 0
    since: datetime | None = None
    counted_at: datetime | None = None


def add(session: Session, fingerprint: str, batch: Traffic) -> None:
    """Add what an engine counted. Engines add rows in the order of their addresses, so none waits for another."""
    addresses = sorted(batch.reads)
    reads = [batch.reads[address] for address in addresses]
    with transaction(session):
        values = [func.unnest(cast(given, ARRAY(BigInteger))) for given in (addresses, reads)]
        target = [SlotStatistics.fingerprint, SlotStatistics.address, SlotStatistics.reads]
        read = insert(SlotStatistics).from_select(target, select(literal(fingerprint), *values))
        more = {"reads": SlotStatistics.reads + read.excluded.reads}
        session.execute(read.on_conflict_do_update(constraint="pk_slot_statistics", set_=more))
        asked = insert(TrafficRow).values(fingerprint=fingerprint, queries=batch.queries)
        so_far = {"queries": TrafficRow.queries + asked.excluded.queries, "counted_at": func.now()}
        session.execute(asked.on_conflict_do_update(constraint="pk_traffic", set_=so_far))


def traffic(session: Session, fingerprint: str) -> Traffic:
    """What all engines of a base and memory have counted."""
    queries = session.scalar(select(TrafficRow.queries).where(TrafficRow.fingerprint == fingerprint)) or 0
    addresses, reads = (
        func.array_agg(aggregate_order_by(column, SlotStatistics.address))
        for column in (SlotStatistics.address, SlotStatistics.reads)
    )
    row = session.execute(select(addresses, reads).where(SlotStatistics.fingerprint == fingerprint)).one()
    return Traffic(queries, dict(zip(row[0] or (), row[1] or (), strict=True)))


def counted(session: Session, fingerprint: str) -> Counted:
    """How much was counted, without what was read."""
    row = session.get(TrafficRow, fingerprint, populate_existing=True)
    return Counted() if row is None else Counted(row.queries, row.since, row.counted_at)
