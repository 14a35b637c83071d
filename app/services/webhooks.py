"""Webhooks: addresses that admins name, and the log of what each was sent. Each function is a whole service."""

import base64
import secrets
from collections.abc import Sequence
from typing import get_args
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import Delivery, Webhook
from app.errors import DeliveryNotFound, InvalidInput, WebhookNotFound
from app.services import audit, intake, outbox
from app.services.addresses import is_address, is_public
from app.services.audit import Actor
from app.services.outbox import Event
from app.services.pages import Page, newest, page_of
from app.settings import Settings

MAX_URL_CHARACTERS = 2_000
EVENTS: tuple[Event, ...] = get_args(Event)
_SECRET_BYTES = 32


def create(
    session: Session, settings: Settings, namespace: str, url: str, events: Sequence[Event], *, actor: Actor
) -> Webhook:
    """Name an address; its `secret` is shown to who calls this, and never again. Raises InvalidInput."""
    _check(url, settings)
    if not events:
        raise InvalidInput(f"events: the list is empty; at least 1 is needed, of {', '.join(EVENTS)}")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    hook = Webhook(namespace=namespace, url=url, events=sorted(set(events)), secret=secret)
    with transaction(session):
        session.add(hook)
        session.flush()
        audit.record(session, actor, "webhooks.create", f"webhook {hook.id}: {_shown(url)}")
    return hook


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[Webhook]:
    """Webhooks, newest first, older than `cursor`; deleted ones, too."""
    query = newest(select(Webhook).where(Webhook.namespace == namespace), Webhook.id, cursor, limit)
    return page_of(session.scalars(query).all(), limit, lambda one: one.id)


def delete(session: Session, namespace: str, webhook_id: int, *, actor: Actor) -> Webhook:
    """Send nothing more to an address, and drop its secret; deleting twice is once. Raises WebhookNotFound."""
    with transaction(session):
        hook = _get(session, namespace, webhook_id, locked=True)
        if hook.deleted_at is None:
            hook.deleted_at, hook.secret = session.scalars(select(func.clock_timestamp())).one(), None
            outbox.give_up(session, hook.id, "its webhook was deleted")
            audit.record(session, actor, "webhooks.delete", f"webhook {hook.id}: {_shown(hook.url)}")
        return hook


def deliveries(session: Session, namespace: str, webhook_id: int, cursor: int | None, limit: int) -> Page[Delivery]:
    """What an address was sent or is to be, newest first. Raises WebhookNotFound."""
    _get(session, namespace, webhook_id)
    query = newest(select(Delivery).where(Delivery.webhook_id == webhook_id), Delivery.id, cursor, limit)
    return page_of(session.scalars(query).all(), limit, lambda one: one.id)


def redeliver(session: Session, namespace: str, webhook_id: int, delivery_id: int, *, actor: Actor) -> Delivery:
    """Send a message again at once, with all its tries before it. Raises WebhookNotFound, DeliveryNotFound."""
    with transaction(session):
        hook = _get(session, namespace, webhook_id, locked=True)
        if hook.deleted_at is not None:
            raise WebhookNotFound(f"webhook {webhook_id} is deleted; nothing is sent there")
        own = select(Delivery).where(Delivery.id == delivery_id, Delivery.webhook_id == webhook_id).with_for_update()
        one = session.scalars(own.execution_options(populate_existing=True)).one_or_none()
        if one is None:
            raise DeliveryNotFound(f"webhook {webhook_id} has no delivery {delivery_id}")
        one.state, one.tries, one.next_at = "pending", 0, session.scalars(select(func.clock_timestamp())).one()
        audit.record(session, actor, "webhooks.redeliver", f"delivery {delivery_id} of webhook {webhook_id}")
        return one


def _get(session: Session, namespace: str, webhook_id: int, locked: bool = False) -> Webhook:
    query = select(Webhook).where(Webhook.id == webhook_id, Webhook.namespace == namespace)
    found = session.scalars(query.with_for_update() if locked else query).one_or_none()
    if found is None:
        raise WebhookNotFound(f"there is no webhook {webhook_id}")
    return found


def _check(url: str, settings: Settings) -> None:
    """Refuse what can be seen to be no address for this; what a name stands for is looked at whenever it is called."""
    intake.check_text("url", url)
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidInput(f"url: {len(url):,} characters; at most {MAX_URL_CHARACTERS:,} are allowed")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"url: {url[:80]!r} is no address that can be read: {error}") from error
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or any(map(str.isspace, url)):
        raise InvalidInput(f"url: {url[:80]!r}; an http or https address is needed, with a host and in ASCII")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInput("url: it holds a name, a password or a fragment; none of them is sent")
    private = not is_public(host) if is_address(host) else host == "localhost" or host.endswith(".localhost")
    if private and not settings.webhook_private_addresses:
        raise InvalidInput(
            f"url: {host!r} is a private address; SLOTWISE_WEBHOOK_PRIVATE_ADDRESSES would have to allow it"
        )


def _shown(url: str) -> str:
    """Without what stands behind the `?`, which may be a secret."""
    return url.partition("?")[0]
