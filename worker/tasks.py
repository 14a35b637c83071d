"""What Celery calls: the bell that makes this process learn, and the beginning and end of the process."""

import os
from typing import Any

import structlog
import torch
from celery import Celery, Task, signals

from app import logs, tracing
from app.db.session import open_sessions
from app.queue import LEARN, Queue
from app.settings import Settings
from model.base.checkpoint import SPARE_ROWS, Checkpoint
from worker.courier import Courier
from worker.learner import Learner
from worker.sweeper import Sweeper

_log = structlog.get_logger()


class Doorbell(Task):  # type: ignore[misc]  # Celery ships no types
    """A message says that something may be queued; which job is next, PostgreSQL says."""

    name = LEARN

    def __init__(self, learner: Learner) -> None:
        self._learner = learner

    def run(self, job_id: int) -> None:
        """Learn until nothing is queued. `job_id` is for the log: that job may be done, or behind another."""
        _log.info("rung", job=job_id)
        self._learner.run()


def make_way(threads: int, nice: int) -> None:
    """Leave processors to those who answer meanwhile: fewer threads (0: half of the processors), less priority.

    It holds for the thread that calls it and those that it starts.
    """
    torch.set_num_threads(threads or max(1, len(os.sched_getaffinity(0)) // 2))
    os.nice(nice)


class Process:
    """One worker process: the model is loaded when Celery starts it, not when its module is imported."""

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._sessions, self._queue = open_sessions(settings.database_url), Queue(settings)
        self._sweeper = Sweeper(self._sessions, self._queue, settings)
        self._courier = Courier(self._sessions, settings)
        self._learner: Learner | None = None
        signals.setup_logging.connect(logs.configure, weak=False)  # Celery leaves logs alone then
        signals.worker_init.connect(self._load, weak=False)
        signals.worker_ready.connect(self._ready, weak=False)
        signals.worker_shutting_down.connect(self._stop, weak=False)

    def _load(self, **_: Any) -> None:
        tracing.configure("worker")
        make_way(self._settings.worker_threads, self._settings.worker_nice)
        try:
            checkpoint = self._loaded()
            self._learner = Learner(checkpoint, self._sessions, self._queue, self._settings)
            self._learner.bootstrap()
        except Exception as error:
            # Celery logs what a signal's receiver raises and goes on; a worker without a model must not.
            raise SystemExit(f"the worker cannot start: {error}") from error
        self._app.register_task(Doorbell(self._learner))

    def _loaded(self) -> Checkpoint:
        settings = self._settings
        rows = settings.spare_rows or SPARE_ROWS
        return Checkpoint.load(settings.base, settings.memory, spare_rows=rows, device=settings.device, say=_log.info)

    def _ready(self, **_: Any) -> None:
        self._sweeper.start()
        self._courier.start()

    def _stop(self, **_: Any) -> None:
        self._courier.stop()
        if self._learner is not None:
            self._learner.stop()
