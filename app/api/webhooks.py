"""/v1/admin/webhooks: addresses that are told what happens, and what each of them was told."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import Field, JsonValue

from app.api.bodies import WebhookIn
from app.api.deps import Admin, Cursor, Limit, PathId, SessionDep, SettingsDep
from app.api.errors import KEYED, problems
from app.api.schemas import Outgoing, Page, example
from app.db.tables import Delivery, DeliveryState, Webhook
from app.services import webhooks
from app.services.audit import holder
from app.services.outbox import Event
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin/webhooks", tags=["webhooks"], responses=KEYED)
_MISSING: dict[int | str, dict[str, Any]] = problems(HTTPStatus.NOT_FOUND)
_EXAMPLE: dict[str, JsonValue] = {
    "id": 2,
    "url": "https://example.com/slotwise",
    "events": ["job.failed", "version.activated"],
    "created_at": "2026-11-22T10:00:02Z",
    "deleted_at": None,
}


class WebhookOut(Outgoing):
    """An address and the events that it wants, without its secret."""

    model_config = example(**_EXAMPLE)

    id: int
    url: str
    events: list[Event]
    created_at: datetime
    deleted_at: datetime | None = Field(description="since then nothing is sent there")


class NewWebhookOut(WebhookOut):
    """A webhook that has just been made, and the secret of its signatures, which is shown this once."""

    model_config = example(**_EXAMPLE, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")  # noqa: S106

    secret: str


class DeliveryOut(Outgoing):
    """A message to an address: how often it was tried, and what came of the last time."""

    model_config = example(
        id=31,
        message="msg_5b1f0c9e7d2a4c6f8e3b9a1d0c2e4f68",
        event="version.activated",
        body='{"type":"version.activated","timestamp":"2026-11-22T10:00:02Z","data":{"version":3,"previous":2}}',
        state="pending",
        tries=2,
        next_at="2026-11-22T10:00:27Z",
        last_at="2026-11-22T10:00:08Z",
        last_code=503,
        last_error=None,
        created_at="2026-11-22T10:00:02Z",
    )

    id: int
    message: str = Field(validation_alias="message_id", description="the header `webhook-id`, at every try the same")
    event: Event
    body: str
    state: DeliveryState
    tries: int
    next_at: datetime = Field(description="while it is pending: before then it is not tried again")
    last_at: datetime | None
    last_code: int | None = Field(description="of the last reply; null: there was none")
    last_error: str | None
    created_at: datetime


@router.post("", status_code=HTTPStatus.CREATED, response_model=NewWebhookOut)
def create_webhook(body: WebhookIn, key: Admin, session: SessionDep, settings: SettingsDep) -> Webhook:
    """Name an address. The secret of its signatures is in this reply, and cannot be read again."""
    return webhooks.create(session, settings, key.namespace, body.url, body.events, actor=holder(key))


@router.get("", response_model=Page[WebhookOut])
def list_webhooks(key: Admin, session: SessionDep, cursor: Cursor = None, limit: Limit = 50) -> ServicePage[Webhook]:
    """Webhooks, newest first, with those that are deleted."""
    return webhooks.page(session, key.namespace, cursor, limit)


@router.delete("/{webhook_id}", response_model=WebhookOut, responses=_MISSING)
def delete_webhook(webhook_id: PathId, key: Admin, session: SessionDep) -> Webhook:
    """Send nothing more to an address; what waits for it is given up. Deleting one twice is once."""
    return webhooks.delete(session, key.namespace, webhook_id, actor=holder(key))


@router.get("/{webhook_id}/deliveries", response_model=Page[DeliveryOut], responses=_MISSING)
def list_deliveries(
    webhook_id: PathId,
    key: Admin,
    session: SessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ServicePage[Delivery]:
    """What an address was sent, or is to be, newest first."""
    return webhooks.deliveries(session, key.namespace, webhook_id, cursor, limit)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver", response_model=DeliveryOut, responses=_MISSING)
def redeliver(webhook_id: PathId, delivery_id: PathId, key: Admin, session: SessionDep) -> Delivery:
    """Send a message again, at once and with all its tries before it; its id stays."""
    return webhooks.redeliver(session, key.namespace, webhook_id, delivery_id, actor=holder(key))
