"""Events of a job: in order, resumed behind the last one, held up by nothing, and holding nothing up."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from app.client.events import Lines, OfJob
from app.db.session import MAX_CONNECTIONS, Sessions
from app.settings import Settings
from tests.api.running import Running
from tests.api.teacher import Teacher
from tests.api.test_health import database_away


@pytest.fixture
def headers(key_of: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key_of['writer']}"}


@pytest.fixture
def taught(service: Running, headers: dict[str, str], sessions: Sessions, settings: Settings) -> Iterator[Teacher]:
    with httpx.Client(base_url=service.url, headers=headers) as client:
        yield Teacher(client, sessions, settings)  # type: ignore[arg-type]


def numbered(text: str) -> list[tuple[int, str]]:
    """Number and name of the events that have one."""
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.strip().split("\n\n")]
    return [(int(block["id"]), block["event"]) for block in blocks if "id" in block]


def test_an_ended_job_is_told_whole_and_behind_any_of_its_events(client: TestClient, teacher: Teacher):
    job = teacher.post()
    teacher.commit()
    teacher.wait_for(job, "succeeded")
    reply = client.get(f"/v1/jobs/{job}/events")
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    whole = numbered(reply.text)
    assert [name for _, name in whole] == ["queued", "running", "verifying", "succeeded"]
    assert "the teacher" not in reply.text, "the name of a worker is for operators"
    for position, (number, _) in enumerate(whole):
        rest = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(number)}).text
        assert numbered(rest) == whole[position + 1 :]
        assert '"state":"succeeded"' in rest
        assert '"status":"live"' in rest
    assert client.get("/v1/jobs/999/events").status_code == 404
    wrong = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "first"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "last-event-id")


def test_streams_hold_no_connection_and_outlast_a_database_that_is_away(
    service: Running, headers: dict[str, str], taught: Teacher, settings: Settings, postgres_url: str
):
    job = taught.post()
    path = f"/v1/jobs/{job}/events"

    async def follow(http: httpx.AsyncClient, opened: asyncio.Semaphore) -> list[str]:
        lines, states = Lines(OfJob()), []
        async with http.stream("GET", path, headers=headers) as reply:
            async for line in reply.aiter_lines():
                for one in lines.read(line):
                    states.append(one.state)
                    opened.release()
        return states

    async def main() -> list[list[str]]:
        opened = asyncio.Semaphore(0)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=service.url, timeout=30, limits=limits) as http:
            streams = [asyncio.create_task(follow(http, opened)) for _ in range(MAX_CONNECTIONS + 3)]
            for _ in streams:
                await opened.acquire()
            assert (await http.get("/v1/facts", headers=headers)).status_code == 200
            with database_away(settings, postgres_url):
                await asyncio.sleep(settings.poll_seconds * 4)
            await asyncio.to_thread(taught.commit)
            return await asyncio.gather(*streams)

    for states in asyncio.run(main()):
        assert (states[0], states[-1]) == ("queued", "succeeded")
        assert states == sorted(set(states), key=["queued", "running", "verifying", "succeeded"].index)
