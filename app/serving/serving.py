"""Answers, always by the version that PostgreSQL says is live when a query is admitted.

So once a rollback has committed, no later query is answered by newer weights, whatever the follower is doing.
"""

import time
from dataclasses import dataclass

from app.db.session import Sessions
from app.errors import HeadUnknown, VersionNotServed
from app.queue import Queue
from app.services import versions
from app.services.versions import Live
from app.serving.follower import Follower
from app.serving.head import HeadReader
from app.serving.views import Views
from app.settings import Settings
from model.engine import Answer, Engine
from model.errors import ModelError, NotResident

_CHECK_SECONDS = 5.0  # one token, behind the batch in hand


@dataclass(frozen=True)
class Readiness:
    """The engine's version, the head's, and the parts that fail, each with its reason."""

    version: int
    head: int
    failing: dict[str, str]


class Serving:
    """Asks the engine for callers of the service. The engine must run before, and until after, this does."""

    def __init__(self, engine: Engine, sessions: Sessions, queue: Queue, settings: Settings) -> None:
        self.engine = engine
        self._sessions = sessions
        self._settings = settings
        self._head = HeadReader(sessions, settings.namespace, settings.max_stale_seconds)
        self._views = Views(engine, sessions)
        self._follower = Follower(engine, sessions, queue, settings, self._head, self._views)

    def start(self) -> None:
        """Start following the database."""
        self._follower.start()

    def stop(self) -> None:
        """Stop following the database."""
        self._follower.stop()
        self._views.close()

    def question_prompt(self, question: str) -> str:
        """The text in front of the answer to `question`."""
        return self.engine.checkpoint.question_prompt(question)

    def ask(self, prompt: str, *, version: int | None = None, max_tokens: int = 32) -> Answer:
        """Continue `prompt` with the live version, or with another published one; returns when that is done.

        Raises VersionNotFound, VersionNotServed, HeadUnknown; PromptTooLong, QueueFull, EngineStopped.
        """
        wanted = self._head.read_or_remember() if version is None else self._published(version)
        deadline = time.monotonic() + self._settings.rebuild_wait_seconds
        while True:
            try:
                asked = self.engine.submit(prompt, version=wanted.version, max_tokens=max_tokens)
                break
            except NotResident:
                self._views.bring(wanted, max(0.0, deadline - time.monotonic()))
        answer = asked.result()
        if answer.state_hash != wanted.state_hash:  # bound in the moment between building a view and dropping it
            raise VersionNotServed(f"version {wanted.version} was rebuilt in the wrong state")
        return answer

    def bring(self, version: int) -> None:
        """Make a published version resident, so that it can go live. Raises VersionNotFound, VersionNotServed.

        Raises SpareRowsExhausted, too, when the views in use leave it no room.
        """
        self._views.bring(self._published(version), self._settings.rebuild_wait_seconds)

    def readiness(self) -> Readiness:
        """Try what a query needs: a forward pass, the database, and an engine that keeps up with the head."""
        failing: dict[str, str] = {}
        version = head = self.engine.live[0]
        try:
            self.engine.check(_CHECK_SECONDS)
        except (ModelError, TimeoutError) as error:
            failing["engine"] = str(error) or f"no token within {_CHECK_SECONDS:g} s"
        try:
            head = self._head.read_or_remember().version
        except HeadUnknown as error:
            failing["database"] = str(error)
        behind = time.monotonic() - self._follower.level
        if head != version and behind > self._settings.rebuild_wait_seconds:
            failing["version"] = f"version {head} is live, and the engine still has {version}"
        if self._follower.failure is not None or not self._follower.alive:
            failing["follower"] = self._follower.failure or "its thread has ended"
        return Readiness(version, head, failing)

    def _published(self, version: int) -> Live:
        with self._sessions() as session:
            found = versions.published(session, version)
        return Live(version, found.state_hash)
