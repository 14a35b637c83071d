"""A version goes from one installation to another with all that is needed to go on there."""

import time

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from typer.testing import CliRunner

from app.carried import FACTS
from app.cli import app
from app.db.tables import VersionSlot
from app.errors import InstallationNotEmpty
from app.main import create_app
from app.services import audit, keys, publishing, slots, versions
from model.base.checkpoint import Checkpoint
from tests.moved import CAPITAL, CLUB, RIVER, Away, Home, away, folders, home, lines
from tests.services.story import Story
from tests.worker.conftest import key, queue, session, sessions
from worker.learner import Learner

__all__ = ["away", "folders", "home", "key", "queue", "session", "sessions"]  # fixtures that are the same here

PATIENCE = 60.0


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
        (entry,) = audit.page(session, "main", None, 5).items
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
