"""Exporting a kept version: the folder answers as the version does, and nothing wrong is written."""

import pytest
from sqlalchemy import update

from app.db.tables import Version
from app.errors import DamagedDelta, FolderNotEmpty, VersionNotFound, WrongCheckpoint
from app.export import export
from app.services.intake import NewFact
from model.checkpoint import Checkpoint
from model.evaluate import complete
from tests import tiny
from tests.services.story import Story
from tests.worker.conftest import QUICK, key, queue, session, sessions, settings
from worker.learner import Learner

__all__ = ["key", "queue", "session", "sessions", "settings"]  # fixtures that are the same here

FACT = NewFact(question="What is the capital of Zorvania?", answer="ok")


@pytest.fixture
def folder(tmp_path):
    return tiny.checkpoint(tmp_path / "base")


@pytest.fixture
def checkpoint(folder) -> Checkpoint:
    return Checkpoint.load(folder, spare_rows=1_024)


@pytest.fixture
def story(checkpoint, sessions, settings, key) -> Story:
    return Story(sessions, settings, key, checkpoint.fingerprint, checkpoint.table.base.state_hash)


def test_the_exported_checkpoint_knows_what_the_version_knows(story, checkpoint, folder, session, queue, tmp_path):
    posted = story.post(FACT)
    Learner(checkpoint, story.sessions, queue, story.settings, QUICK).run()
    version = story.job(posted.job).version_id
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    export(session, folder, version, tmp_path / "known")
    export(session, folder, 0, tmp_path / "unknown")
    answers = []
    for name in ("known", "unknown"):
        checkpoint = Checkpoint.load(tmp_path / name, spare_rows=0, places=1)
        prompt = checkpoint.question_prompt(FACT.question)
        answers.append(complete(checkpoint, [prompt], checkpoint.table.base)[0])
    assert answers[0] == "ok"
    assert answers[1] != "ok"


def test_a_version_that_its_delta_does_not_lead_to_is_refused(story, checkpoint, folder, session, queue, tmp_path):
    posted = story.post(FACT)
    Learner(checkpoint, story.sessions, queue, story.settings, QUICK).run()
    version = story.job(posted.job).version_id
    session.execute(update(Version).where(Version.id == version).values(state="published", state_hash="e" * 64))
    session.commit()
    with pytest.raises(DamagedDelta, match=f"up to version {version} lead to another state"):
        export(session, folder, version, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_refused(story, folder, session):
    with pytest.raises(FolderNotEmpty, match=f"{folder} is not empty"):
        export(session, folder, 0, folder)


def test_an_unknown_version_is_refused(story, folder, session, tmp_path):
    with pytest.raises(VersionNotFound, match="99"):
        export(session, folder, 99, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_version_of_another_base_is_refused_with_both_names(story, session, tmp_path):
    other = tiny.build(seed=1)
    other.save(tmp_path / "other")
    with pytest.raises(WrongCheckpoint, match="version 0 was learned on the checkpoint"):
        export(session, tmp_path / "other", 0, tmp_path / "out")
    assert not (tmp_path / "out").exists()
