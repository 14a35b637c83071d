"""Calls that are made once: who sends an idempotency key again gets the first reply, whatever has happened since.

Steps of other services: they run inside the transaction of their caller, and do not commit.
"""

import hashlib
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import ApiKey, Call, Json
from app.errors import IdempotencyConflict, IdempotencyInProgress


def begin(session: Session, key: ApiKey, idempotency_key: str) -> Call | None:
    """The call that was made with this key, or None and a lock that lasts until the caller's transaction ends.

    Raises IdempotencyInProgress while another call holds that.
    """
    name = f"{key.id}:{idempotency_key}"
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))):
        raise IdempotencyInProgress(f"the first call with the idempotency key {idempotency_key!r} is running")
    return session.get(Call, (key.id, idempotency_key))


def reply(call: Call, body_sha256: str) -> Json:
    """What a call was answered. Raises IdempotencyConflict when it had another body."""
    if call.body_sha256 != body_sha256:
        raise IdempotencyConflict(f"the idempotency key {call.idempotency_key!r} was used before with another body")
    return call.reply


def remember(
    session: Session, key: ApiKey, idempotency_key: str, body_sha256: str, reply: Mapping[str, object]
) -> None:
    """Keep what a call was answered."""
    call = Call(api_key_id=key.id, idempotency_key=idempotency_key, reply=dict(reply))
    call.body_sha256 = body_sha256
    session.add(call)


def sha256(body: bytes) -> str:
    """By which a repeated call is told from another one."""
    return hashlib.sha256(body).hexdigest()
