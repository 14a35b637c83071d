"""Imports: a file is taken in while it comes, in batches that are jobs, and what was taken in stays."""

import json
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from app.api import imports
from app.api.limits import IMPORT_PATH
from app.settings import Settings
from tests.api.running import Running
from tests.api.test_health import database_away, wait_until

BATCH = 20
LINES = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Small batches, so that small files have several."""
    small = {"max_facts": BATCH, "max_body_bytes": 2_000, "max_import_bytes": 9_000, "max_imports": 1}
    return settings.model_copy(update=small)


def line(number: int, **more: object) -> bytes:
    return json.dumps({"statement": f"Olm {number} is blind.", **more}).encode() + b"\n"


def lines(*numbers: int) -> bytes:
    return b"".join(map(line, numbers))


def post(client: TestClient, content: bytes, status: int = 202, kind: dict[str, str] = LINES, **more: str) -> dict:
    query = "?dry_run=true" if more.pop("dry_run", "") else ""
    reply = client.post(IMPORT_PATH + query, content=content, headers={**kind, **more})
    assert reply.status_code == status, reply.text
    return reply.json()


def test_a_file_becomes_jobs_and_a_report_that_accounts_for_each_line(client: TestClient):
    bad = line(98, answer="x" * 201, question="Who?") + b"{\n" + line(99, surce="atlas")
    report = post(client, lines(*range(50)) + bad + lines(*range(50)))
    assert [report[name] for name in ("lines", "accepted", "duplicates", "overruled", "refused")] == [103, 50, 50, 0, 3]
    assert report["errors"] == [
        {"line": 51, "field": "answer", "message": "201 characters; at most 200 are allowed"},
        {"line": 52, "field": None, "message": "the line is no JSON that can be read at character 2"},
        {"line": 53, "field": "surce", "message": "there is no such field; got 'atlas'"},
    ]
    assert [job["facts"] for job in report["jobs"]] == [20, 20, 10]
    assert [client.get(f"/v1/jobs/{job['id']}").json()["progress"]["total"] for job in report["jobs"]] == [20, 20, 10]
    again = post(client, lines(*range(50)), status=200)
    assert (again["duplicates"], again["jobs"]) == (50, [])


def test_rows_of_csv_are_facts(client: TestClient):
    rows = 'question,answer,source,phrasings,phrasings\n"Who?","Ada, ""A""",atlas,So?,\nWho else?,,,,\n'
    report = post(client, rows.encode(), kind=CSV)
    assert (report["accepted"], report["refused"]) == (1, 1)
    assert report["errors"] == [
        {"line": 3, "field": "answer", "message": "it is missing; a fact with question needs it"}
    ]
    (fact,) = client.get("/v1/facts").json()["items"]
    assert (fact["answer"], fact["source"], fact["phrasings"]) == ('Ada, "A"', "atlas", ["So?"])
    refused = post(client, b"question,reply\nWho?,Ada\n", status=422, kind=CSV)
    assert refused["detail"].startswith("line 1: the header names 'reply'; the fields are statement, question, answer")
    assert post(client, b"question,answer\n", status=422, kind=CSV)["detail"].startswith("body: there is no fact")


def test_a_rehearsal_stores_nothing_and_tells_the_same(client: TestClient):
    file = lines(1, 2, 2) + b"?\n"
    dry = post(client, file, status=200, dry_run="yes", **{"Idempotency-Key": "k"})
    assert client.get("/v1/jobs").json()["items"] == []
    real = post(client, file, **{"Idempotency-Key": "k"})
    assert dry == {**real, "dry_run": True, "jobs": []}


def test_the_same_key_gives_the_same_report_and_with_another_file_it_is_refused(client: TestClient):
    first = post(client, lines(1, 2), **{"Idempotency-Key": "k"})
    assert post(client, lines(1, 2), **{"Idempotency-Key": "k"}) == first
    told = post(client, lines(1, 2, 3), status=422, **{"Idempotency-Key": "k"})
    assert told["type"] == "urn:slotwise:idempotency-conflict"
    reply = client.post("/v1/facts", content=lines(1), headers={"Idempotency-Key": "k"} | LINES)
    assert reply.status_code == 422
    assert len(client.get("/v1/jobs").json()["items"]) == 1


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        (
            {"Content-Type": "application/json"},
            415,
            "Content-Type: 'application/json'; application/x-ndjson or text/csv",
        ),
        ({**LINES, "Content-Encoding": "gzip"}, 415, "Content-Encoding: 'gzip'; send it as it is"),
        ({**LINES, "Content-Length": "9001"}, 413, "body: 9,001 bytes; at most 9,000 bytes are allowed"),
    ],
)
def test_what_is_no_file_of_facts_is_refused(client: TestClient, headers: dict[str, str], status: int, said: str):
    reply = client.post(IMPORT_PATH, content=b"", headers=headers)
    assert (reply.status_code, said in reply.json()["detail"]) == (status, True)


