"""Replies of calls that make a job: the worker is rung for a new one, and the caller told where to follow it."""

from http import HTTPStatus

from fastapi import Response

from app.queue import Queue


def answer_with(job: int, response: Response, queue: Queue, *, new: bool) -> None:
    """202 for a new job, or 200 for one that was there; `Location` is where to follow it."""
    if new:
        queue.ring(job)  # after the commit; were it lost, the sweeper would ring
    else:
        response.status_code = HTTPStatus.OK
    response.headers["Location"] = f"/v1/jobs/{job}"
