"""Limits of keys, on a real Redis: they hold over processes, say when more fits, and never stand in the way of all."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
import redis
from structlog.testing import capture_logs

from app.embedded.folder import DataFolder
from app.embedded.redis import running_redis
from app.embedded.servers import free_port
from app.errors import InvalidInput, LimitReached
from app.limiter import Limiter
from app.settings import Settings

KEY, OTHER = 1, 2


def limiter(redis_url: str) -> Limiter:
    return Limiter(Settings(redis_url=redis_url, requests_per_minute=5, facts_per_day=100))


@pytest.fixture
def two(redis_url: str) -> Iterator[tuple[Limiter, Limiter]]:
    """Those of two processes of one installation."""
    both = limiter(redis_url), limiter(redis_url)
    yield both
    for one in both:
        one.close()


def age(redis_url: str, seconds: float) -> None:
    """Let time pass for all windows, without waiting for it."""
    with redis.Redis.from_url(redis_url) as client:
        for key in list(client.scan_iter()):
            left = client.pttl(key) - int(seconds * 1000)
            client.pexpire(key, left) if left > 0 else client.delete(key)


def until_refused(one: Limiter) -> LimitReached:
    for _ in range(6):
        try:
            one.request(KEY, None)
        except LimitReached as reached:
            return reached
    raise AssertionError("the limit holds nobody back")


def test_a_limit_holds_over_all_processes_and_for_each_key_alone(two):
    for turn in range(5):
        two[turn % 2].request(KEY, None)
    for one in two:
        with pytest.raises(LimitReached, match=r"requests_per_minute: this key may send 5 requests a minute; 1 more"):
            one.request(KEY, None)
        one.request(OTHER, None)


def test_a_limit_of_its_own_counts_instead_of_that_of_the_settings(two):
    for _ in range(20):
        two[0].request(KEY, 20)
    with pytest.raises(LimitReached, match="may send 20 requests"):
        two[0].request(KEY, 20)
    two[0].request(OTHER, 1)
    with pytest.raises(LimitReached, match="may send 1 requests"):
        two[0].request(OTHER, 1)


@pytest.mark.parametrize("passed", [0.0, 50.0, 70.0, 90.0])
def test_after_the_seconds_that_are_told_the_call_fits_and_not_long_before(two, redis_url, passed):
    one = two[0]
    for _ in range(5):
        one.request(KEY, None)
    age(redis_url, passed)
    reached = until_refused(one)
    wait = reached.retry_after_seconds
    assert f"1 more in {wait} s" in str(reached)
    if wait > 2:
        age(redis_url, wait - 2)
        with pytest.raises(LimitReached):
            one.request(KEY, None)
        age(redis_url, 2)
    else:
        age(redis_url, wait)
    one.request(KEY, None)


def test_facts_count_by_their_number_and_what_is_refused_counts_not(two, redis_url):
    one = two[0]
    one.facts(KEY, None, 90)
    with pytest.raises(LimitReached, match="facts_per_day: this key may send 100 facts a day; 20 more in ") as reached:
        one.facts(KEY, None, 20)
    one.facts(KEY, None, 10)
    assert 86_400 < reached.value.retry_after_seconds < 2 * 86_400
    age(redis_url, reached.value.retry_after_seconds)
    one.facts(KEY, None, 10)
    with pytest.raises(InvalidInput, match="facts_per_day: 101 facts; this key may send 100 a day"):
        one.facts(OTHER, None, 101)


def test_without_redis_nothing_is_refused_and_nobody_waits_twice(open_folder):
    away = limiter(f"redis://127.0.0.1:{free_port()}")
    with capture_logs() as logs:
        for _ in range(20):
            away.request(KEY, None)
    assert [log["event"] for log in logs] == ["limits not counted"]
    away.close()


def test_a_redis_that_stands_still_costs_one_short_wait(open_folder):
    folder = DataFolder(open_folder / "data")
    with folder.held(), running_redis(folder) as server:
        frozen = limiter(server.url)
        frozen.request(KEY, None)
        os.kill(server.child.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with capture_logs() as logs:
                for _ in range(20):
                    frozen.request(KEY, None)
            assert time.monotonic() - began < 1
            assert len(logs) == 1
        finally:
            os.kill(server.child.pid, signal.SIGCONT)
            frozen.close()
