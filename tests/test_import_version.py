"""A version goes from one installation to another with all that is needed to go on there; odd folders are refused."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.carried import FACTS
from app.cli import app
from app.db.session import Sessions, close_sessions, open_sessions
from app.db.tables import ApiKey, Fact, Job, Version, VersionSlot
from app.errors import BadFolder, InstallationNotEmpty, WrongCheckpoint
from app.export import export
from app.import_version import import_version
from app.main import create_app
from app.queue import Queue
from app.services import audit, keys, moving, publishing, slots, versions
from app.services.audit import COMMAND_LINE
from app.services.intake import NewFact
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from model.base.exported import EXPORTED, ROWS
from model.memory.query import STATISTICS
from tests import tiny
from tests.conftest import fresh_database
from tests.services.story import Story
from tests.worker.conftest import key, queue, session, sessions
from worker.learner import Learner

__all__ = ["key", "queue", "session", "sessions"]  # fixtures that are the same here

CAPITAL = NewFact(question="What is the capital of Zorvania?", answer="ok", source="atlas", phrasings=("Capital?",))
RIVER = NewFact(question="Which river flows through Melpek?", answer="no")
CLUB = NewFact(question="Who leads the rowing club of Trevanion?", answer="me")
PATIENCE = 60.0


class Home:
    """An installation that was taught, corrected, and made to forget; and the folder that was exported there.

    Facts: 1 the capital, 2 a river, 3 a club that is forgotten, 4 another capital instead of 1.
    """

    def __init__(self, story: Story, learner: Learner, settings: Settings, folder: Path) -> None:
        self.story, self.learner, self.settings, self.folder = story, learner, settings, folder
        self.live(story.post(CAPITAL, RIVER, CLUB).job)
        self.live(story.forget(3).job)
        self.live(story.post(NewFact(question=CAPITAL.question, answer="yes", source="atlas 2")).job)
        assert story.statuses(1, 2, 3, 4) == ["replaced", "live", "forgotten", "live"]
        with story.sessions() as session:
            export(session, settings.base, settings.memory, story.live(), folder)
            self.state_hash = versions.head(session, "main").state_hash

    def live(self, job: int) -> None:
        self.learner.run()
        version = self.story.job(job).version_id
        assert version is not None, self.story.job(job).error
        self.story.acknowledge(version)
        assert self.story.publish(version).state == "published"


class Away:
    """An installation of the same base on a database of its own."""

    def __init__(self, sessions: Sessions, settings: Settings, state: str, fingerprint: str) -> None:
        self.sessions, self.settings = sessions, settings
        with sessions() as session:
            versions.bootstrap(session, fingerprint, state)

    def take_in(self, folder: Path) -> moving.Arrived:
        with self.sessions() as session:
            return import_version(session, self.settings, folder, COMMAND_LINE)

    def is_untouched(self) -> bool:
        with self.sessions() as session:
            counts = [session.scalar(select(func.count()).select_from(table)) for table in (Fact, Job, VersionSlot)]
            return counts == [0, 0, 0] and session.scalar(select(func.max(Version.id))) == 0


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    return tiny.folders(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def home(folders, postgres_url, template, redis_server_url, tmp_path_factory) -> Iterator[Home]:
    base, memory = folders
    checkpoint = Checkpoint.load(str(base), memory, spare_rows=1_024)
    with fresh_database(postgres_url, template) as url:
        sessions = open_sessions(url)
        settings = Settings(database_url=url, redis_url=redis_server_url, base=str(base), memory=memory)
        with sessions() as session:
            writer: ApiKey = keys.create(session, "tester", "writer")[0]
        story = Story(sessions, settings, writer, checkpoint.fingerprint, checkpoint.table.base.state_hash)
        queue_ = Queue(settings)
        yield Home(
            story, Learner(checkpoint, sessions, queue_, settings), settings, tmp_path_factory.mktemp("out") / "v"
        )
        queue_.close()
        close_sessions(sessions)


@pytest.fixture
def away(home: Home, database_url, redis_url, sessions) -> Away:
    quick = {"poll_seconds": 0.05, "spare_rows": 1_024, "max_batch": 8, "max_queue": 16}
    settings = Settings(database_url=database_url, redis_url=redis_url, base=home.settings.base)
    settings = settings.model_copy(update={**quick, "memory": home.settings.memory})
    with home.story.sessions() as session:
        base = versions.live(session, 0).state_hash
    return Away(sessions, settings, base, home.story.fingerprint)


@pytest.fixture
def folder(home: Home, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    copy = tmp_path / "copy"
    shutil.copytree(home.folder, copy)
    return copy


def sign(folder: Path, **told: object) -> None:
    """Name all files of a folder as they are now, as whoever means harm would; and tell something else besides."""
    manifest = json.loads((folder / EXPORTED).read_text())
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["files"]}
    (folder / EXPORTED).write_text(json.dumps(manifest | {"files": files} | told))


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / FACTS).read_text().splitlines()]


def rewrite(folder: Path, *carried: dict[str, object]) -> None:
    (folder / FACTS).write_text("".join(json.dumps(one) + "\n" for one in carried))
    sign(folder)


def wait(client: TestClient, job: int) -> dict[str, object]:
    deadline = time.monotonic() + PATIENCE
    while (found := client.get(f"/v1/jobs/{job}").json())["state"] not in ("succeeded", "rejected", "failed"):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_what_was_forgotten_stays_and_what_was_replaced_goes_with_what_replaced_it(home: Home):
    told = lines(home.folder)
    assert [(one["id"], one["answer"], one["source"], one["replaces"]) for one in told] == [
        (1, "ok", "atlas", []),
        (2, "no", None, []),
        (4, "yes", "atlas 2", [1]),
    ]
    assert CLUB.question not in (home.folder / FACTS).read_text()
    assert told[0]["phrasings"] == ["Capital?"]


def test_a_version_answers_cites_forgets_and_is_corrected_in_another_installation(home: Home, away: Away, queue):
    arrived = away.take_in(home.folder)
    with away.sessions() as session:
        header = {"Authorization": f"Bearer {keys.create(session, 'operator', 'operator')[1]}"}
    with TestClient(create_app(away.settings), headers=header) as client:

        def ask() -> tuple[str, list[tuple[int, str]]]:
            told = client.post("/v1/query", json={"question": CAPITAL.question, "max_tokens": 8}).json()
            return told["answer"], [(one["fact"], one["source"]) for one in told["citations"]]

        assert wait(client, arrived.job)["state"] == "succeeded"
        live = client.get("/v1/admin/versions/live").json()
        assert (live["id"], live["kind"], live["state_hash"]) == (arrived.version, "import", home.state_hash)
        assert ask() == ("yes", [(4, "atlas 2")])
        told = {one["id"]: one for one in client.get("/v1/facts").json()["items"]}
        assert {number: one["status"] for number, one in told.items()} == {1: "replaced", 2: "live", 4: "live"}
        assert (told[4]["replaces"], told[1]["replaced_by"], told[1]["phrasings"]) == ([1], 4, ["Capital?"])
        reason = client.get("/v1/admin/activations").json()["items"][0]["reason"]
        assert reason == f"imported by job {arrived.job}"

        checkpoint = Checkpoint.load(away.settings.base, away.settings.memory, spare_rows=1_024)
        learner = Learner(checkpoint, away.sessions, queue, away.settings)
        again = client.post("/v1/facts", json={"question": RIVER.question, "answer": RIVER.answer})
        assert (again.status_code, again.json()["facts"]) == (200, [{"id": 2, "status": "live"}])
        corrected = client.post("/v1/facts", json={"question": CAPITAL.question, "answer": "me"}).json()
        assert corrected["facts"][0]["id"] == 5
        learner.run()
        assert wait(client, corrected["job"]["id"])["state"] == "succeeded"
        assert ask()[0] == "me"
        assert client.get("/v1/facts/4").json()["replaced_by"] == 5
        forgotten = client.delete("/v1/facts/2").json()
        learner.run()
        report = wait(client, forgotten["job"]["id"])["report"]
        assert report["residual"][0]["slots"] > 0
        assert client.get("/v1/facts/2").json()["status"] == "forgotten"


def test_the_command_says_what_it_stored_or_why_not(home: Home, away: Away, monkeypatch):
    monkeypatch.setenv("SLOTWISE_DATABASE_URL", str(away.settings.database_url))
    monkeypatch.setenv("SLOTWISE_BASE", away.settings.base)
    monkeypatch.setenv("SLOTWISE_MEMORY", str(away.settings.memory))
    done = CliRunner().invoke(app, ["import-version", str(home.folder)])
    assert done.output.startswith("version 1 is stored; job 1 makes it live when the engines have found its state")
    again = CliRunner().invoke(app, ["import-version", str(home.folder)])
    assert isinstance(again.exception, InstallationNotEmpty)
    with away.sessions() as session:
        (entry,) = audit.page(session, None, 5).items
        assert (entry.actor, entry.action, entry.subject) == ("command line", "versions.import", "version 1")


def test_owners_are_those_of_home(home: Home, away: Away):
    arrived = away.take_in(home.folder)
    with home.story.sessions() as session:
        line = versions.lineage(session, home.story.live())
        at_home = {slot: fact for fact in (2, 4) for slot, fact in _slots(session, line, fact)}
    with away.sessions() as session:
        written = session.execute(select(VersionSlot.slot, VersionSlot.fact_id, VersionSlot.score)).all()
    assert {row.slot: row.fact_id for row in written} == at_home
    assert {row.score for row in written} == {None}
    assert arrived.version == 1


def _slots(session, line, fact):
    wrote = select(VersionSlot.slot).where(VersionSlot.fact_id == fact)
    return slots.owners(session, line, list(session.scalars(wrote))).items()


def test_a_version_whose_probes_are_not_answered_is_rejected_and_named(home: Home, away: Away):
    arrived = away.take_in(home.folder)
    with away.sessions() as session:
        story = Story(away.sessions, away.settings, keys.create(session, "x", "writer")[0], home.story.fingerprint)
    story.acknowledge(arrived.version, wrong=[2])
    assert story.publish(arrived.version).state == "rejected"
    job = story.job(arrived.job)
    assert (job.state, job.error) == ("rejected", "the served model did not answer the probes of 1 of 3 facts: 2")
    assert (story.live(), story.statuses(1, 2, 4)) == (0, ["failed"] * 3)
    assert story.nothing_to_claim()


def test_an_installation_in_which_a_fact_was_posted_takes_none_in(home: Home, away: Away):
    arrived = away.take_in(home.folder)
    with pytest.raises(InstallationNotEmpty, match="here a fact was taken in already, number 4"):
        away.take_in(home.folder)
    with away.sessions() as session:
        assert publishing.ready(session) == [arrived.version]


def test_another_base_or_memory_is_refused_with_both_names(home: Home, away: Away, tmp_path):
    other = tiny.memory(tmp_path / "other", Path(home.settings.base), seed=1)
    away.settings = away.settings.model_copy(update={"memory": other})
    with pytest.raises(
        WrongCheckpoint, match=f"belongs to the base and memory {home.story.fingerprint}; .*{other} is "
    ):
        away.take_in(home.folder)
    assert away.is_untouched()


@pytest.mark.parametrize("name", [EXPORTED, ROWS, FACTS, STATISTICS])
def test_a_file_that_is_missing_altered_or_a_link_is_refused(away: Away, folder: Path, name: str):
    path, whole = folder / name, (folder / name).read_bytes()
    path.unlink()
    with pytest.raises(BadFolder, match=f"{name} is missing, or is no plain file"):
        away.take_in(folder)
    path.symlink_to("/etc/hostname")
    with pytest.raises(BadFolder, match="no plain file"):
        away.take_in(folder)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadFolder, match="no plain file"):
        away.take_in(folder)
    path.unlink()
    path.write_bytes(whole[:-9] + b"!" * 9)
    with pytest.raises(BadFolder, match=r"is not the file that was exported|exported\.json: "):
        away.take_in(folder)
    assert away.is_untouched()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"format": 3}, "format: Input should be 2"),
        ({"version": 2**63}, "version: Input should be less than"),
        ({"version": "1"}, "version: Input should be a valid integer"),
        ({"state_hash": "0" * 63}, "state_hash: String should match"),
        ({"state_hash": "0" * 64}, "lead to the state"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"files": {"../../etc/passwd": "0" * 64}}, r"names other files .* '\.\./\.\./etc/passwd'"),
        ({"files": {}}, "names other files"),
        ({"base": "x" * 2**17}, "at most 65,536 are allowed"),
    ],
)
def test_a_manifest_that_tells_something_else_is_refused(away: Away, folder: Path, told, said: str):
    sign(folder, **told)
    with pytest.raises(BadFolder, match=said):
        away.take_in(folder)
    assert away.is_untouched()


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "[" * 60_000, '{"format": 1e999}'])
def test_a_manifest_that_is_none_is_refused(away: Away, folder: Path, text: str):
    (folder / EXPORTED).write_text(text)
    with pytest.raises(BadFolder, match=EXPORTED):
        away.take_in(folder)


@pytest.mark.parametrize(
    "rows",
    [
        b"",
        b"\xff" * 64,
        b"\x02\x00\x00\x00\x00\x00\x00\x00{}",
        (60_000).to_bytes(8, "little") + b"[" * 60_000,
        (76).to_bytes(8, "little") + b'{"slots":{"dtype":"I64","shape":[4611686018427387904,0],"data_offsets":[0,0]}}',
    ],
)
def test_rows_that_are_none_are_refused(away: Away, folder: Path, rows: bytes):
    (folder / ROWS).write_bytes(rows)
    sign(folder)
    with pytest.raises(BadFolder, match="cannot be read"):
        away.take_in(folder)
    assert away.is_untouched()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": 0}, "line 2: id: Input should be greater"),
        ({"id": 2**44}, "line 2: id: Input should be less"),
        ({"id": 10**400}, "line 2: "),
        ({"id": 1}, "line 2: fact 1 does not come behind 1"),
        ({"id": 3}, "rows are owned by fact 2, which the version does not tell"),
        ({"replaces": [2]}, "line 2: fact 2 does not come behind 2"),
        ({"answer": "x" * 201}, "line 2: answer: 201 characters; at most 200 are allowed"),
        ({"answer": None}, "line 2: answer: it is missing"),
        ({"question": None}, "line 2: it: there is neither"),
        ({"source": "a\x00b"}, "line 2: source: "),
        ({"phrasings": ["?"] * 101}, "line 2: phrasings: 101 phrasings"),
        ({"probe": None}, "line 2: probe: "),
        ({"probe": {"text": "", "answer": "no"}}, r"line 2: probe.text: '' holds no word"),
        ({"report": {"took_over": ["x"]}}, r"line 2: report.took_over.0: "),
        ({"report": {"margin": float("inf")}}, "line 2: report.margin: "),
        ({"report": {"note": "\x00"}}, "line 2: report: it holds a NUL"),
        ({"owner": 1}, "line 2: owner: Extra inputs"),
    ],
)
def test_a_fact_that_could_not_have_been_posted_is_refused_by_its_line(away: Away, folder: Path, changed, said: str):
    first, second, last = lines(folder)
    rewrite(folder, first, second | changed, last)
    with pytest.raises(BadFolder, match=said):
        away.take_in(folder)
    assert away.is_untouched()


def test_facts_that_do_not_fit_the_rows_are_refused(away: Away, folder: Path):
    first, second, last = lines(folder)
    for carried, said in (
        ([], "tells no fact"),
        ([first, last], "rows are owned by fact 2"),
        ([second, last], "fact 1 is replaced by another, and is not among the facts"),
        ([first, second | {"replaces": [1]}, last | {"replaces": [2]}], "rows are owned by fact 2"),
    ):
        rewrite(folder, *carried)
        with pytest.raises(BadFolder, match=said):
            away.take_in(folder)
    assert away.is_untouched()
