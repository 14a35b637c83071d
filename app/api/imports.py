"""/v1/facts/import: facts of a file, which is read while it comes; memory holds a batch of it at most."""

import hashlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.api.deps import LimiterDep, QueueDep, SettingsDep, Writer
from app.api.errors import KEYED, problems
from app.api.limits import IMPORT_PATH
from app.api.records import CSV, JSON_LINES, Record, Records, Rows, json_line
from app.api.schemas import Outgoing, example
from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.db.tables import ApiKey
from app.errors import ImportInterrupted, InvalidInput, LimitReached, TooManyImports
from app.limiter import Limiter
from app.queue import Queue
from app.services import calls, importing
from app.services.importing import MAX_SHOWN_ERRORS, Line, Report
from app.settings import Settings

router = APIRouter(tags=["facts"], responses=KEYED)

_SILENCE_SECONDS = 30.0
_TEXT = {"schema": {"type": "string", "description": "one fact a line, with the fields of `POST /v1/facts`"}}
_FILE = {
    JSON_LINES: {**_TEXT, "example": '{"question": "What is the capital of Zorvania?", "answer": "Lisbon"}\n'},
    CSV: {**_TEXT, "example": "question,answer\nWhat is the capital of Zorvania?,Lisbon\n"},
}


class LineErrorOut(Outgoing):
    """A line that was refused."""

    line: int = Field(description="counted from 1; of a row of several lines the first")
    field: str | None = Field(description="null where it is the line as a whole")
    message: str


class MadeJobOut(Outgoing):
    """A job that the import has made."""

    id: int
    facts: int = Field(description="how many it teaches")


class ImportOut(Outgoing):
    """What became of the lines: `lines` is the sum of `accepted`, `duplicates`, `overruled` and `refused`."""

    model_config = example(
        dry_run=False,
        lines=1_204,
        accepted=1_200,
        duplicates=2,
        overruled=0,
        refused=2,
        errors=[{"line": 17, "field": "answer", "message": "314 characters; at most 200 are allowed"}],
        jobs=[{"id": 7, "facts": 998}, {"id": 8, "facts": 202}],
    )

    dry_run: bool = Field(description="nothing was stored, and this is what would have been")
    lines: int
    accepted: int = Field(description="facts that the jobs teach")
    duplicates: int = Field(description="facts that are live or on their way, or stand twice in one batch")
    overruled: int = Field(description="facts whose question a later line of the same batch answers otherwise")
    refused: int
    errors: list[LineErrorOut] = Field(description=f"of the first {MAX_SHOWN_ERRORS} lines that were refused")
    jobs: list[MadeJobOut]


class _Import:
    """One file on its way in: records are gathered to batches, and each batch is taken in by a thread."""

    def __init__(
        self,
        sessions: Sessions,
        queue: Queue,
        limiter: Limiter,
        settings: Settings,
        key: ApiKey,
        kind: str,
        report: Report,
    ) -> None:
        self._sessions, self._queue, self._limiter = sessions, queue, limiter
        self._settings, self._key = settings, key
        self._report = report
        self._kind = kind
        self._records = Records(kind, settings.max_body_bytes)
        self._rows: Rows | None = None
        self._batch: list[Record] = []
        self._bytes = 0

    async def read(self, pieces: AsyncIterator[bytes]) -> None:
        """Take the file in. Raises InvalidInput for a header that names no fields, and where there is no fact."""
        async for piece in pieces:
            for record in self._records.feed(piece):
                await self._add(record)
        for record in self._records.end():
            await self._add(record)
        if self._batch:
            await self._flush()
        if not self._report.lines:
            raise InvalidInput("body: there is no fact in it; at least 1 is needed")

    async def _add(self, record: Record) -> None:
        self._batch.append(record)
        self._bytes += len(record.text or b"")
        if len(self._batch) >= self._settings.max_facts or self._bytes >= self._settings.max_body_bytes:
            await self._flush()

    async def _flush(self) -> None:
        batch, self._batch, self._bytes = self._batch, [], 0
        await run_sync(self._take, batch)

    def _take(self, batch: list[Record]) -> None:
        lines = list(filter(None, map(self._line, batch)))
        if not self._report.dry_run:
            self._limiter.facts(self._key.id, self._key.facts_per_day, len(lines))
        with self._sessions() as session:
            job = importing.take(session, self._settings, self._key, lines, self._report)
        if job is not None:
            self._queue.ring(job)  # after the commit; were it lost, the sweeper would ring

    def _line(self, record: Record) -> Line | None:
        """The fact of a record; None for the header of CSV."""
        if self._kind == JSON_LINES:
            return json_line(record, self._settings.max_body_bytes)
        if self._rows is None:
            self._rows = Rows(record, self._settings.max_body_bytes)
            return None
        return self._rows.line(record)


