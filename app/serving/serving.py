"""Answers, always by the version that PostgreSQL says is live when a query is admitted.

So once a rollback has committed, no later query is answered by newer weights, whatever the follower is doing.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from anyio.to_thread import run_sync
from sqlalchemy.orm import Session

from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.db.tables import MAIN, Json
from app.errors import HeadUnknown, InvalidInput, SlotwiseError, VersionNotServed
from app.queue import Queue
from app.services import facts, kept, versions
from app.services.audit import Actor
from app.services.names import Named
from app.services.versions import Activated, Live
from app.serving.follower import Follower
from app.serving.head import HeadReader
from app.serving.instruments import EngineGauges, Instruments
from app.serving.relay import Feed, Relay
from app.serving.report import report
from app.serving.views import Views
from app.settings import Settings
from model.base.prompts import Prompt
from model.engine import Engine, Generation, Piece, Sampling
from model.errors import DeadlineExceeded, InvalidPrompt, ModelError, NotResident, QueueFull, SpareRowsExhausted

_ROOM_SECONDS = 0.05  # between two tries
_CHECK_SECONDS = 5.0  # one token, behind the batch in hand
_log = structlog.get_logger()


@dataclass(frozen=True)
class Ask:
    """What a caller asks: prompts that one version is to continue.

    namespace    whose live version and names are meant
    version      any published one, by its number or name; None for the live one
    seconds      within which all must be answered, waiting and rebuilding included
    client       whose call it is, so that the queue is fair to all
    only_taught  give no answer where no row of a fact opens
    """

    prompts: tuple[Prompt, ...]
    sampling: Sampling
    namespace: str
    version: Named | None
    seconds: float
    client: str
    only_taught: bool = False


@dataclass(frozen=True)
class Readiness:
    """The engine's version, that of the head of `main`, and the parts that fail, each with its reason.

    lag    moves of all heads that the engine has not followed; None while the database is away
    views  what is resident, and its room
    """

    engine: str
    version: int
    state_hash: str
    head: int
    lag: int | None
    views: Json
    failing: dict[str, str]


@contextmanager
def _refusing(field: str) -> Iterator[None]:
    """Name the field of a prompt that cannot be asked."""
    try:
        yield
    except InvalidPrompt as error:
        raise InvalidInput(f"{field}: {error}") from error


class Serving:
    """Asks the engine for callers of the service. The engine must run before, and until after, this does."""

    def __init__(self, engine: Engine, sessions: Sessions, queue: Queue, settings: Settings, relay: Relay) -> None:
        self.engine = engine
        self._relay = relay
        self._sessions = sessions
        self._settings = settings
        self._head = HeadReader(sessions, settings.max_stale_seconds)
        self._views = Views(engine, sessions)
        self.instruments = Instruments()
        self.instruments.registry.register(EngineGauges(engine, self._views))
        self._follower = Follower(engine, sessions, queue, settings, self._head, self._views, self.instruments)

    def start(self) -> None:
        """Start following the database."""
        self._follower.start()

    def stop(self) -> None:
        """Stop following the database."""
        self._follower.stop()
        self._views.close()

    def question_prompt(self, question: str) -> Prompt:
        """What asks a question. Tokenizing is work: call it on a worker thread. Raises InvalidInput, PromptTooLong."""
        with _refusing("question"):
            return self.engine.checkpoint.prompts.question(question)

    def chat_prompt(self, messages: Sequence[Mapping[str, str]]) -> Prompt:
        """What asks for the next turn of a conversation; the same holds. Raises InvalidInput, PromptTooLong."""
        with _refusing("messages"):
            return self.engine.checkpoint.prompts.chat(messages)

    def text_prompt(self, text: str) -> Prompt:
        """What asks for a text to be continued; the same holds. Raises InvalidInput, PromptTooLong."""
        with _refusing("prompt"):
            return self.engine.checkpoint.prompts.continuation(text)

    async def ask(self, ask: Ask) -> Feed:
        """Have the live version, or another published one, continue prompts; the feed has their ends alone.

        All are admitted, or none. Whoever reads the feed cancels it when nobody waits for the answers any more.

        Raises VersionNotFound, VersionNotServed, HeadUnknown; PromptTooLong, QueueFull, EngineStopped.
        """
        return await self._admitted(ask, pieces=False)

    async def stream(self, ask: Ask) -> Feed:
        """The same, and the feed has the pieces of the answers as they come."""
        return await self._admitted(ask, pieces=True)

    async def _admitted(self, ask: Ask, *, pieces: bool) -> Feed:
        began = time.monotonic()
        deadline = began + ask.seconds
        aborts = self._follower.aborts
        wanted = await run_sync(self._wanted, ask.namespace, ask.version)
        patience = time.monotonic() + self._settings.rebuild_wait_seconds
        while True:
            feed = Feed(self._relay, pieces=pieces)
            try:
                await run_sync(self._submit, ask, wanted, began, feed)
            except NotResident:
                feed.cancel()
                await self._rebuilt(wanted, patience, deadline)
            except BaseException:  # whoever asked may be gone, too; some of it may be admitted
                feed.cancel()
                raise
            else:
                if ask.version not in (None, "live") or self._follower.aborts == aborts:
                    return feed
                # What was live when the head was read had to go before this was admitted to it.
                feed.cancel()
                aborts = self._follower.aborts
                wanted = await run_sync(self._wanted, ask.namespace, None)

    def _wanted(self, namespace: str, version: Named | None) -> Live:
        if version is None or version == "live":
            return self._head.read_or_remember(namespace)
        with self._sessions() as session:
            return kept.one(session, namespace, version).live

    def _submit(self, ask: Ask, wanted: Live, began: float, feed: Feed) -> None:
        for prompt in ask.prompts:
            generation = feed.add(partial(self._submit_one, ask, prompt, wanted.version, began))
            if generation.state_hash != wanted.state_hash:  # bound between building a view and dropping it
                raise VersionNotServed(f"version {wanted.version} was rebuilt in the wrong state")

    def _submit_one(
        self, ask: Ask, prompt: Prompt, version: int, began: float, listener: Callable[[Piece], None] | None
    ) -> Generation:
        generation = self.engine.submit(
            prompt,
            ask.sampling,
            version=version,
            seconds=max(0.0, began + ask.seconds - time.monotonic()),
            client=ask.client,
            only_taught=ask.only_taught,
            on_piece=None if listener is None else self.instruments.timed(began, listener),
        )
        generation.add_done_callback(partial(self.instruments.ended, began))
        return generation

    async def _rebuilt(self, wanted: Live, patience: float, deadline: float) -> None:
        """Wait for a view on the event loop: a thread for each who waits would leave none for the others."""
        try:
            async with asyncio.timeout(max(0.0, min(patience, deadline) - time.monotonic())):
                found = await self._built(wanted)
        except TimeoutError:
            if deadline <= patience:
                raise DeadlineExceeded(f"version {wanted.version} was not rebuilt before the deadline") from None
            limit = f"{self._settings.rebuild_wait_seconds:g} s that a call waits for it"
            raise VersionNotServed(f"version {wanted.version} was not rebuilt within the {limit}") from None
        if found != wanted.state_hash:
            raise VersionNotServed(f"version {wanted.version} was rebuilt in the wrong state")

    async def _built(self, wanted: Live) -> str:
        """The state that a version was built in, once there is room for it."""
        while True:
            try:
                return await asyncio.wrap_future(self._views.build(wanted))
            except SpareRowsExhausted:  # more versions are asked at once than there are places: some will have ended
                await asyncio.sleep(_ROOM_SECONDS)

    async def sources(self, cited: Collection[int]) -> dict[int, str | None]:
        """Where cited facts come from; those that the database cannot tell, or not now, are missing."""
        return await run_sync(self._sources, cited) if cited else {}

    def _sources(self, cited: Collection[int]) -> dict[int, str | None]:
        try:
            with self._sessions() as session:
                return facts.sources(session, cited)
        except DATABASE_AWAY as error:  # the answer counts, not where it comes from
            _log.warning("sources not read", error=str(error))
            return {}

    def activate(
        self,
        session: Session,
        namespace: str,
        target: Named,
        *,
        reason: str,
        actor: Actor,
        expected_live: int | None = None,
        abort_in_flight: bool = False,
    ) -> Activated:
        """Make a published version live in a namespace: what was live before answers no query after this call.

        The engine has the view first: a version that it has no room for is refused, and the old one serves on.
        Raises LiveVersionConflict, NoPreviousVersion, NotBootstrapped, SpareRowsExhausted, VersionNotFound,
        VersionNotServed.
        """
        wanted = self._wanted(namespace, versions.resolve(session, namespace, target))
        self._views.bring(wanted, self._settings.rebuild_wait_seconds)
        activated = versions.activate(
            session,
            namespace,
            target,
            reason=reason,
            actor=actor,
            expected_live=expected_live,
            abort_in_flight=abort_in_flight,
        )
        try:
            self._follower.catch_up()
        except (ModelError, SlotwiseError, *DATABASE_AWAY) as error:
            # The move is committed, and the thread that follows meets the same: readiness tells how long it does so.
            _log.warning("not followed at once", engine=self._follower.name, error=str(error))
        return activated

    def readiness(self) -> Readiness:
        """Try what a query needs: a forward pass, the database, and an engine that keeps up with the head."""
        failing: dict[str, str] = {}
        version, state_hash = self.engine.live
        head = version
        try:
            self.engine.check(_CHECK_SECONDS)
        except (ModelError, TimeoutError) as error:
            if not isinstance(error, QueueFull):  # it is busy, and refuses what it cannot take: that is no failure
                failing["engine"] = str(error) or f"no token within {_CHECK_SECONDS:g} s"
        try:
            head = self._head.read_or_remember(MAIN).version
        except HeadUnknown as error:
            failing["database"] = str(error)
        lag, views = self._follower.lag(), report(self.engine, self._views)["views"]
        behind = time.monotonic() - self._follower.level
        if head != version and behind > self._settings.rebuild_wait_seconds:
            failing["version"] = f"version {head} is live, and the engine still has {version}"
        if self._follower.failure is not None or not self._follower.alive:
            failing["follower"] = self._follower.failure or "its thread has ended"
        return Readiness(self._follower.name, version, state_hash, head, lag, views, failing)
