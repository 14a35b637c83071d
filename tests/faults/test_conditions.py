"""What happens to machines: Redis is emptied, the disk is full, a hundred thousand facts wait."""

import json
import os
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis

from tests.faults import points
from tests.faults.conftest import SEED
from tests.faults.points import POINTS, held_at
from tests.faults.stack import Callers, Stack, running

pytestmark = pytest.mark.faults

PENDING = 100_000
ASKED = 200
_DISK = "400m"


def test_redis_is_emptied_again_and_again(stack: Stack, callers: Callers):
    with redis.Redis.from_url(stack.redis_url) as client:
        for _ in range(3):
            jobs = [callers.post() for _ in range(3)]
            client.flushall()
            stack.until(lambda jobs=jobs: all(map(callers.ended, jobs)), "decided, though no message is left")
    assert set(callers.check()) == {"live"}


def test_two_die_at_once_in_the_middle_of_a_job(stack: Stack, callers: Callers):
    for pair in (("worker", "postgres"), ("api", "redis"), ("worker", "redis")):
        callers.kill_at(POINTS[4], *pair)


def test_a_worker_that_dies_again_and_again_costs_its_job_and_no_other(stack: Stack, callers: Callers):
    written = next(point for point in POINTS if point.name == "written")
    job = 0
    for _ in range(5):  # SLOTWISE_MAX_ATTEMPTS of these stacks
        with held_at(stack.database_url, written) as held:
            job = job or callers.post()
            held.wait()
            killed = stack.kill("worker")
        stack.wait_until_replaced(killed)
        assert stack.client.post("/v1/query", json={"question": "Who?", "max_tokens": 4}).status_code == 200
    stack.until(lambda: callers.ended(job), "decided")
    found = stack.client.get(f"/v1/jobs/{job}").json()
    assert (found["state"], "has died (attempt 5 of 5)" in found["error"]) == ("failed", True), found
    assert callers.check()["failed"] == 2
    callers.post()
    assert callers.check()["failed"] == 2


def test_queries_do_not_wait_for_a_hundred_thousand_facts(stack: Stack, callers: Callers):
    def median() -> float:
        times = []
        for number in range(ASKED):
            began = time.monotonic()
            reply = stack.client.post("/v1/query", json={"question": f"Who is {number}?", "max_tokens": 8})
            assert reply.status_code == 200, reply.text
            times.append(time.monotonic() - began)
        return statistics.median(times)

    def best() -> float:
        """Of three, as others use the machine, too."""
        return min(median() for _ in range(3))

    def lines() -> Iterator[bytes]:
        for number in range(PENDING):
            yield json.dumps({"question": f"What is pending {number}?", "answer": f"{number:x}"}).encode() + b"\n"

    stack.client.post("/v1/admin/pause", json={"reason": "a test"}).raise_for_status()
    median()  # the first ones are slow
    before = best()
    headers = {"Content-Type": "application/x-ndjson"}
    report = stack.client.post("/v1/facts/import", content=lines(), headers=headers, timeout=600).json()
    assert report["accepted"] == PENDING, report
    after = best()
    assert after <= 1.5 * before, f"{after:.4f} s after {before:.4f} s"
    waiting = stack.client.get("/v1/jobs", params={"state": "queued", "limit": 200}).json()["items"]
    assert sum(job["progress"]["total"] for job in waiting) == PENDING


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A file system of its own; to mount one takes root."""
    mount, umount = (shutil.which(program) or program for program in ("mount", "umount"))
    subprocess.run([mount, "-t", "tmpfs", "-o", f"size={_DISK},mode=755", "tmpfs", open_folder], check=True)
    yield open_folder
    subprocess.run([umount, open_folder], check=True)


def test_a_full_disk_refuses_loses_nothing_and_all_goes_on_when_there_is_room(small_disk: Path, tmp_path: Path):
    with running(small_disk / "data", tmp_path) as stack:
        points.install(stack.database_url)
        callers = Callers(stack, random.Random(SEED))
        callers.post()
        callers.check()
        ballast = small_disk / "ballast"
        fill(ballast)
        with pytest.raises(psycopg.OperationalError):  # DiskFull, or a server that ended over its log
            write_until_refused(stack.database_url)
        for _ in range(20):  # what is live is answered all the while
            asked = stack.client.post("/v1/query", json={"question": "Who?", "max_tokens": 4})
            assert asked.status_code == 200, asked.text
            taught = stack.client.post("/v1/facts", json={"question": f"Who is {time.time()}?", "answer": "nobody"})
            assert taught.status_code in (202, 503), taught.text
        ballast.unlink()
        stack.until(stack.ready, "ready")
        stack.until(lambda: stack.client.post("/v1/facts", json={"statement": "Olm is blind."}).status_code < 300, "up")
        callers.post()
        callers.check()


def fill(ballast: Path) -> None:
    """Take all the room that is left."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 65_536)


def write_until_refused(database_url: str) -> None:
    """Write rows until PostgreSQL says that it cannot."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS ballast (words bytea)")
        while True:
            connection.execute("INSERT INTO ballast VALUES (%s)", [os.urandom(50_000)])