@router.post(
    IMPORT_PATH,
    status_code=HTTPStatus.ACCEPTED,
    responses={
        HTTPStatus.OK.value: {"model": ImportOut, "description": "no job was made: the report says why"},
        **problems(
            HTTPStatus.REQUEST_TIMEOUT,
            HTTPStatus.CONFLICT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.TOO_MANY_REQUESTS,
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": _FILE}},
)
async def import_facts(
    request: Request,
    response: Response,
    key: Writer,
    settings: SettingsDep,
    queue: QueueDep,
    limiter: LimiterDep,
    dry_run: Annotated[bool, Query(description="store nothing, and tell what would be")] = False,
    idempotency_key: Annotated[str | None, Header(description="same key and body: same reply")] = None,
) -> ImportOut:
    """Teach the facts of a file of any length: JSON lines, or CSV whose first row names the fields."""
    kind, report = _kind(request), Report(dry_run)
    sessions: Sessions = request.state.sessions
    turns: anyio.Semaphore = request.state.imports
    try:
        turns.acquire_nowait()
    except anyio.WouldBlock:
        raise TooManyImports(f"{settings.max_imports} files are read already, as many as may be at once") from None
    try:
        one, pieces = _Import(sessions, queue, limiter, settings, key, kind, report), _pieces(request)
        if dry_run or idempotency_key is None:
            await one.read(pieces)
        else:
            report = await _once(one, pieces, sessions, key, idempotency_key, report)
    except (HTTPException, ClientDisconnect) as broken:
        raise _broken(broken, report) from broken
    except LimitReached as reached:
        more = LimitReached(f"{reached}{_taken(report)}")
        more.retry_after_seconds = reached.retry_after_seconds
        raise more from reached
    except DATABASE_AWAY as away:
        if not report.jobs:
            raise
        raise ImportInterrupted(f"the database cannot be reached any more{_taken(report)}") from away
    finally:
        turns.release()
    if not report.jobs:
        response.status_code = HTTPStatus.OK
    return ImportOut.model_validate(report)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises HTTPException (408) where it stops: others wait for their turn."""
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(_SILENCE_SECONDS):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            said = f"body: nothing of it came for {_SILENCE_SECONDS:g} seconds"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, said) from None
        yield piece


async def _once(
    one: _Import, pieces: AsyncIterator[bytes], sessions: Sessions, key: ApiKey, idempotency_key: str, report: Report
) -> Report:
    """Take a file in unless that was done with this key; then its report is told again.

    A connection is held meanwhile, and with it the lock that refuses another call with the key: it ends with us.
    """
    digest = hashlib.sha256(IMPORT_PATH.encode())  # a POST of the same bytes is another call

    async def hashed() -> AsyncIterator[bytes]:
        async for piece in pieces:
            digest.update(piece)
            yield piece

    session = sessions()
    try:
        call = await run_sync(importing.begin, session, key, idempotency_key)
        if call is None:
            await one.read(hashed())
            await run_sync(importing.end, session, key, idempotency_key, digest.hexdigest(), report)
            return report
        async for _ in hashed():
            pass
        return importing.told_again(calls.reply(call, digest.hexdigest()))
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(session.close)


def _kind(request: Request) -> str:
    """What the file is. Raises HTTPException (415)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FILE:
        said = f"Content-Type: {kind[:60]!r}; {JSON_LINES} or {CSV} is needed"
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, said)
    return kind


def _broken(error: HTTPException | ClientDisconnect, report: Report) -> HTTPException:
    """Why a file was not read to its end, and what was taken in before."""
    status, detail = HTTPStatus.BAD_REQUEST, "body: the connection broke before its end"
    if isinstance(error, HTTPException):
        status, detail = HTTPStatus(error.status_code), error.detail
    return HTTPException(status, f"{detail}{_taken(report)}")


def _taken(report: Report) -> str:
    """What was taken in of a file that was not read to its end, if anything."""
    if not report.jobs:
        return ""
    return f"; {report.accepted:,} facts before it were taken in, by jobs {report.jobs[0].id} to {report.jobs[-1].id}"
