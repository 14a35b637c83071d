"""What an engine counted reaches the database once: an outage loses nothing, and nothing is added twice."""

import pytest

from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions, open_sessions
from app.services import slot_statistics
from app.serving.tally import Tally
from model.engine import Engine, Sampling
from model.memory.traffic import Traffic
from tests import tiny
from tests.model.engine.asking import change


@pytest.fixture
def engine() -> Engine:
    """One that has answered two questions of a caller on a version with rows; the test turns it."""
    engine = Engine(tiny.build())
    engine.prepare(1, 0, change(engine, 1))
    for question in ("a?", "b?"):
        prompt = engine.checkpoint.prompts.question(question)
        generation = engine.submit(prompt, Sampling(1), version=1, client="1")
        while not generation.done():
            engine._turn()
    return engine


def test_a_batch_waits_while_the_database_is_away_and_is_added_once(engine: Engine, sessions: Sessions):
    tally = Tally(engine, sessions)
    tally._sessions = open_sessions("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DATABASE_AWAY):
        tally.hand_over()
    tally._sessions = sessions
    tally.hand_over()
    tally.hand_over()
    with sessions() as session:
        found = slot_statistics.traffic(session, engine.checkpoint.fingerprint)
    assert found.queries == 2
    assert set(found.reads.values()) <= {1, 2}


def test_a_batch_whose_commit_failed_is_not_tried_again(engine: Engine, sessions: Sessions, monkeypatch):
    def lost(*_: object) -> None:
        raise ConnectionError("after the commit, or before it: nobody knows")

    with monkeypatch.context() as patch:
        patch.setattr(slot_statistics, "add", lost)
        with pytest.raises(ConnectionError):
            Tally(engine, sessions).hand_over()
    Tally(engine, sessions).hand_over()
    with sessions() as session:
        assert slot_statistics.traffic(session, engine.checkpoint.fingerprint) == Traffic()


def test_nothing_is_handed_over_before_it_is_due(engine: Engine, sessions: Sessions):
    Tally(engine, sessions).hand_over_when_due()
    assert engine.take_traffic().queries == 2
