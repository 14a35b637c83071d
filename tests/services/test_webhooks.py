"""What happens is told to those who want it: stored with what it tells, and never lost between two tries."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.db.tables import Delivery, Fact
from app.errors import DeliveryNotFound, InvalidInput, WebhookNotFound
from app.services import audit, expiry, jobs, outbox, verifying, webhooks
from app.services.addresses import is_public
from app.services.outbox import Sent
from app.services.verifying import Opened, Verdict
from tests.services.story import CAPITAL, RIVER, TESTER

URL = "https://example.com/hook"


def hook(story, *events: str, url: str = URL, **changed):
    settings = story.settings.model_copy(update=changed)
    with story.sessions() as session:
        return webhooks.create(session, settings, "main", url, events or webhooks.EVENTS, actor=TESTER)


def told(story, event: str | None = None) -> list[dict]:
    """The bodies of all messages, oldest first."""
    with story.sessions() as session:
        bodies = [json.loads(body) for body in session.scalars(select(Delivery.body).order_by(Delivery.id))]
    return [body["data"] for body in bodies if event in (None, body["type"])]


def take(story):
    with story.sessions() as session:
        return outbox.take(session, story.settings, limit=9)


def note(story, delivery: int, sent: Sent, **changed) -> None:
    with story.sessions() as session:
        outbox.note(session, story.settings.model_copy(update=changed), delivery, sent)


def delivery(story, number: int = 1) -> Delivery:
    with story.sessions() as session:
        return session.get_one(Delivery, number)


def let_pauses_pass(story) -> None:
    with story.sessions.begin() as session:
        session.execute(update(Delivery).values(next_at=Delivery.next_at - timedelta(hours=7)))


def test_each_end_of_a_job_and_each_move_of_the_head_is_told_in_order(story):
    hook(story)
    story.learn(CAPITAL)
    story.activate(0)
    posted = story.post(RIVER)
    with story.sessions.begin() as session:
        jobs.end(session, jobs.get(session, "main", posted.job), "rejected", "a test")
    assert told(story) == [
        {"version": 1, "previous": 0, "actor": "slotwise"},
        {"job": 1, "kind": "learn", "version": 1},
        {"version": 0, "previous": 1, "actor": "tester"},
        {"job": 2, "kind": "learn", "version": None},
    ]
    assert told(story, "job.rejected") == [{"job": 2, "kind": "learn", "version": None}]


def test_who_wants_an_event_is_told_that_alone_and_who_is_deleted_nothing(story):
    hook(story, "job.failed")
    gone = hook(story)
    with story.sessions() as session:
        deleted = webhooks.delete(session, "main", gone.id, actor=TESTER)
        assert webhooks.delete(session, "main", gone.id, actor=TESTER).deleted_at == deleted.deleted_at
    story.learn(CAPITAL)
    assert told(story) == []
    assert deleted.secret is None


def test_what_is_not_committed_is_not_told(story):
    hook(story)
    with story.sessions() as session:
        outbox.emit(session, "main", "version.activated", version=1)
        session.rollback()
    assert told(story) == []


def test_facts_that_ended_or_went_stale_are_told_once_and_without_their_text(story):
    hook(story, "fact.expired", "fact.stale")
    story.learn(CAPITAL, RIVER)
    for _ in range(2):
        with story.sessions() as session:
            verifying.queue(session, "main", TESTER)
        claim = story.claim()
        with story.sessions() as session:
            verifying.store(session, claim, [Verdict(1, "Porto", False), Verdict(2, "Melpek", True)], Opened(0, 0))
            verifying.end(session, claim, Opened(0, 0))
    assert told(story, "fact.stale") == [{"facts": [1], "job": 2, "version": 1}]
    with story.sessions.begin() as session:
        session.execute(update(Fact).values(valid_until=datetime.now(UTC) - timedelta(hours=1)))
    with story.sessions() as session:
        expiry.forget_due(session, story.settings, "main")
    assert told(story, "fact.expired") == []
    version = story.go_without()
    assert told(story, "fact.expired") == [{"facts": [1, 2], "job": 4, "version": version}]


def test_a_message_is_taken_by_one_sender_and_again_where_that_dies(story):
    hook(story)
    story.learn(CAPITAL)
    (first,) = take(story)  # of two that wait the older, for they go to one address
    assert (first.url, first.delivery, json.loads(first.body)["type"]) == (URL, 1, "version.activated")
    (second,) = take(story)
    assert second.delivery == 2
    assert take(story) == []
    let_pauses_pass(story)
    (again,) = take(story)
    assert (again.message_id, again.body, delivery(story).tries) == (first.message_id, first.body, 2)


def test_what_fails_is_tried_after_pauses_that_grow_and_given_up_in_the_end(story):
    hook(story, "version.activated")
    story.learn(CAPITAL)
    for number in range(1, 4):
        (due,) = take(story)
        note(story, due.delivery, Sent(503), webhook_max_tries=3)
        one = delivery(story)
        assert (one.tries, one.last_code, one.state) == (number, 503, "failed" if number == 3 else "pending")
        assert take(story) == []
        let_pauses_pass(story)
    assert take(story) == []


def test_pauses_grow_fourfold_and_end_at_six_hours_with_half_of_each_drawn():
    for tries, longest in ((1, 5.0), (2, 20.0), (5, 1_280.0), (30, 21_600.0)):
        drawn = [outbox.pause(5.0, tries).total_seconds() for _ in range(50)]
        assert longest / 2 <= min(drawn) < max(drawn) <= longest


def test_what_arrived_is_not_sent_again_unless_somebody_asks(story):
    hook(story, "version.activated")
    story.learn(CAPITAL)
    (due,) = take(story)
    note(story, due.delivery, Sent(204))
    let_pauses_pass(story)
    assert (take(story), delivery(story).state, delivery(story).last_code) == ([], "delivered", 204)
    with story.sessions() as session:
        webhooks.redeliver(session, "main", 1, due.delivery, actor=TESTER)
    (again,) = take(story)
    assert again.message_id == due.message_id
    with story.sessions() as session:
        with pytest.raises(DeliveryNotFound):
            webhooks.redeliver(session, "main", 1, 99, actor=TESTER)
        webhooks.delete(session, "main", 1, actor=TESTER)
        assert webhooks.deliveries(session, "main", 1, None, 9).items[0].last_error == "its webhook was deleted"
        with pytest.raises(WebhookNotFound, match="is deleted"):
            webhooks.redeliver(session, "main", 1, due.delivery, actor=TESTER)
        actions = [entry.action for entry in audit.page(session, "main", None, 3).items]
    assert actions[:2] == ["webhooks.delete", "webhooks.redeliver"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.com/", "an http or https address is needed"),
        ("https:///nowhere", "an http or https address is needed"),
        ("https://example.com:99999/", "no address that can be read"),
        ("https://user:pass@example.com/", "holds a name, a password"),
        ("https://exämple.com/", "in ASCII"),
        ("https://example.com/" + "x" * 2_000, "2,020 characters; at most 2,000"),
        ("http://127.0.0.1:8000/", "private address"),
        ("http://[::1]/", "private address"),
        ("http://10.1.2.3/", "private address"),
        ("http://169.254.169.254/latest", "private address"),
        ("http://localhost/", "private address"),
    ],
)
def test_an_address_that_is_none_or_private_is_refused(story, url, said):
    with pytest.raises(InvalidInput, match=rf"^url: .*{said}"):
        hook(story, url=url)


def test_a_setting_allows_private_addresses(story):
    assert hook(story, url="http://127.0.0.1:9/", webhook_private_addresses=True).id == 1


PRIVATE = (
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    *("fe80::1%eth0", "fc00::1", "::", "224.0.0.1", "100.64.0.1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_found_in_any_clothes(address):
    assert not is_public(address)


def test_public_addresses_are_public():
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")
    assert is_public("::ffff:93.184.216.34")
