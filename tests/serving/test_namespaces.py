"""More namespaces than an engine has room for: each is answered with its own version, in bounded memory."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, update

from app.db.session import Sessions, open_sessions
from app.db.tables import BASE_VERSION, Head, Version
from app.errors import HeadUnknown
from app.queue import Queue
from app.services import namespaces, versions
from app.serving import Ask, Relay, Serving
from app.settings import Settings
from benchmarks.rebuild import Chain
from model.engine import Engine, Sampling
from model.errors import Aborted, Cancelled
from tests import tiny
from tests.services.story import TESTER

MANY, PLACES = 6, 4


class Crowd:
    """Namespaces n1, n2, …, in each of which the version of its number is live; `main` is at the base."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self.sessions = sessions
        chain = Chain(tiny.build(), sessions)
        chain.grow(MANY, 5, anchored=False)
        self.hashes = chain.hashes
        for number in range(1, MANY + 1):
            self.add(number)
        self.engine = Engine(tiny.build(places=PLACES), max_batch=8)
        self.queue = Queue(settings)
        self._settings = settings

    def add(self, number: int) -> None:
        """The branches of a tree share their beginnings here, as no rule of an engine depends on whose those are."""
        name = f"n{number}"
        with self.sessions() as session:
            session.execute(update(Version).where(Version.id == number).values(namespace=name))
            namespaces.create(session, name, reason=None, actor=TESTER)
        self.move(number)

    def move(self, number: int, version: int | None = None, **order: bool) -> None:
        with self.sessions() as session:
            target = number if version is None else version
            versions.activate(session, f"n{number}", target, reason="a test", actor=TESTER, **order)

    def run(self, work: Callable[[Serving], Awaitable[None]]) -> None:
        """Do `work` on an event loop, beside an engine that runs."""

        async def whole() -> None:
            serving = Serving(self.engine, self.sessions, self.queue, self._settings, Relay(asyncio.get_running_loop()))
            serving._follower.catch_up()
            try:
                await work(serving)
            finally:
                serving._views.close()

        self.engine.start()
        asyncio.run(whole())


@pytest.fixture
def crowd(sessions: Sessions, database_url: str, redis_url: str) -> Iterator[Crowd]:
    settings = Settings(database_url=database_url, redis_url=redis_url, rebuild_wait_seconds=60, max_stale_seconds=60)
    crowd = Crowd(sessions, settings)
    yield crowd
    crowd.engine.stop()
    crowd.queue.close()


def asked(serving: Serving, namespace: str, tokens: int = 3) -> Ask:
    prompt = serving.question_prompt("Who?")
    return Ask((prompt,), Sampling(max_tokens=tokens), namespace, None, seconds=120, client=namespace)


@contextmanager
def counted(sessions: Sessions) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(connection, cursor, statement, *_) -> None:
        sent.append(statement)

    bind = sessions.kw["bind"]
    event.listen(bind, "before_cursor_execute", note)
    yield sent
    event.remove(bind, "before_cursor_execute", note)


def test_views_that_are_not_asked_make_room_and_come_back(crowd: Crowd):
    async def work(serving: Serving) -> None:
        for number in (*range(1, MANY + 1), 1, MANY, 2):
            (answer,) = await (await serving.ask(asked(serving, f"n{number}"))).answers()
            assert answer.version == number
            assert crowd.engine.resident(number) == crowd.hashes[number]
            assert crowd.engine.checkpoint.table.room().places <= PLACES
        (answer,) = await (await serving.ask(asked(serving, "main"))).answers()
        assert answer.version == BASE_VERSION
        assert serving._views.builds == MANY + 2, "all but the last of them had to make room meanwhile"

    crowd.run(work)


def test_more_namespaces_at_once_than_there_are_places_wait_for_room(crowd: Crowd):
    async def one(serving: Serving, number: int) -> tuple[int, int]:
        (answer,) = await (await serving.ask(asked(serving, f"n{number}"))).answers()
        return number, answer.version

    async def work(serving: Serving) -> None:
        told = await asyncio.gather(*(one(serving, 1 + index % MANY) for index in range(3 * MANY)))
        assert [version for number, version in told if version != number] == []

    crowd.run(work)


def test_a_poll_costs_the_same_for_any_number_of_namespaces(crowd: Crowd):
    async def work(serving: Serving) -> None:
        with counted(crowd.sessions) as idle:
            serving._follower.catch_up()
        for number in range(1, MANY + 1):
            crowd.move(number, BASE_VERSION)
        with counted(crowd.sessions) as moved:
            serving._follower.catch_up()
        assert len(moved) == len(idle) == 2  # what has moved, and those heads
        assert serving._follower.followed > 2 * MANY
        assert serving.engine.live[0] == BASE_VERSION

    crowd.run(work)


def test_a_move_in_a_namespace_that_is_asked_here_is_brought_up_before_anybody_asks_again(crowd: Crowd):
    async def work(serving: Serving) -> None:
        crowd.move(2, BASE_VERSION)
        crowd.move(5, BASE_VERSION)
        serving._follower.catch_up()
        assert crowd.engine.versions.resident() == [BASE_VERSION]
        crowd.move(2, 2)
        serving._follower.catch_up()
        serving._views.close()  # once what was begun is done
        assert crowd.engine.versions.resident() == [BASE_VERSION, 2]

    crowd.run(work)


def test_an_order_to_end_requests_ends_those_of_its_namespace_alone(crowd: Crowd):
    async def work(serving: Serving) -> None:
        feeds = [await serving.stream(asked(serving, name, 900)) for name in ("n1", "n2", "main")]
        crowd.move(1, BASE_VERSION, abort_in_flight=True)
        serving._follower.catch_up()
        with pytest.raises(Aborted):
            await feeds[0].answers()
        for feed in feeds[1:]:
            feed.cancel()
            with pytest.raises(Cancelled):
                await feed.answers()

    crowd.run(work)


def test_heads_that_nobody_asked_for_are_known_while_the_database_is_away(crowd: Crowd):
    async def work(serving: Serving) -> None:
        crowd.move(3, BASE_VERSION)
        serving._follower.catch_up()
        serving._head._sessions = open_sessions("postgresql://nobody@127.0.0.1:1/none")
        assert {number: serving._head.read_or_remember(f"n{number}").version for number in (2, 3)} == {2: 2, 3: 0}
        with pytest.raises(HeadUnknown):
            serving._head.read_or_remember("n99")

    crowd.run(work)


def test_a_namespace_that_is_made_meanwhile_is_followed(crowd: Crowd):
    async def work(serving: Serving) -> None:
        with crowd.sessions() as session:
            namespaces.create(session, "late", reason=None, actor=TESTER)
            assert session.get_one(Head, "late").live_version == BASE_VERSION
        serving._follower.catch_up()
        (answer,) = await (await serving.ask(asked(serving, "late"))).answers()
        assert answer.version == BASE_VERSION

    crowd.run(work)
