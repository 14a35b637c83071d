"""The worker has a version at hand as it was made, and stores its anchor when that is due, once, of good rows only."""

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from app.db.tables import Anchor, AnchorPart, Version
from app.errors import DamagedDelta
from app.services import anchors
from model.memory.anchor import parts_of
from tests.worker.posted import capital, go_live


def stored(story) -> list[int]:
    with story.sessions() as session:
        return list(session.scalars(select(Anchor.version_id).order_by(Anchor.version_id)))


def learn(story, learner) -> int:
    posted = story.post(capital())
    learner.run()
    return go_live(story, posted.job)


def test_an_anchor_is_stored_of_the_parent_of_what_was_learned_when_it_is_due(story, learner, monkeypatch):
    first = learn(story, learner)
    learn(story, learner)
    assert stored(story) == [], "nothing is due yet"
    monkeypatch.setattr(anchors, "_LEAST", 0)
    learn(story, learner)
    assert stored(story) == [first + 1]


def test_damaged_rows_become_no_anchor_and_are_forgotten(story, learner, checkpoint, monkeypatch):
    monkeypatch.setattr(anchors, "_LEAST", 0)
    first = learn(story, learner)
    table = checkpoint.table
    with story.sessions() as session:
        learner._parent.bring(session, first)
    table.rows[1:] += 1
    with capture_logs() as logs:
        learner._keep_anchor()
    assert [entry["event"] for entry in logs] == ["anchor not stored"]
    assert stored(story) == []
    assert table.room().rows == 0
    learn(story, learner)
    assert stored(story) == [first], "it was brought up anew"


def test_a_parent_that_its_deltas_do_not_lead_to_is_refused_and_nothing_stays_of_it(story, learner, checkpoint):
    """As if a worker had made the second version from another one than it said."""
    first = learn(story, learner)
    with story.sessions.begin() as session:
        session.execute(update(Version).where(Version.id == first).values(state_hash="e" * 64))
    with story.sessions() as session, pytest.raises(DamagedDelta, match=f"up to version {first} lead to another state"):
        learner._parent.bring(session, first)
    assert checkpoint.table.room().rows == 0


def test_what_was_learned_on_last_stays_at_hand_while_namespaces_take_turns(story, learner, checkpoint, monkeypatch):
    parent, first = learner._parent, learn(story, learner)
    story.activate(0)
    second = learn(story, learner)
    with story.sessions() as session:
        views = [parent.bring(session, version) for version in (first, second)]
        assert [parent.bring(session, version) for version in (first, second)] == views, "the same views, not others"
        monkeypatch.setattr("worker.parent._KEPT", 1)
        parent.bring(session, second)
        assert parent.bring(session, first) is not views[0], "it had to make room"
    assert checkpoint.table.room().places == 2, "the base and the one at hand"


def test_a_long_way_begins_at_an_anchor_and_past_a_damaged_one(story, learner):
    parent, first = learner._parent, learn(story, learner)
    second = learn(story, learner)
    with story.sessions() as session:
        expected = parent.bring(session, second).state_hash
        anchors.store(session, second, [part.to_bytes() for part in parts_of(parent._table, parent._kept[second])])
        parent._forget()
        data = session.scalars(select(Version.delta).where(Version.id == first)).one()
        for delta in (b"no delta", data):  # the anchor alone is good, then the deltas alone
            session.execute(update(Version).where(Version.id == first).values(delta=delta))
            assert parent.bring(session, second).state_hash == expected
            parent._forget()
            session.execute(update(AnchorPart).values(data=b"no part"))
