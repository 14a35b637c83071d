"""Redis, which carries wake-ups and nothing else: any message may be lost or doubled, and nothing breaks.

`Queue` rings the worker and hints to the engines that something in PostgreSQL has changed. A Redis that does
not answer is logged, never raised: the truth is committed by then, the sweeper rings again, engines poll.
"""

import time
from typing import Any

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from app.settings import Settings

LEARN = "slotwise.learn"

_CHANNEL = "slotwise.hints"
_log = structlog.get_logger()

# A connection that died without a word leaves a worker deaf for good, unless sockets time out and are probed.
_BROKER_OPTIONS = {
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
# Who rings has a caller waiting: one attempt, and the sweeper makes up for it.
_RINGING_OPTIONS = _BROKER_OPTIONS | {"socket_timeout": 2, "socket_connect_timeout": 1, "max_retries": 0}


def broker(redis_url: str, options: dict[str, Any] = _BROKER_OPTIONS) -> Celery:
    """The Celery application of all processes: JSON messages, and no results: status is in PostgreSQL."""
    app = Celery("slotwise", broker=redis_url)
    app.conf.update(
        broker_transport_options=options,
        broker_connection_retry_on_startup=True,
        task_default_queue="slotwise",
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_pool="solo",
        worker_prefetch_multiplier=1,
    )
    return app


class Queue:
    """One process's way to wake the others. Connections are made when they are first used."""

    def __init__(self, settings: Settings) -> None:
        self._celery = broker(settings.redis_url, _RINGING_OPTIONS)
        self._redis = redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=1)

    def ring(self, job_id: int) -> None:
        """Wake a worker for a job that is committed."""
        try:
            self._celery.send_task(LEARN, args=[job_id], ignore_result=True, retry=False)
        except (OperationalError, redis.RedisError, OSError) as error:
            _log.warning("ring lost", job=job_id, error=str(error))

    def hint(self) -> None:
        """Tell the engines to look at the database now instead of at their next poll."""
        try:
            self._redis.publish(_CHANNEL, b"")
        except redis.RedisError as error:
            _log.warning("hint lost", error=str(error))

    def close(self) -> None:
        """Close the connections."""
        self._celery.close()
        self._redis.close()

    def listen(self) -> "Hints":
        """Hear the hints of all processes, from now on."""
        return Hints(self._redis)


class Hints:
    """One listener. It belongs to one thread."""

    def __init__(self, client: redis.Redis) -> None:
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]

    def wait(self, seconds: float) -> bool:
        """Whether a hint came within `seconds`; an unreachable Redis gives none, at the same pace."""
        deadline = time.monotonic() + seconds
        try:
            if not self._pubsub.subscribed:
                self._pubsub.subscribe(_CHANNEL)
            while (left := deadline - time.monotonic()) > 0:
                if self._pubsub.get_message(timeout=left) is not None:
                    return True
        except redis.RedisError as error:
            _log.warning("no hints", error=str(error))
            self._pubsub.reset()
            time.sleep(max(0.0, deadline - time.monotonic()))
        return False

    def close(self) -> None:
        """Stop listening."""
        self._pubsub.close()
