"""The sweeper and the bell, on a real Redis: what got lost is sent again, what is doubled does no harm."""

import subprocess
import sys
import time

import pytest
import redis
from sqlalchemy import text

from app.queue import Queue, broker
from app.settings import Settings
from worker.sweeper import Sweeper


@pytest.fixture
def sweeper(sessions, queue, settings) -> Sweeper:
    return Sweeper(sessions, queue, settings)


@pytest.fixture
def messages(redis_url):
    """How many bells nobody has heard yet."""
    client = redis.Redis.from_url(redis_url)
    yield lambda: client.llen("slotwise")
    client.close()


def test_a_job_whose_message_was_lost_is_rung_again(story, sweeper, messages):
    story.post()
    sweeper.sweep()
    assert messages() == 1


def test_it_does_not_ring_for_a_job_that_is_being_learned(story, sweeper, messages):
    story.post()
    story.post()
    story.claim()
    sweeper.sweep()
    assert messages() == 0


def test_it_takes_a_job_back_from_a_silent_worker(story, sweeper, messages):
    posted = story.post()
    story.claim()
    story.silence_worker()
    sweeper.sweep()
    assert story.job(posted.job).state == "queued"
    assert messages() == 1


def test_it_takes_a_job_back_at_once_from_a_worker_that_was_killed_on_this_machine(story, sweeper, messages):
    named = "from worker import owner; print(owner.own())"
    dead = subprocess.run([sys.executable, "-c", named], capture_output=True, text=True, check=True).stdout.strip()
    posted = story.post()
    story.claim(dead)
    sweeper.sweep()
    assert (story.job(posted.job).state, story.job(posted.job).error) == ("queued", f"worker {dead} has died")
    assert messages() == 1


def test_it_publishes_what_no_engine_published_and_rings_for_the_next_job(story, sweeper, messages, queue):
    story.post()
    story.post()
    version = story.train(story.claim())
    story.acknowledge(version)
    hints = queue.listen()
    hints.wait(0.1)
    sweeper.sweep()
    assert story.live() == version
    assert messages() == 1
    assert hints.wait(2.0)
    hints.close()


def test_it_outlives_a_database_that_is_away(story, queue, messages):
    story.post()
    settings = story.settings.model_copy(update={"sweep_seconds": 0.05})
    with story.sessions.begin() as session:
        session.execute(text("ALTER TABLE heads RENAME TO away"))
    sweeper = Sweeper(story.sessions, queue, settings)
    sweeper.start()
    time.sleep(0.2)
    assert messages() == 0
    with story.sessions.begin() as session:
        session.execute(text("ALTER TABLE away RENAME TO heads"))
    end = time.monotonic() + 30
    while messages() == 0 and time.monotonic() < end:
        time.sleep(0.02)
    sweeper.stop()
    assert messages() > 0


def test_a_redis_that_is_away_costs_neither_an_error_nor_much_time():
    queue = Queue(Settings(redis_url="redis://127.0.0.1:1/0"))
    begun = time.monotonic()
    queue.ring(1)
    queue.hint()
    assert time.monotonic() - begun < 2
    hints = queue.listen()
    begun = time.monotonic()
    assert not hints.wait(0.2)
    assert time.monotonic() - begun >= 0.2
    queue.close()


def test_the_worker_s_sockets_time_out():
    """Measured: without these a half-open connection leaves a worker deaf for good."""
    assert broker("redis://127.0.0.1:1/0").conf.broker_transport_options == {
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
