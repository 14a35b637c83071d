"""A database for a command on this machine, whatever runs already."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy.orm import Session

from app.db.migrate import migrate
from app.db.session import close_sessions, open_sessions
from app.embedded.errors import FolderInUse
from app.embedded.folder import DataFolder
from app.embedded.postgres import running_postgres
from app.errors import StackFailed
from app.services import engines
from app.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the service's database, for as long as the context lasts.

    That is the one of the settings; or else the one of the stack that runs in the data folder; or else the
    data folder's own, started for the occasion and brought up to date.

    Raises:
        FolderInUse: a stack is just starting or stopping there.
        StackFailed: the server cannot start.
    """
    if settings.database_url:
        yield settings.database_url
        return
    folder = DataFolder(settings.data_dir)
    with ExitStack() as stack:
        try:
            stack.enter_context(folder.held())
        except FolderInUse:
            running = folder.running()
            if running is None:
                raise
            url = running.database_url
        else:
            url = stack.enter_context(running_postgres(folder)).url
            migrate(url)
        yield url


@contextmanager
def kept_database(settings: Settings) -> Iterator[str]:
    """The same, for commands that mean a database with something in it: none is made for them.

    Raises StackFailed, too, when no service ever ran in the data folder.
    """
    _require_used(settings)
    with database(settings) as url:
        yield url


@contextmanager
def idle_database(settings: Settings) -> Iterator[str]:
    """The same, from which no service answers, nor can begin to in a data folder.

    Raises StackFailed, too, when an engine was heard of a moment ago.
    """
    _require_used(settings)
    folder = DataFolder(settings.data_dir)
    with ExitStack() as stack:
        url = settings.database_url
        if url:
            with session_on(url) as session:
                alive = [engine.id for engine in engines.every(session, settings) if engine.alive]
            if alive:
                raise StackFailed(f"the engine {alive[0]} answers from this database, or just did; stop it first")
        else:
            stack.enter_context(folder.held())
            url = stack.enter_context(running_postgres(folder)).url
        migrate(url)
        yield url


def _require_used(settings: Settings) -> None:
    folder = DataFolder(settings.data_dir)
    if not settings.database_url and not folder.used:
        raise StackFailed(f"no service ever ran in {folder.path}; name the data folder of yours with --data-dir")


@contextmanager
def session_on(database_url: str) -> Iterator[Session]:
    """One session, whose connection is closed at the end: for a parent that should keep none."""
    sessions = open_sessions(database_url)
    try:
        with sessions() as session:
            yield session
    finally:
        close_sessions(sessions)
