"""From the engine's thread to the event loop: one wake-up for all that was said since the last."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from model.engine import Answer, Generation, Piece

Heard = tuple[int, Piece | None]  # which generation of a feed, and its next piece; None: it has ended


class Relay:
    """Carries what threads say to tasks of one event loop.

    A step of the engine adds a piece to every running answer. Woken for each of them, the loop would do nothing
    else; it is woken once, and hands out whatever is there by then.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._said: deque[tuple[Feed, Heard]] = deque()
        self._woken = False

    def say(self, feed: "Feed", heard: Heard) -> None:
        """Hand `heard` to who reads `feed`; from any thread, and it does not wait."""
        self._said.append((feed, heard))
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
                self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._woken = False  # before the last look, so that nothing said meanwhile is left lying
        while self._said:
            feed, heard = self._said.popleft()
            feed.hear(heard)


class Feed:
    """Generations of one call, followed on the event loop by one task: their pieces as they come, and their ends.

    pieces  whether pieces are wanted, or the ends alone
    """

    def __init__(self, relay: Relay, *, pieces: bool) -> None:
        self.generations: list[Generation] = []
        self._relay = relay
        self._pieces = pieces
        self._heard: list[Heard] = []
        self._waiter: asyncio.Future[None] | None = None

    def add(self, submit: Callable[[Callable[[Piece], None] | None], Generation]) -> Generation:
        """Follow what `submit` gives; it is called with what hears the pieces."""
        index = len(self.generations)
        listener = (lambda piece: self._relay.say(self, (index, piece))) if self._pieces else None
        generation = submit(listener)
        self.generations.append(generation)
        generation.add_done_callback(lambda _: self._relay.say(self, (index, None)))
        return generation

    def hear(self, heard: Heard) -> None:
        """What the relay delivers, on the event loop."""
        self._heard.append(heard)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def heard(self) -> list[Heard]:
        """All that was said since the last call, in its order; waits until there is something."""
        if not self._heard:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        heard, self._heard = self._heard, []
        return heard

    async def answers(self) -> list[Answer]:
        """All answers, when all have come; raises what ended the first generation that has none."""
        answers: dict[int, Answer] = {}
        while len(answers) < len(self.generations):
            for index, piece in await self.heard():
                if piece is None:
                    answers[index] = self.generations[index].result(0)
        return [answers[index] for index in range(len(answers))]

    def cancel(self) -> None:
        """End whatever has not ended yet: nobody waits for it any more."""
        for generation in self.generations:
            generation.cancel()
