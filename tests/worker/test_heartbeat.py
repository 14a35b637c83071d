"""The heartbeat: beside the training, not between its steps."""

import time

import pytest
from sqlalchemy import select, text

from app.db.session import close_sessions
from app.db.tables import Head
from app.errors import LeaseLost
from app.settings import Settings
from worker.heartbeat import Heartbeat


def until(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, lease_seconds=0.6)


def test_a_step_longer_than_a_lease_does_not_lose_it(story):
    story.post()
    claim = story.claim()
    with Heartbeat(story.sessions, claim, 0.1):
        time.sleep(1.0)
        assert story.nothing_to_claim()
    story.train(claim)


def test_after_the_block_no_beat_comes(story):
    story.post()
    claim = story.claim()
    with Heartbeat(story.sessions, claim, 0.05):
        pass
    story.train(claim)
    time.sleep(0.2)
    with story.sessions() as session:
        assert session.scalars(select(Head.lease_heartbeat)).one() is None


def test_progress_is_seen_at_once(story):
    posted = story.post()
    with Heartbeat(story.sessions, story.claim(), 60.0) as heartbeat:
        heartbeat.progress(1)
        until(lambda: story.job(posted.job).done == 1)


def test_a_lost_lease_ends_the_training_at_the_next_step(story):
    story.post()
    with Heartbeat(story.sessions, story.claim(), 0.05) as heartbeat:
        heartbeat.progress(0)
        with story.sessions.begin() as session:
            session.execute(text("UPDATE heads SET lease_epoch = lease_epoch + 1"))
        until(lambda: heartbeat._lost)
        with pytest.raises(LeaseLost):
            heartbeat.progress(1)


def test_a_database_that_comes_back_finds_the_heart_beating(story):
    posted = story.post()
    with Heartbeat(story.sessions, story.claim(), 0.05) as heartbeat:
        with story.sessions.begin() as session:
            session.execute(text("ALTER TABLE heads RENAME TO away"))
        time.sleep(0.3)
        with story.sessions.begin() as session:
            session.execute(text("ALTER TABLE away RENAME TO heads"))
        heartbeat.progress(1)
        until(lambda: story.job(posted.job).done == 1)
    close_sessions(story.sessions)
