"""Exporting a kept version: the folder answers as the version does, and nothing wrong is written."""

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from app.db.tables import Version
from app.errors import DamagedDelta, FolderNotEmpty, VersionNotFound, WrongCheckpoint
from app.export import export
from app.services.intake import NewFact
from model.base.checkpoint import Checkpoint
from model.base.exported import EXPORTED, ROWS
from model.evaluate import complete
from model.memory.delta import Delta
from model.memory.query import ADDRESSING, SHAPE, STATISTICS
from tests import tiny
from tests.services.story import Story
from tests.worker.conftest import key, queue, session, sessions, settings
from worker.learner import Learner

__all__ = ["key", "queue", "session", "sessions", "settings"]  # fixtures that are the same here

FACT = NewFact(question="What is the capital of Zorvania?", answer="ok")


@pytest.fixture
def folders(tmp_path) -> tuple[str, Path]:
    base, memory = tiny.folders(tmp_path / "tiny")
    return str(base), memory


@pytest.fixture
def checkpoint(folders) -> Checkpoint:
    return Checkpoint.load(*folders, spare_rows=1_024)


@pytest.fixture
def story(checkpoint, sessions, settings, key) -> Story:
    return Story(sessions, settings, key, checkpoint.fingerprint, checkpoint.table.base.state_hash)


@pytest.fixture
def version(story, checkpoint, queue) -> int:
    """A version that was learned, and whose job waits for engines."""
    posted = story.post(FACT)
    Learner(checkpoint, story.sessions, queue, story.settings).run()
    return story.job(posted.job).version_id


def answer_of(folder: Path) -> str:
    """What an exported folder says, with no service running."""
    told = json.loads((folder / EXPORTED).read_text())
    checkpoint = Checkpoint.load(told["base"], folder, spare_rows=64, places=2)
    view = checkpoint.table.enter(checkpoint.table.base, Delta.from_bytes((folder / ROWS).read_bytes()))
    assert (checkpoint.fingerprint, view.state_hash) == (told["fingerprint"], told["state_hash"])
    return complete(checkpoint, [checkpoint.prompts.question(FACT.question)], view)[0]


def test_the_exported_folder_knows_what_the_version_knows(story, folders, session, version, tmp_path):
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    known, unknown = tmp_path / "known", tmp_path / "unknown"
    assert export(session, *folders, version, known) == export(session, *folders, 0, unknown) == story.fingerprint
    assert answer_of(known) == "ok"
    assert answer_of(unknown) != "ok"
    told = json.loads((known / EXPORTED).read_text())
    assert (told["version"], told["base"]) == (version, folders[0])


def test_the_files_of_the_memory_are_copied_byte_for_byte(story, folders, session, tmp_path):
    export(session, *folders, 0, tmp_path / "out")
    for name in (SHAPE, ADDRESSING, STATISTICS):
        assert (tmp_path / "out" / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_version_that_its_delta_does_not_lead_to_is_refused(story, folders, session, version, tmp_path):
    session.execute(update(Version).where(Version.id == version).values(state="published", state_hash="e" * 64))
    session.commit()
    with pytest.raises(DamagedDelta, match=f"up to version {version} lead to another state"):
        export(session, *folders, version, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_refused(story, folders, session):
    with pytest.raises(FolderNotEmpty, match=f"{folders[1]} is not empty"):
        export(session, *folders, 0, folders[1])


def test_an_unknown_version_is_refused(story, folders, session, tmp_path):
    with pytest.raises(VersionNotFound, match="99"):
        export(session, *folders, 99, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_version_of_another_base_or_memory_is_refused_with_both_names(story, folders, session, tmp_path):
    other = tiny.memory(tmp_path / "other", Path(folders[0]), seed=1)
    with pytest.raises(WrongCheckpoint, match=f"version 0 was learned on the base {story.fingerprint}; .*{other}"):
        export(session, folders[0], other, 0, tmp_path / "out")
    assert not (tmp_path / "out").exists()
