"""/v1/jobs: follow what a POST of facts has started."""

from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import ConfigDict

from app.api.deps import Cursor, Limit, PathId, QueueDep, Reader, SessionDep, WatchDep, Writer
from app.api.errors import KEYED, problems
from app.api.schemas import JobItem, JobOut, Outgoing, Page
from app.db.tables import MAX_ID, JobEvent, JobState
from app.services import cancelling, facts, jobs
from app.services.following import News

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=KEYED)

_MACHINES = ("owner", "engine")  # what a worker and an engine are called


class PastOut(Outgoing):
    """Something that happened to a job: when, and what belongs to it, such as a reason, an attempt or a version."""

    model_config = ConfigDict(extra="allow")

    created_at: datetime

    @classmethod
    def of(cls, event: JobEvent) -> "PastOut":
        """Without the names of our machines, which only operators see."""
        told = {name: value for name, value in event.data.items() if name not in _MACHINES}
        return cls(created_at=event.created_at, **told)


def _existing(job_id: PathId, key: Reader, request: Request) -> int:
    """The number of a job that there is, by a session that is closed before the stream begins. Raises JobNotFound."""
    with request.state.sessions() as session:
        return jobs.get(session, key.namespace, job_id).id


LastEventId = Annotated[
    int | None, Header(ge=0, le=MAX_ID, description="the number of the last event that came; go on behind it")
]


@router.get("")
def list_jobs(
    key: Reader, session: SessionDep, cursor: Cursor = None, limit: Limit = 50, state: JobState | None = None
) -> Page[JobItem]:
    """Jobs, newest first, without their facts."""
    found = jobs.page(session, key.namespace, cursor, limit, state)
    return Page(items=[JobItem.of(job) for job in found.items], next_cursor=found.next_cursor)


@router.get("/{job_id}", responses=problems(HTTPStatus.NOT_FOUND))
def get_job(job_id: PathId, key: Reader, session: SessionDep) -> JobOut:
    """One job: how far it is, and the version that it became."""
    return JobOut.with_facts(jobs.get(session, key.namespace, job_id), facts.of_job(session, key.namespace, job_id))


@router.post("/{job_id}/cancel", responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def cancel_job(job_id: PathId, key: Writer, session: SessionDep, queue: QueueDep) -> JobOut:
    """Cancel a job that is queued or running: its facts are not learned, or not forgotten. Operators may any job."""
    job = cancelling.cancel(session, key, job_id)
    queue.hint()
    return JobOut.with_facts(job, facts.of_job(session, key.namespace, job_id))


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses=problems(HTTPStatus.NOT_FOUND))
async def follow_job(
    key: Reader, job: Annotated[int, Depends(_existing)], watch: WatchDep, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """A job until it has ended: what happens to it, each with a number, and after it the job itself as `job`."""
    after, told = last_event_id or 0, None
    with watch.ear(job) as ear:
        while True:
            news = await watch.news(key.namespace, job, after)
            for one in news.events:
                after = one.id
                yield ServerSentEvent(id=str(one.id), event=one.kind, data=PastOut.of(one))
            shown = _shown(news)
            if shown != told:
                told = shown
                yield ServerSentEvent(event="job", data=shown)
            if news.is_last:
                return
            await ear.wait()


def _shown(news: News) -> JobItem:
    """The job as a list shows it, and with its facts in the end: they may be a thousand, and it moves often."""
    return JobItem.of(news.job) if news.facts is None else JobOut.with_facts(news.job, list(news.facts))
