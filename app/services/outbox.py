"""What happens, for those who want to be told: stored in the transaction in which it happens, and sent by the worker.

`emit` is a step of other services, which does not commit. The others are the sender's, and whole services. Nothing is
lost, and each message comes at least once: where a sender dies before it is noted it is sent again, with the same id.
"""

import json
import random
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import Delivery, Webhook
from app.settings import Settings

Event = Literal[
    "job.succeeded",
    "job.failed",
    "job.rejected",
    "job.cancelled",
    "version.activated",
    "fact.expired",
    "fact.stale",
]
_GROWTH = 4  # of the pause after each try
_LONGEST_PAUSE = timedelta(hours=6)
_UNNOTED_AFTER = 3.0  # times as long as a delivery may take, until one whose sender is gone is sent again
_MAX_ERROR_CHARACTERS = 300


@dataclass(frozen=True)
class Due:
    """A message that is to be sent now."""

    delivery: int
    webhook: int
    message_id: str
    url: str
    secret: str
    body: str


@dataclass(frozen=True)
class Sent:
    """What came of it: the code of the reply, or why there was none."""

    code: int | None
    error: str | None = None

    @property
    def arrived(self) -> bool:
        """Whether the receiver says that it has it."""
        return self.code is not None and 200 <= self.code < 300


def emit(session: Session, namespace: str, event: Event, **data: Any) -> None:
    """Tell every address that wants this event. `data` are numbers, names and times, never the text of a fact."""
    wanted = select(Webhook.id).where(Webhook.namespace == namespace, Webhook.deleted_at.is_(None))
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = json.dumps({"type": event, "timestamp": at, "data": data}, separators=(",", ":"))
    for webhook in session.scalars(wanted.where(Webhook.events.contains([event]))):
        session.add(Delivery(webhook_id=webhook, message_id=f"msg_{uuid.uuid4().hex}", event=event, body=body))


def take(session: Session, settings: Settings, busy: Collection[int] = (), limit: int = 1) -> list[Due]:
    """The oldest message that is due of each address; nobody else gets them for as long as sending may take.

    busy  webhooks that are left out, as one of theirs is on its way
    """
    waits = (Delivery.state == "pending", Delivery.next_at <= func.now())
    open_ = select(Webhook.id).where(Webhook.deleted_at.is_(None), Webhook.id.not_in(busy))
    first = select(func.min(Delivery.id)).where(*waits, Delivery.webhook_id.in_(open_)).group_by(Delivery.webhook_id)
    chosen = select(Delivery, Webhook).join(Webhook, Webhook.id == Delivery.webhook_id)
    chosen = chosen.where(Delivery.id.in_(first), *waits).order_by(Delivery.id).limit(limit)
    with transaction(session):
        locked = chosen.with_for_update(of=Delivery, skip_locked=True).execution_options(populate_existing=True)
        taken = []
        for one, hook in session.execute(locked):
            taken.append(Due(one.id, hook.id, one.message_id, hook.url, hook.secret or "", one.body))
            one.tries += 1
            one.next_at = func.now() + timedelta(seconds=_UNNOTED_AFTER * settings.webhook_timeout_seconds)
        return taken


def note(session: Session, settings: Settings, delivery_id: int, sent: Sent) -> None:
    """Note what came of a try: it arrived, it is tried again, or it is given up."""
    with transaction(session):
        locked = select(Delivery).where(Delivery.id == delivery_id, Delivery.state == "pending").with_for_update()
        one = session.scalars(locked.execution_options(populate_existing=True)).one_or_none()
        if one is None:  # its webhook was deleted meanwhile
            return
        one.last_at, one.last_code = func.clock_timestamp(), sent.code
        one.last_error = None if sent.error is None else sent.error[:_MAX_ERROR_CHARACTERS]
        if sent.arrived:
            one.state = "delivered"
        elif one.tries >= settings.webhook_max_tries:
            one.state = "failed"
        else:
            one.next_at = func.clock_timestamp() + pause(settings.webhook_retry_seconds, one.tries)


def give_up(session: Session, webhook_id: int, reason: str) -> None:
    """Send nothing more to an address. A step."""
    waiting = update(Delivery).where(Delivery.webhook_id == webhook_id, Delivery.state == "pending")
    session.execute(waiting.values(state="failed", last_error=reason))


def pause(seconds: float, tries: int) -> timedelta:
    """How long to wait after so many tries: four times as long each time, half of it drawn, 6 hours at most."""
    growth: int = _GROWTH ** min(tries - 1, 20)
    longest = min(timedelta(seconds=seconds) * growth, _LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # so that not all come back at once
