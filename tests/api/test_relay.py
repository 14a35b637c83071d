"""From the engine's thread to the event loop: all is heard once and in order, and the loop is woken seldom."""

import asyncio
import threading
from concurrent.futures import Future

import pytest

from app.serving import Feed, Relay
from model.engine import Piece
from model.errors import Cancelled


class Said:
    """A generation that a test ends by hand."""

    def __init__(self) -> None:
        self.future: Future[str] = Future()
        self.cancelled = False

    def result(self, timeout: float) -> str:
        return self.future.result(timeout)

    def add_done_callback(self, callback) -> None:
        self.future.add_done_callback(lambda _: callback(self))

    def cancel(self) -> None:
        self.cancelled = True


def test_what_threads_say_is_heard_once_and_in_their_order():
    speakers, words = 8, 500

    async def listen(feed: Feed, said: list[Said]) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in said]
        left = len(said)
        while left:
            for index, piece in await feed.heard():
                left -= piece is None
                if piece is not None:
                    found[index].append(piece.text)
        return found

    async def main() -> list[list[str]]:
        feed, said, listeners = Feed(Relay(asyncio.get_running_loop()), pieces=True), [], []
        for _ in range(speakers):
            said.append(feed.add(lambda listener: listeners.append(listener) or Said()))

        def speak(index: int) -> None:
            for word in range(words):
                listeners[index](Piece(str(word)))
            said[index].future.set_result("")

        threads = [threading.Thread(target=speak, args=[index]) for index in range(speakers)]
        for thread in threads:
            thread.start()
        found = await listen(feed, said)
        for thread in threads:
            thread.join()
        return found

    assert asyncio.run(main()) == [[str(word) for word in range(words)]] * speakers


def test_the_loop_is_woken_once_for_all_that_a_step_says(monkeypatch):
    async def main() -> int:
        loop = asyncio.get_running_loop()
        wakes = 0
        call_soon_threadsafe = loop.call_soon_threadsafe

        def counted(*arguments):
            nonlocal wakes
            wakes += 1
            return call_soon_threadsafe(*arguments)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        relay = Relay(loop)
        feeds = [Feed(relay, pieces=True) for _ in range(32)]
        for _ in range(3):  # steps, between which the loop turns
            for feed in feeds:
                relay.say(feed, (0, Piece("x")))
            assert [len(await feed.heard()) for feed in feeds] == [1] * len(feeds)
        return wakes

    assert asyncio.run(main()) == 3


def test_answers_come_in_the_order_of_the_prompts_and_the_first_failure_ends_the_wait():
    async def main(ends: list[str | Exception]) -> list[str]:
        feed = Feed(Relay(asyncio.get_running_loop()), pieces=False)
        said = [feed.add(lambda listener: Said()) for _ in range(3)]
        for generation, end in reversed(list(zip(said, ends, strict=True))):
            if isinstance(end, Exception):
                generation.future.set_exception(end)
            elif end:
                generation.future.set_result(end)
        try:
            return await asyncio.wait_for(feed.answers(), 5)
        finally:
            feed.cancel()
            assert all(generation.cancelled for generation in said)

    assert asyncio.run(main(["a", "b", "c"])) == ["a", "b", "c"]
    with pytest.raises(Cancelled, match="second"):
        asyncio.run(main(["", Cancelled("the second"), "c"]))


def test_a_loop_that_is_closed_hears_nothing_and_hurts_nobody():
    async def made() -> tuple[Relay, Feed]:
        relay = Relay(asyncio.get_running_loop())
        return relay, Feed(relay, pieces=True)

    relay, feed = asyncio.run(made())
    relay.say(feed, (0, Piece("x")))
    relay.say(feed, (0, None))
