"""GET /metrics for Prometheus: what this process measures, and what the database tells within a second and a half.

It takes a key, as all calls do but the two of health: counts tell how much is taught and asked. A scrape must be
answered when nothing else is, so a key that was good stays good here while the database is away: nobody can revoke one
then. `SLOTWISE_METRICS_OPEN` asks for no key.
"""

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from app.api.deps import Given, ServingDep, SettingsDep
from app.api.errors import KEYED
from app.api.keyring import Keyring
from app.api.ledger import FigureGauges, Ledger
from app.db.outage import DATABASE_AWAY
from app.errors import KeyRejected, OfMainOnly, RoleTooLow, Unavailable
from app.services import keys
from app.services.figures import Figures

router = APIRouter(tags=["health"])
T = TypeVar("T")
_PATIENCE = 1.5  # seconds that a scrape waits for the database
_EXAMPLE: dict[str, Any] = {"content": {"text/plain": {"example": 'slotwise_facts{status="live"} 260.0\n'}}}


class OneAtATime(Generic[T]):
    """Runs one piece of work after the other, each on a thread; callers wait no longer than they like.

    A database that is frozen holds a thread for as long as it is. So there is never more than one here.
    """

    def __init__(self) -> None:
        self._last: Future[T] | None = None

    async def run(self, work: Callable[[], T], seconds: float) -> T:
        """What `work` gives, or raises. Raises TimeoutError, too; the work then goes on."""
        end = time.monotonic() + seconds
        while self._last is not None and not self._last.done():
            await _done(self._last, end)
        self._last = started = Future[T]()
        threading.Thread(target=_fill, args=[started, work], name="scrape", daemon=True).start()
        await _done(started, end)
        return started.result(0)


async def _done(future: "Future[T]", end: float) -> None:
    waited = asyncio.wrap_future(future)
    waited.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is raised where it was asked for
    if not (await asyncio.wait([waited], timeout=max(0.0, end - time.monotonic())))[0]:
        raise TimeoutError


def _fill(future: "Future[T]", work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # whoever waits for it raises it
        future.set_exception(error)


class Scrapes:
    """Lets scrapers in and reads the ledger for them.

    Keys that are not known to be good wait in a line of their own: whoever sends many holds up no scraper.
    """

    def __init__(self, ledger: Ledger, keyring: Keyring) -> None:
        self.ledger = ledger
        self._keyring = keyring
        self._door, self._reader = OneAtATime[None](), OneAtATime[Figures]()
        self._good: dict[bytes, int] = {}  # ids by hash, of keys that were good when the database was last asked

    async def read(self, plain: str | None) -> tuple[int | None, Figures | None]:
        """The id of a key, and the figures; None where the database does not tell them in time.

        plain  the key; None where none is asked for
        Raises KeyRejected, RoleTooLow, OfMainOnly, Unavailable.
        """
        end = time.monotonic() + _PATIENCE
        digest = hashlib.sha256((plain or "").encode(errors="backslashreplace")).digest()
        if plain is not None and digest not in self._good:
            with suppress(TimeoutError, *DATABASE_AWAY):
                await self._door.run(partial(self._check, plain, digest), _PATIENCE)
        key = None if plain is None else self._good.get(digest)
        if plain is not None and key is None:
            raise Unavailable("the database does not answer, and keeps whether this key is good")
        with suppress(TimeoutError, *DATABASE_AWAY):
            return key, await self._reader.run(partial(self._read, plain, digest), end - time.monotonic())
        return key, None

    def _read(self, plain: str | None, digest: bytes) -> Figures:
        if plain is not None:
            self._check(plain, digest)
        return self.ledger.read()

    def _check(self, plain: str, digest: bytes) -> None:
        try:
            key = self._keyring.authenticate(plain)
            keys.require(key, "reader")
            keys.require_main(key)
        except (KeyRejected, RoleTooLow, OfMainOnly):
            self._good.pop(digest, None)
            raise
        self._good[digest] = key.id


class _Together(Collector):
    """Several registries as one."""

    def __init__(self, *parts: CollectorRegistry | Collector) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        for part in self._parts:
            yield from part.collect()


@router.get("/metrics", response_class=PlainTextResponse, responses={HTTPStatus.OK.value: _EXAMPLE, **KEYED})
async def metrics(request: Request, given: Given, serving: ServingDep, settings: SettingsDep) -> Response:
    """Metrics in Prometheus' text format. Each process of the API has its own: scrape all of them."""
    if given is None and not settings.metrics_open:
        raise KeyRejected("there is no API key; send the header Authorization: Bearer sw_…")
    scrapes: Scrapes = request.state.scrapes
    plain = None if settings.metrics_open or given is None else given.credentials
    request.state.key_id, figures = await scrapes.read(plain)
    parts = _Together(FigureGauges(figures), scrapes.ledger.registry, serving.instruments.registry)
    return Response(generate_latest(parts), media_type=CONTENT_TYPE_PLAIN_0_0_4)
