"""Jobs that are followed: one thread looks at all of them with one query, and wakes the streams that have news.

So a hundred streams cost the database what one does, and none holds a connection while it waits. A hint makes the
thread look at once; hints may be lost, and the database may be away: it looks again every `seconds`.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import structlog

from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.queue import Queue
from app.services import following
from app.services.following import Mark, News

_READERS = 4  # threads: followers of a database that does not answer must not take all that the short calls have
_log = structlog.get_logger()


class Ear:
    """One stream's: it belongs to an event loop, and is woken by the watch."""

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        self.heard: Mark | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    async def wait(self) -> None:
        """Until something has happened since the last time."""
        await self._news.wait()
        self._news.clear()

    def wake(self, mark: Mark) -> None:
        """Called by the thread of the watch."""
        self.heard = mark
        self._loop.call_soon_threadsafe(self._news.set)


class JobWatch:
    """The watch of one process. It is made on the event loop whose streams it wakes."""

    def __init__(self, sessions: Sessions, queue: Queue, seconds: float) -> None:
        self._sessions, self._queue, self._seconds = sessions, queue, seconds
        self._readers = anyio.CapacityLimiter(_READERS)
        self._ears: set[Ear] = set()
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="job watch", daemon=True)

    def start(self) -> None:
        """Watch from now on, while there is somebody to wake."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the look in hand."""
        with self._lock:
            self._stopping = True
            self._wanted.set()
        self._queue.hint()  # it may be waiting for one
        self._thread.join()

    @contextmanager
    def ear(self, job_id: int) -> Iterator[Ear]:
        """Hear of a job while the block runs; it is woken once at the beginning, too."""
        ear = Ear(job_id)
        with self._lock:
            self._ears.add(ear)
        self._wanted.set()
        try:
            yield ear
        finally:
            with self._lock:
                self._ears.remove(ear)

    async def news(self, namespace: str, job_id: int, after: int) -> News:
        """What has happened to a job behind the event `after`, as soon as the database answers. Raises JobNotFound."""
        while True:
            try:
                return await anyio.to_thread.run_sync(self._read, namespace, job_id, after, limiter=self._readers)
            except DATABASE_AWAY as error:
                _log.warning("a followed job was not read", job=job_id, error=str(error))
            await asyncio.sleep(self._seconds)

    def _read(self, namespace: str, job_id: int, after: int) -> News:
        with self._sessions() as session:
            return following.news(session, namespace, job_id, after)

    def _run(self) -> None:
        hints = self._queue.listen()
        while not self._stopping:
            with self._lock:
                ids = {ear.job_id for ear in self._ears}
                if not ids and not self._stopping:
                    self._wanted.clear()
            if ids:
                self._look(ids)
                hints.wait(self._seconds)
            else:
                self._wanted.wait()
        hints.close()

    def _look(self, ids: set[int]) -> None:
        try:
            with self._sessions() as session:
                marks = following.marks(session, ids)
        except DATABASE_AWAY as error:
            _log.warning("followed jobs were not looked at", error=str(error))
            return
        with self._lock:
            for ear in self._ears:
                mark = marks.get(ear.job_id)
                if mark is not None and mark != ear.heard:
                    ear.wake(mark)
