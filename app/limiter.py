"""How much a key may ask for, counted in Redis: so a limit holds over all processes of an installation.

It knows keys by their numbers. A Redis that does not answer is logged, never raised, and left alone for some seconds:
meanwhile nothing is counted, because a limit keeps one caller from taking all, and refusing everybody does not.
A call takes a round trip to Redis, so it belongs on a worker thread.
"""

import math
import time

import redis
import structlog
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.errors import InvalidInput, LimitReached
from app.settings import Settings

_PREFIX = "slotwise.limits"
_TIMEOUT_SECONDS = 0.25
_SILENCE_SECONDS = 5.0
_log = structlog.get_logger()


class Limiter:
    """The limits of every key. Of a window that has passed the part counts that is not older than the window is long.

    So there is no moment at which two full windows fit, and what is refused does not count. Redis keeps the time:
    clocks of machines may differ.
    """

    def __init__(self, settings: Settings) -> None:
        self._requests_per_minute = settings.requests_per_minute
        self._facts_per_day = settings.facts_per_day
        pool = redis.ConnectionPool.from_url(
            settings.redis_url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a caller waits
        )
        self._storage = RedisStorage(settings.redis_url, connection_pool=pool, key_prefix=_PREFIX)
        self._windows = SlidingWindowCounterRateLimiter(self._storage)
        self._pool = pool
        self._silent_until = 0.0

    def request(self, key_id: int, own: int | None) -> None:
        """Count a call of a key, whose `own` limit replaces that of the settings. Raises LimitReached."""
        limit = RateLimitItemPerMinute(own or self._requests_per_minute)
        self._count("requests_per_minute", limit, key_id, 1)

    def facts(self, key_id: int, own: int | None, count: int) -> None:
        """Count facts that a key sends. Raises LimitReached, and InvalidInput where they never fit at once."""
        limit = RateLimitItemPerDay(own or self._facts_per_day)
        if count > limit.amount:
            raise InvalidInput(f"facts_per_day: {count:,} facts; this key may send {limit.amount:,} a day")
        self._count("facts_per_day", limit, key_id, count)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _count(self, name: str, limit: RateLimitItem, key_id: int, cost: int) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            if self._windows.hit(limit, name, str(key_id), cost=cost):
                return
            seconds = self._seconds_until(limit, limit.key_for(name, str(key_id)), cost)
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + _SILENCE_SECONDS
            _log.warning("limits not counted", seconds=_SILENCE_SECONDS, error=str(error))
            return
        what, period = name.split("_per_")
        reached = LimitReached(
            f"{name}: this key may send {limit.amount:,} {what} a {period}; {cost:,} more in {seconds:,} s"
        )
        reached.retry_after_seconds = seconds
        raise reached

    def _seconds_until(self, limit: RateLimitItem, key: str, cost: int) -> int:
        """When `cost` more fit: once enough of the window before is out of sight, or else of the present one."""
        length = limit.get_expiry()
        before, before_left, now, now_left = self._storage.get_sliding_window(key, length)
        room = limit.amount - cost + 1  # parts of a call do not count
        if now >= room:  # the present window is kept for as long again, as the one before
            return max(1, math.ceil(now_left - room * length / now))
        return max(1, math.ceil(before_left - (room - now) * length / max(before, 1)))
