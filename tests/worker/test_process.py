"""A real worker process: Celery starts it, a bell or the sweeper wakes it, SIGTERM ends it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.settings import Settings
from model.base.checkpoint import Checkpoint
from tests import tiny
from tests.services.story import Story

_COMMAND = [sys.executable, "-m", "celery", "--app=worker.main", "worker", "--pool=solo", "--loglevel=INFO"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    return tiny.folders(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def names(folders) -> tuple[str, str]:
    """The fingerprint of base and memory, and the state hash of the base."""
    checkpoint = Checkpoint.load(str(folders[0]), folders[1], spare_rows=0, places=1)
    return checkpoint.fingerprint, checkpoint.table.base.state_hash


@contextmanager
def worker(settings: Settings, folders: tuple[Path, Path]) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "SLOTWISE_DATABASE_URL": settings.database_url,
        "SLOTWISE_REDIS_URL": settings.redis_url,
        "SLOTWISE_BASE": str(folders[0]),
        "SLOTWISE_MEMORY": str(folders[1]),
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


def test_it_learns_what_was_posted_before_it_started_a_bell_wakes_it_and_sigterm_ends_it(
    sessions, settings, key, queue, folders, names
):
    story = Story(sessions, settings, key, *names)
    first = story.post()
    with worker(settings, folders) as process:
        assert decided(story, first.job) == "verifying"
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, own + settings.worker_nice)
        version = story.job(first.job).version_id
        story.acknowledge(version)
        story.publish(version)  # unless its sweeper was quicker
        assert story.live() == version  # the next job is learned on top of it
        second = story.post()
        queue.ring(second.job)
        assert decided(story, second.job) == "verifying"
        process.terminate()
        assert process.wait(180) == 0


def test_with_another_checkpoint_it_does_not_start(sessions, settings, key, folders, names):
    Story(sessions, settings, key, "cd" * 32, "0" * 64)
    with worker(settings, folders) as process:
        assert process.wait(180) != 0
        _, errors = process.communicate()
    assert "cd" * 32 in errors
    assert names[0] in errors
    assert "slotwise relearn" in errors
