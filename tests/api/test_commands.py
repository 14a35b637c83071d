"""The commands of `slotwise` over HTTP, on the real service: what they print, for whom, and their exit codes."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from structlog.testing import capture_logs

from app.cli import main
from app.db.session import Sessions
from app.embedded.servers import free_port
from app.settings import Settings
from tests.api.running import Running
from tests.api.teacher import QUESTION, TOKENS, Teacher
from tests.api.test_health import wait_until
from tests.client.scripted import Scripted, scripted


class Ended(NamedTuple):
    """How a command ended; a message with which it ended is in `err`."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict]:
        """What it printed for programs."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _no_logs() -> Iterator[None]:
    """The service is in this process: what it logs must not stand between what a command prints."""
    with capture_logs():
        yield


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `slotwise` with these words, and this input."""

    def run(*words: object, typed: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["slotwise", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        monkeypatch.setenv("COLUMNS", "160")
        capsys.readouterr()  # what came before is not the command's
        with pytest.raises(SystemExit) as ended:
            main()
        code, (out, err) = ended.value.code, capsys.readouterr()
        return Ended(1, out, err + code) if isinstance(code, str) else Ended(code or 0, out, err)

    return run


@pytest.fixture
def taught(
    service: Running,
    key_of: dict[str, str],
    sessions: Sessions,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Teacher]:
    """The teacher of the service that the environment names."""
    monkeypatch.setenv("SLOTWISE_URL", service.url)
    monkeypatch.setenv("SLOTWISE_KEY", key_of["admin"])
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {key_of['admin']}"}) as client:
        yield Teacher(client, sessions, settings)  # type: ignore[arg-type]


@pytest.fixture
def as_reader(untaught_service: Running, untaught_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTWISE_URL", untaught_service.url)
    monkeypatch.setenv("SLOTWISE_KEY", untaught_keys["reader"])


def test_a_fact_is_taught_asked_listed_and_rolled_back(command: Command, taught: Teacher):
    told = command("teach", QUESTION, "Lisbon", "--source", "atlas", "--phrasing", "Zubovia's capital?")
    assert told == (0, "fact 1 is queued; job 1 is queued\n", "")
    with ThreadPoolExecutor(1) as pool:
        version = pool.submit(taught.commit)
        followed = command("jobs", 1, "--follow")
    answer = taught.answers[version.result()]
    assert followed.code == 0
    assert "job 1 succeeded, version 1" in followed.out
    asked = command("ask", QUESTION)
    assert asked.out.splitlines()[0] == answer
    assert asked.out.splitlines()[1].startswith("version 1 · fact 1 of atlas, gate ")
    (document,) = command("ask", QUESTION, "--version", 0, "--max-tokens", TOKENS, "--json").documents
    assert (document["answer"], document["version"]) == (taught.answers[0], 0)
    assert command("ask", "How many moons has Mars?", "--only-taught").out.startswith("nothing that was taught")
    for words, parts in (
        (("facts",), ("1", "live", QUESTION, "Lisbon", "atlas")),
        (("facts", 1), ("status", "live", "Zubovia's capital?")),
        (("jobs",), ("1", "succeeded", "of 1")),
        (("jobs", 1), ("state", "succeeded", "taught")),
        (("versions",), ("1", "live", "learn")),
        (("versions", 1), ("state_hash", "fingerprint")),
        (("status",), ("ready: version 1 answers, the head is 1 (0 moves behind the head)", "alive")),
    ):
        shown = command(*words)
        assert shown.code == 0
        assert all(part in shown.out for part in parts), (words, shown.out)
    assert "atlas" in command("namespaces", "--create", "atlas", "--reason", "a test").out
    assert all(part in command("namespaces").out for part in ("atlas", "a test", "main", "slotwise"))
    (page,) = command("facts", "--status", "live", "--limit", 1, "--json").documents
    assert [fact["id"] for fact in page["items"]] == [1]
    assert "there are more: --cursor 1" in command("versions", "--limit", 1).out
    told = command("forget", "--source", "atlas")
    assert told == (0, "fact 1 is live; job 2 is queued\n", "")
    assert command("forget", 1).out == told.out
    assert "forget" in command("jobs", 2).out
    refused = command("forget", 9)
    assert (refused.code, refused.err) == (1, "slotwise: there is no fact 9")
    moved = command("rollback", "previous", "--reason", "a test", "--expected-live", 1)
    assert moved == (0, "version 0 is live; it was version 1\n", "")
    refused = command("rollback", 1, "--reason", "a test", "--expected-live", 1)
    assert refused.code == 1
    assert refused.err.startswith("slotwise: ")
    assert "live" in refused.err


def test_teaching_can_wait_and_tells_programs_every_state(command: Command, taught: Teacher):
    with ThreadPoolExecutor(1) as pool:
        posted = pool.submit(_commit_when_posted, taught)
        first, *states = command("teach", QUESTION, "Lisbon", "--follow", "--json").documents
        posted.result()
    assert first["job"] == {"id": 1, "state": "queued"}
    assert (states[-1]["state"], states[-1]["version"]) == ("succeeded", 1)


def test_a_job_that_does_not_succeed_is_told_with_its_reason(command: Command, taught: Teacher):
    with taught.sessions() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO jobs (namespace, total, state, error) VALUES ('main', 1, 'failed', 'the disk was full')"
        )
        session.commit()
    ended = command("jobs", 1, "--follow")
    assert (ended.code, ended.err) == (1, "slotwise: job 1 ended as failed: the disk was full")


def test_a_chat_goes_on_line_by_line_until_the_input_ends(command: Command, as_reader: None):
    once = command("chat", "Hello", "--system", "Be brief.", "--max-tokens", 4, "--json")
    (first,) = once.documents
    assert first["finish"] == "length"
    both = command("chat", "--system", "Be brief.", "--max-tokens", 4, "--json", typed="Hello\n\nAnd you?\n")
    again, second = both.documents
    assert again == first
    assert second["answer"]
    shown = command("chat", "Hello", "--system", "Be brief.", "--max-tokens", 4)
    assert shown.out == f"{first['answer']}\nversion 0 · cut\n"


@pytest.mark.parametrize(
    "words",
    [
        ("teach",),
        ("teach", "only a question"),
        ("jobs", "--follow"),
        ("rollback", "1"),
        ("forget",),
        ("forget", "1", "--source", "atlas"),
        ("ask",),
        ("facts", "--limit", "0"),
    ],
)
def test_a_command_that_makes_no_sense_is_2(command: Command, words: tuple[str, ...]):
    assert command(*words).code == 2


@pytest.mark.usefixtures("as_reader")
def test_what_the_service_refuses_is_a_sentence_and_1(command: Command):
    for words, part in (
        (("facts", 9), "fact 9"),
        (("ask", QUESTION, "--version", 12), "version 12"),
        (("ask", QUESTION, "--version", "yesterday"), "no version is called 'yesterday'"),
        (("teach", "Who?", "Me"), "writer"),
        (("facts", "--status", "lost"), "status"),
        (("status", "--key", "sw_wrong"), "set SLOTWISE_KEY"),
        (("ask", QUESTION, "--key", ""), "set SLOTWISE_KEY"),
    ):
        ended = command(*words)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("slotwise: ")
        assert part in ended.err
        assert "\n" not in ended.err
    (state,) = command("status", "--json").documents
    assert (state["status"], state["engines"]) == ("ready", None)


def test_a_service_that_is_away_or_not_ready_is_a_sentence(command: Command):
    url = f"http://127.0.0.1:{free_port()}"
    ended = command("status", "--url", url)
    assert ended.code == 1
    assert ended.err.startswith(f"slotwise: no service answers at {url}: ")
    assert ended.err.endswith("start one with `slotwise up`, or set SLOTWISE_URL")
    not_ready = {"type": "about:blank", "title": "No", "status": 503, "detail": "engine: it stands still"}
    with scripted(Scripted(503, json.dumps(not_ready))) as server:
        ended = command("status", "--url", server.url)
    assert (ended.code, ended.err) == (1, "slotwise: the service is busy or not ready: engine: it stands still")


def _commit_when_posted(teacher: Teacher) -> int:
    wait_until(lambda: bool(teacher.client.get("/v1/jobs").json()["items"]))
    return teacher.commit()


def test_a_file_is_imported_with_its_errors_and_its_job_cancelled(command: Command, taught: Teacher, tmp_path: Path):
    file = tmp_path / "facts.csv"
    file.write_text("question,answer\nWho?,Ada\nWho else?,\n")
    dry = command("import", file, "--dry-run")
    assert dry.code == 1
    assert dry.out.startswith("2 facts: 1 accepted, 0 duplicates, 1 refused; nothing was stored\n")
    real = command("import", file)
    assert (real.code, "1 of 2 lines were refused" in real.err) == (1, True)
    assert "3     answer  it is missing; a fact with question needs it" in real.out
    file.write_text("question,answer\nWho?,Ada\n")
    (report,) = command("import", file, "--json").documents
    assert (report["duplicates"], report["refused"]) == (1, 0)
    assert "cancelled" in command("cancel", 1).out
    assert "paused" in command("pause", "--reason", "a test").out
    assert "learning is paused" in command("status").out
    assert command("resume", "--reason", "a test").code == 0
    assert command("import", tmp_path / "none.csv").code == 2
    assert command("import", __file__).code == 2, "its name does not say what it is"