@pytest.fixture
def http(service: Running, key_of: dict[str, str]) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {key_of['writer']}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=30) as http:
        yield http


def stored(http: httpx.Client) -> int:
    return sum(job["progress"]["total"] for job in http.get("/v1/jobs").json()["items"])


def test_a_file_beyond_the_limit_of_posts_is_taken_in_while_it_comes(http: httpx.Client, settings: Settings):
    """Longer than a body may be, and beyond its own limit in the end: what came before it is in, and told."""

    def pieces() -> Iterator[bytes]:
        for end in (BATCH, 2 * BATCH, 3 * BATCH):
            yield lines(*range(end - BATCH, end))
            wait_until(lambda end=end: stored(http) == end)  # before the next piece is there
        assert busy(http), "one file at once is the limit here"
        yield lines(*range(3 * BATCH, 20 * BATCH))

    assert len(lines(*range(3 * BATCH))) > settings.max_body_bytes
    reply = http.post(IMPORT_PATH, content=pieces(), headers=LINES)
    assert reply.status_code == 413
    told = reply.json()["detail"]
    assert told.startswith("body: it goes on; at most 9,000 bytes are allowed; ")
    assert told.endswith(f"{stored(http)} facts before it were taken in, by jobs 1 to {stored(http) // BATCH}")


def busy(http: httpx.Client) -> bool:
    reply = http.post(IMPORT_PATH, content=lines(1), headers=LINES)
    return (reply.status_code, reply.headers.get("Retry-After")) == (429, "1")


def test_what_was_taken_in_before_the_connection_broke_stays_and_the_key_is_free(http: httpx.Client):
    class Broken(Exception):
        pass

    def pieces() -> Iterator[bytes]:
        yield lines(*range(BATCH + 1))
        wait_until(lambda: stored(http) == BATCH)
        raise Broken

    header = {**LINES, "Idempotency-Key": "k"}
    with pytest.raises(Broken):
        http.post(IMPORT_PATH, content=pieces(), headers=header)
    whole = lines(*range(BATCH + 1))
    wait_until(lambda: http.post(IMPORT_PATH, content=b"", headers=LINES).status_code == 422)
    report = http.post(IMPORT_PATH, content=whole, headers=header).json()
    assert (report["accepted"], report["duplicates"]) == (1, BATCH)


def test_a_database_that_goes_away_in_the_middle_is_told_with_what_is_in(
    http: httpx.Client, settings: Settings, postgres_url: str
):
    def pieces() -> Iterator[bytes]:
        yield lines(*range(BATCH))
        wait_until(lambda: stored(http) == BATCH)
        with database_away(settings, postgres_url):
            yield lines(*range(BATCH, 3 * BATCH))
            wait_until(lambda: not busy(http))  # it has given up

    reply = http.post(IMPORT_PATH, content=pieces(), headers=LINES)
    assert (reply.status_code, reply.json()["type"]) == (503, "urn:slotwise:import-interrupted")
    assert "20 facts before it were taken in, by jobs 1 to 1" in reply.json()["detail"]
    assert reply.headers["Retry-After"] == "1"


def test_a_file_that_stops_coming_makes_way_for_others(http: httpx.Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(imports, "_SILENCE_SECONDS", 0.2)

    def pieces() -> Iterator[bytes]:
        yield lines(*range(BATCH))
        wait_until(lambda: stored(http) == BATCH)
        wait_until(lambda: not busy(http))

    reply = http.post(IMPORT_PATH, content=pieces(), headers=LINES)
    assert (reply.status_code, reply.json()["detail"]) == (
        408,
        "body: nothing of it came for 0.2 seconds; 20 facts before it were taken in, by jobs 1 to 1",
    )
