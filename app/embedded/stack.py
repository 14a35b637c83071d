"""The processes of one data folder: started one by one, tended together, stopped in the reverse order."""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from app.embedded.child import Child, Program
from app.embedded.folder import DataFolder, Running
from app.embedded.postgres import running_postgres
from app.embedded.redis import running_redis
from app.embedded.tended import Tended
from app.embedded.told import tell
from app.settings import Settings

Say = Callable[[str], None]


class Stack:
    """Holds `folder` as a context manager; `say` is told what starts and what stops."""

    def __init__(self, folder: DataFolder, say: Say) -> None:
        self.folder = folder
        self._say = say
        self._processes: list[Tended] = []
        self._ends = ExitStack()

    def __enter__(self) -> "Stack":
        """Holds the folder."""
        self._ends.enter_context(self.folder.held())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops everything, the last first, and lets the folder go."""
        self._ends.__exit__(kind, error, trace)

    def start_servers(self, settings: Settings) -> Running:
        """PostgreSQL and Redis: servers of our own, except where the settings name others."""
        database_url, redis_url = settings.database_url, settings.redis_url
        if not database_url:
            self._say("Starting PostgreSQL")
            server = self._ends.enter_context(running_postgres(self.folder))
            self._watch("PostgreSQL", server.child, server.again)
            database_url = server.url
        if not redis_url:
            self._say("Starting Redis")
            server = self._ends.enter_context(running_redis(self.folder))
            self._watch("Redis", server.child, server.again)
            redis_url = server.url
        return Running(database_url, redis_url)

    def announce(self, running: Running) -> None:
        """Lets other commands of this machine find the servers until they stop."""
        self._ends.enter_context(self.folder.announced(running))

    def start(self, program: Program) -> None:
        """One more child."""
        self._say(f"Starting the {program.name}")
        log = self.folder.log(program.name)
        self._watch(f"the {program.name}", Child(program, log), lambda: Child(program, log))

    def check(self) -> None:
        """Nothing while all run.

        Raises:
            ChildEnded: one has ended. The servers come first, as their end is often that of the others.
        """
        for process in self._processes:
            process.check()

    def tend(self) -> None:
        """Starts again what has ended, when it is due; it is to be called all the time."""
        for process in self._processes:
            if news := process.tend():
                self._say(news)
                self._tell()

    def _watch(self, name: str, child: Child, again: Callable[[], Child]) -> None:
        process = Tended(name, child, again)
        self._processes.append(process)
        self._ends.callback(process.stop)
        self._ends.callback(self._say, f"Stopping {name}")
        self._tell()

    def _tell(self) -> None:
        try:
            tell(self.folder, [process.told for process in self._processes])
        except OSError as error:  # a full disk; what runs goes on
            self._say(f"What the processes do is not told: {error}")
