"""A real worker process: Celery starts it, a bell or the sweeper wakes it, SIGTERM ends it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.services import versions
from app.settings import Settings
from model.checkpoint import fingerprint_of
from tests import tiny
from tests.services.story import Story

_COMMAND = [sys.executable, "-m", "celery", "--app=worker.main", "worker", "--pool=solo", "--loglevel=INFO"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("tiny"))


@contextmanager
def worker(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "SLOTWISE_DATABASE_URL": settings.database_url,
        "SLOTWISE_REDIS_URL": settings.redis_url,
        "SLOTWISE_CHECKPOINT": str(folder),
        "SLOTWISE_SWEEP_SECONDS": "60",  # its sweep at the start counts, and no other
    }
    process = subprocess.Popen(_COMMAND, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def decided(story, job: int, seconds: float = 180.0) -> str:
    end = time.monotonic() + seconds
    while (state := story.job(job).state) in ("queued", "running"):
        assert time.monotonic() < end, f"job {job} is {state} after {seconds} s"
        time.sleep(0.1)
    return state


def test_a_bell_wakes_it_and_sigterm_ends_it(sessions, settings, key, queue, folder):
    with worker(settings, folder) as process:
        while not bootstrapped(sessions):
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, own + settings.worker_nice)
        story = Story(sessions, settings, key, fingerprint_of(folder), "already there")
        first = story.post()
        queue.ring(first.job)
        # A random model learns too little with the settings of a trained one: it says so, and that is enough here.
        assert decided(story, first.job) in ("rejected", "verifying")
        second = story.post()
        queue.ring(second.job)
        assert decided(story, second.job) in ("rejected", "verifying")
        process.terminate()
        assert process.wait(60) == 0


def test_what_was_posted_while_no_worker_ran_is_learned_when_one_starts(sessions, settings, key, folder):
    story = Story(sessions, settings, key, fingerprint_of(folder), "0" * 64)
    posted = story.post()
    with worker(settings, folder):
        assert decided(story, posted.job) in ("rejected", "verifying")


def test_with_another_checkpoint_it_does_not_start(sessions, settings, key, folder):
    Story(sessions, settings, key, "cd" * 32, "0" * 64)
    with worker(settings, folder) as process:
        assert process.wait(180) != 0
        _, errors = process.communicate()
    assert "cd" * 32 in errors
    assert fingerprint_of(folder) in errors


def bootstrapped(sessions) -> bool:
    with sessions() as session:
        try:
            return versions.head(session, "default").version == 0
        except versions.NotBootstrapped:
            return False
