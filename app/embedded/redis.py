"""Redis, embedded: it carries wake-ups only, so it writes nothing to disk and a restart may empty it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGTERM

import redis

from app.embedded.binaries import find_binaries
from app.embedded.child import Child, Program
from app.embedded.folder import DataFolder, write_private
from app.embedded.servers import LOCALHOST, Server, start_server

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


@contextmanager
def running_redis(folder: DataFolder) -> Iterator[Server]:
    """Redis for `folder`, which must be held; stopped at the end."""
    password = folder.password("redis")
    redis_server = find_binaries(folder).redis_server

    def url(port: int) -> str:
        return f"redis://:{password}@{LOCALHOST}:{port}/0"

    def launch(port: int) -> Child:
        place = folder.server_folder("redis")
        write_private(place / "redis.conf", _configuration(port, password), folder.account)
        program = Program(
            name="redis",
            command=(str(redis_server), "redis.conf"),
            account=folder.account,
            folder=place,
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            orphaned=SIGTERM,
            stop=((SIGTERM, _STOP_SECONDS),),
        )
        return Child(program, folder.log("redis"))

    child, port = start_server(launch, folder.log("redis"), lambda port: _answers(url(port)), _START_SECONDS)
    try:
        yield Server(child, url(port), lambda: launch(port))
    finally:
        child.stop()


def _configuration(port: int, password: str) -> str:
    """A file and not arguments: everybody on the machine can read arguments."""
    return "\n".join(
        [
            f"bind {LOCALHOST}",
            f"port {port}",
            f"requirepass {password}",
            "daemonize no",
            'save ""',  # PostgreSQL is the truth: a lost message is sent again by the sweeper
            "appendonly no",
            "maxmemory-policy noeviction",  # evicting queue keys would lose messages silently
            "",
        ]
    )


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):
        return False
