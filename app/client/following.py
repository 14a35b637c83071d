"""A job that is followed: what was heard of it, where to go on after a break, and until when. It sends nothing."""

import time
from collections.abc import Iterator
from typing import Any

from app.client.errors import ClientError, TimedOut, Unreachable
from app.client.events import Lines, OfJob
from app.client.results import Job
from app.client.retries import Attempts, Retries

_SILENCE_SECONDS = 45.0  # the service says something every 15


class Following:
    """One job from the first look to its end, over as many connections as it takes.

    timeout  seconds after which TimedOut is raised; None waits as long as it takes
    """

    def __init__(self, job_id: int, timeout: float | None, retries: Retries) -> None:
        self._job_id, self._timeout, self._retries = job_id, timeout, retries
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._attempts = Attempts(retries, repeatable=True)
        self._lines = Lines(OfJob())
        self._seen: Job | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the job has, and all was heard of it."""
        return self._lines.is_complete

    def arguments(self) -> dict[str, Any]:
        """How httpx opens the stream, or opens it again behind what was heard. Raises TimedOut."""
        left = self._left()
        headers = {"Last-Event-ID": self._lines.last_id} if self._lines.last_id else {}
        seconds = _SILENCE_SECONDS if left is None else min(left, _SILENCE_SECONDS)
        return {"method": "GET", "url": f"/v1/jobs/{self._job_id}/events", "headers": headers, "timeout": seconds}

    def read(self, line: str) -> Iterator[Job]:
        """The job, where a line tells that it has moved. Raises TimedOut, Refused, NotUnderstood."""
        self._left()
        for job in self._lines.read(line):
            self._attempts = Attempts(self._retries, repeatable=True)  # it is heard again: only failures in a row count
            was, self._seen = self._seen, job
            if was is None or (was.state, was.progress) != (job.state, job.progress):
                yield job

    def is_stale(self, line: str) -> bool:
        """Whether to open the stream anew: a comment has renewed httpx's patience, which must not outlast the time."""
        return self._deadline is not None and line.startswith(":")

    def broken(self) -> None:
        """The stream is over. Raises Unreachable unless that was its end."""
        if not self.has_ended:
            raise Unreachable(f"the stream of job {self._job_id} ended before the job did")

    def pause_after(self, error: ClientError) -> float:
        """Seconds until the stream is opened again. Raises TimedOut, or the error where there is no other attempt."""
        left = self._left()
        if isinstance(error, TimedOut):  # a connection that fell silent is as good as a broken one
            error = Unreachable(str(error))
        pause = self._attempts.pause_after(error)
        return pause if left is None else min(pause, left)

    def _left(self) -> float | None:
        """Seconds until the time is over. Raises TimedOut when it is."""
        left = None if self._deadline is None else self._deadline - time.monotonic()
        if left is not None and left <= 0:
            told = f"job {self._job_id} is still {self._seen.state}" if self._seen else f"nothing of job {self._job_id}"
            raise TimedOut(f"{told} after {self._timeout:g} seconds")
        return left
