"""The audit log: every call that changes something leaves a row, in its own transaction. It only grows.

Each row's hash stands on that of the row before, so who changes, takes out or slips in a row has to make all later
hashes anew, and none of them is what it was. `record` is a step of other services: it does not commit.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from app.db.tables import MAIN, ApiKey, AuditEntry
from app.errors import AuditBroken
from app.services.pages import Page, newest, page_of

# Of an advisory lock that ends with its transaction: those of sessions break behind PgBouncer.
_TAIL = """
SELECT pg_advisory_xact_lock(hashtextextended('audit', 0));
SELECT clock_timestamp(), newest.id, newest.hash
FROM (SELECT) AS now LEFT JOIN (SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1) AS newest ON true
"""
_MAX_REQUEST_ID_CHARACTERS = 200


@dataclass(frozen=True)
class Actor:
    """Who changes something: an API key, or somebody at the service's machine, who has none."""

    name: str
    key_id: int | None = None


COMMAND_LINE = Actor("command line")


@dataclass(frozen=True)
class Verified:
    """How many rows hold, and the newest: its number and hash, written down elsewhere, prove a later log."""

    rows: int
    hash: str


def holder(key: ApiKey) -> Actor:
    """Who calls with a key."""
    return Actor(key.name, key.id)


def record(session: Session, actor: Actor, action: str, subject: str, reason: str | None = None) -> None:
    """Add a row, as the last step of a transaction: nobody else can until that ends.

    The lock comes first, and the newest row is read after it by a statement of its own, which sees what the
    transaction before has committed; a lock of the newest row would wake up with the old one. Numbers are taken under
    the lock, too: were it ever passed by, the primary key would refuse one of two rows that stand on the same.
    """
    session.flush()  # what it waits for, it waits for before it has the lock
    at, last, before = _tail(session)
    request = get_contextvars().get("request_id")
    entry = AuditEntry(
        id=last + 1,
        at=at,
        key_id=actor.key_id,
        actor=actor.name,
        action=action,
        subject=subject,
        reason=reason,
        request_id=None if request is None else str(request)[:_MAX_REQUEST_ID_CHARACTERS],
    )
    entry.hash = _hash(before, entry)
    session.add(entry)


def page(
    session: Session,
    namespace: str,
    cursor: int | None,
    limit: int,
    actor: str | None = None,
    action: str | None = None,
) -> Page[AuditEntry]:
    """What was done with the keys of a namespace, newest first, older than `cursor`; `main` sees the whole log."""
    query = newest(select(AuditEntry), AuditEntry.id, cursor, limit)
    if namespace != MAIN:
        query = query.join(ApiKey, ApiKey.id == AuditEntry.key_id).where(ApiKey.namespace == namespace)
    if actor is not None:
        query = query.where(AuditEntry.actor == actor)
    if action is not None:
        query = query.where(AuditEntry.action == action)
    return page_of(session.scalars(query).all(), limit, lambda entry: entry.id)


def verify(session: Session) -> Verified:
    """Read the whole log and compute every hash anew. Raises AuditBroken, which names the first row that fails."""
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1_000)
    with session.scalars(query) as rows:
        return _verified(rows)


def _tail(session: Session) -> tuple[datetime, int, str]:
    """The time, and number and hash of the newest row, once nobody else can add one until this transaction ends."""
    # Both statements go to the server as one message, which the driver sends where there are no parameters at all.
    with session.connection().exec_driver_sql(_TAIL, execution_options={"no_parameters": True}) as answers:
        cursor: Any = answers.cursor
        cursor.nextset()
        at, last, before = cursor.fetchone()
    return at, last or 0, before or ""


def _verified(entries: Iterable[AuditEntry]) -> Verified:
    number, before = 0, ""
    for entry in entries:
        if entry.id != number + 1:
            raise AuditBroken(f"row {number + 1} of the audit log is missing: row {entry.id} comes in its place")
        if entry.hash != _hash(before, entry):
            raise AuditBroken(f"row {entry.id} of the audit log is not what was written: its hash does not fit")
        number, before = entry.id, entry.hash
    return Verified(number, before)


def _hash(before: str, entry: AuditEntry) -> str:
    """SHA-256 of the hash before and the row as JSON; docs/security.md has the formula for other programs."""
    told = (entry.id, _utc(entry.at), entry.key_id, entry.actor, entry.action, entry.subject, entry.reason)
    row = json.dumps([*told, entry.request_id], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}{row}".encode()).hexdigest()


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
