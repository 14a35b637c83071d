"""Documents over HTTP, by the client and by the command: sent, read, shown, forgotten; and what is none."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.client import Slotwise
from app.db.session import Sessions
from app.queue import Queue
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from tests.api.running import Running
from tests.api.test_commands import Command, _no_logs, command
from worker.learner import Learner

__all__ = ["_no_logs", "command"]  # the same fixtures here
PATH = "/v1/documents"
TEXT = "# Olms\n\nThe Olm eats ok. Why so?\n"


@pytest.fixture
def work(folders: tuple[Path, Path], sessions: Sessions, settings: Settings) -> Iterator[Callable[[], None]]:
    """Let a worker do what is queued."""
    queue = Queue(settings)
    yield Learner(Checkpoint.load(*folders, spare_rows=4_096), sessions, queue, settings).run
    queue.close()


def send(client: TestClient, content: bytes, kind: str, **query: str):
    return client.post(PATH, content=content, headers={"Content-Type": kind}, params=query)


def test_a_document_is_sent_read_answered_shown_and_forgotten(client: TestClient, work):
    reply = client.post(PATH, json={"text": TEXT, "format": "markdown"})
    document, job = reply.json()["document"]["id"], reply.json()["job"]["id"]
    assert (reply.status_code, reply.headers["Location"]) == (202, f"/v1/jobs/{job}")
    assert reply.json() == {"document": {"id": document, "status": "reading"}, "job": {"id": job, "state": "queued"}}
    again = send(client, TEXT.encode(), "text/markdown; charset=UTF-8")
    assert (again.status_code, again.json()["document"]["id"]) == (200, document)
    work()
    (learning,) = client.get(f"/v1/jobs/{job}").json()["report"]["jobs"]
    with client.stream("GET", f"/v1/jobs/{learning}/events") as events:  # ends when the job has
        assert "succeeded" in events.read().decode()
    found = client.get(f"{PATH}/{document}").json()
    (fact,) = found["fact_list"]
    assert (found["status"], found["source"], found["text"]) == ("read", "Olms", TEXT)
    assert (fact["status"], fact["statement"]) == ("live", TEXT[fact["start"] : fact["end"]])
    assert [(part["text"], part["reason"]) for part in found["unread_list"]] == [("Why so?", "it is a question")]
    assert found["chunk_list"] == [{"number": 0, "start": 8, "end": 32, "headings": ["Olms"]}]
    one = client.get(f"/v1/facts/{fact['id']}").json()
    assert one["documents"] == [{"document": document, "chunk": 0, "start": 8, "end": 24}]
    answer = client.post("/v1/query", json={"question": "What does the Olm eat?"}).json()
    assert (answer["answer"], answer["citations"][0]["source"]) == ("ok", "Olms")
    (listed,) = client.get(PATH).json()["items"]
    assert listed == {name: value for name, value in found.items() if name in listed}
    gone = client.delete(f"{PATH}/{document}")
    assert (gone.status_code, gone.json()["facts"]) == (202, [{"id": fact["id"], "status": "live"}])
    found = client.get(f"{PATH}/{document}").json()
    assert (found["status"], found["text"], found["chunk_list"], found["unread_list"]) == ("forgotten", None, [], [])
    assert client.delete(f"{PATH}/{document}").status_code == 200


def test_a_repeated_call_gets_the_first_reply_and_another_body_is_refused(client: TestClient):
    header = {"Idempotency-Key": "once"}
    first = client.post(PATH, json={"text": TEXT}, headers=header)
    assert client.post(PATH, json={"text": TEXT}, headers=header).json() == first.json()
    assert client.post(PATH, json={"text": "Another."}, headers=header).status_code == 422
    assert len(client.get(PATH).json()["items"]) == 1


def test_a_document_counts_as_facts_of_its_keys_day(client: TestClient, key_of: dict[str, str]):
    key = client.post("/v1/admin/keys", json={"name": "a", "role": "writer", "facts_per_day": 3}).json()["key"]
    client.headers["Authorization"] = f"Bearer {key}"
    assert client.post(PATH, json={"text": "The Olm is white. " * 11}).status_code == 202
    assert client.post(PATH, json={"text": "The Olm is old. " * 11}).status_code == 429


def test_a_rehearsal_tells_what_would_be_read(client: TestClient):
    told = client.post(f"{PATH}?dry_run=true", json={"text": TEXT, "format": "markdown"})
    assert told.status_code == 200
    (fact,) = told.json()["facts"]
    assert (fact["verdict"], fact["questions"], fact["start"]) == ("new", ["What does the Olm eat?"], 8)
    assert [part["text"] for part in told.json()["unread"]] == ["Why so?"]
    assert client.get(PATH).json()["items"] == client.get("/v1/jobs").json()["items"] == []


@pytest.mark.parametrize(
    ("content", "kind", "query", "status", "told"),
    [
        (b"", "text/plain", {}, 422, "text: '' holds no word; at least 1 letter or digit is needed"),
        (b"\x89PNG\r\n\x1a\n", "text/plain", {}, 422, "body: it is no UTF-8: byte 0x89 at 1; is it a text?"),
        (b"Bell \x07 rings.", "text/markdown", {}, 422, "text: character 5 is the control character U+0007"),
        (b"Olms.", "application/pdf", {}, 415, "Content-Type: 'application/pdf'; application/json, text/plain or"),
        (b"Olms.", "text/plain; charset=latin-1", {}, 415, "text/markdown in UTF-8 is needed"),
        (b"Olms.", "text/plain", {"format": "markdown"}, 422, "format: there is no such parameter"),
        (b"Olms.", "text/plain", {"title": "x" * 501}, 422, "title: 501 characters; at most 500 are allowed"),
        (b"Olms. " * 200_000, "text/plain", {}, 413, "body: 1,200,000 bytes; at most 1,048,576 bytes are allowed"),
        (b"{", "application/json", {}, 400, "the body is not JSON: Expecting property name"),
        (b'"\xff"', "application/json", {}, 400, "the body is not JSON that can be read"),
        (b'{"text": "a", "format": "pdf"}', "application/json", {}, 422, "format: one of 'text' or 'markdown'"),
        (b'{"text": "a", "txt": "b"}', "application/json", {}, 422, "txt: there is no such field"),
        (b'{"text": 7}', "application/json", {}, 422, "text: a text is needed; got 7"),
        (b'{"text": "\\ud800"}', "application/json", {}, 422, "text: half a surrogate pair is no text"),
        (b'{"title": "a"}', "application/json", {}, 422, "text: it is missing"),
        (b'{"text": "a"}', "application/json", {"title": "b"}, 422, "title, source: they stand in the body"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused_with_field_value_and_limit(untaught, content, kind, query, status, told):
    reply = send(untaught, content, kind, **query)
    assert (reply.status_code, told in reply.json()["detail"]) == (status, True), reply.text
    assert untaught.get(PATH).json()["items"] == []


def test_the_client_and_the_command_read_and_show_documents(
    service: Running, key_of: dict[str, str], command: Command, tmp_path: Path, work
):
    file = tmp_path / "olms.md"
    file.write_text(TEXT, encoding="utf-8")
    at = ("--url", service.url, "--key", key_of["admin"])
    dry = command("read", file, "--dry-run", *at)
    assert (dry.code, "What does the Olm eat?" in dry.out, "it is a question" in dry.out) == (0, True, True)
    sent = command("read", file, "--json", *at).documents[0]
    work()
    with Slotwise(service.url, key_of["admin"]) as slotwise:
        assert slotwise.read_document_file(file).document.id == sent["document"]["id"]
        assert slotwise.wait(sent["job"]["id"]).succeeded
        shown = command("read", file, "--follow", *at)
        assert (shown.code, "live" in shown.out) == (0, True), shown
        whole = slotwise.document(sent["document"]["id"])
        assert (whole.text, whole.fact_list[0].status, whole.unread_list[0].text) == (TEXT, "live", "Why so?")
        assert slotwise.fact(whole.fact_list[0].id).documents[0].start == 8
        assert slotwise.rehearse_document(TEXT, format="markdown").facts[0].verdict == "duplicate"
        assert "Olms" in command("documents", *at).out
        assert json.loads(command("documents", whole.id, "--json", *at).out)["id"] == whole.id
        assert "forgotten with 1 facts" in command("documents", whole.id, "--forget", *at).out
        assert slotwise.documents().items[0].status == "forgotten"
    wrong = command("read", Path(__file__), *at)
    assert (wrong.code, "must end with one of .txt, .md, .markdown" in wrong.err) == (2, True)
