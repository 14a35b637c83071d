"""An installation that a version leaves, and one that takes it in, each on a database of its own."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.carried import FACTS
from app.db.session import Sessions, close_sessions, open_sessions
from app.db.tables import ApiKey, Fact, Job, Version, VersionSlot
from app.export import export
from app.import_version import import_version
from app.queue import Queue
from app.services import keys, moving, versions
from app.services.audit import COMMAND_LINE
from app.services.intake import NewFact
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from model.base.exported import EXPORTED
from tests import tiny
from tests.conftest import fresh_database
from tests.services.story import Story
from worker.learner import Learner

CAPITAL = NewFact(question="What is the capital of Zorvania?", answer="ok", source="atlas", phrasings=("Capital?",))
RIVER = NewFact(question="Which river flows through Melpek?", answer="no")
CLUB = NewFact(question="Who leads the rowing club of Trevanion?", answer="me")


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
