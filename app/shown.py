"""Results of the client on a terminal: tables and sentences for people, or JSON for programs, one document a line."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from app.client.results import (
    Activated,
    Answer,
    ApiKey,
    Engine,
    Fact,
    Imported,
    Job,
    Namespace,
    Page,
    Piece,
    Ready,
    Taught,
    Version,
)

_DIM = "dim"


class Shown:
    """Where results go; `as_json` says in which of the two forms."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False)

    def one(self, result: BaseModel) -> None:
        """All fields of one thing."""
        if self._as_json:
            return self._json(result)
        table = Table(show_header=False, box=None)
        for name, value in result.model_dump(mode="json").items():
            if value not in (None, [], {}):
                table.add_row(Text(name, style=_DIM), Text(value if isinstance(value, str) else _plain(value)))
        return self._console.print(table)

    def taught(self, taught: Taught) -> None:
        """The numbers under which to find what was sent."""
        if self._as_json:
            return self._json(taught)
        facts = ", ".join(f"fact {fact.id} is {fact.status}" for fact in taught.facts)
        return self._say(f"{facts}; job {taught.job.id} is {taught.job.state}")

    def imported(self, report: Imported) -> None:
        """What became of the lines of a file."""
        if self._as_json:
            return self._json(report)
        counts = f"{report.accepted:,} accepted, {report.duplicates:,} duplicates, {report.refused:,} refused"
        overruled = f", {report.overruled:,} answered otherwise by a later line" if report.overruled else ""
        self._say(f"{report.lines:,} facts: {counts}{overruled}{'; nothing was stored' if report.dry_run else ''}")
        if report.jobs:
            self._say(f"jobs {report.jobs[0].id} to {report.jobs[-1].id}", _DIM)
        if report.errors:
            rows = ((error.line, error.field, error.message) for error in report.errors)
            self._console.print(_table(("line", "field", "refused because"), rows))
        return None

    @contextmanager
    def sending(self, name: str, size: int) -> Iterator[Callable[[int], None] | None]:
        """What is to be told how many bytes of a file are sent; None where nobody watches."""
        if self._as_json or not self._console.is_terminal:
            yield None
            return
        with Progress(TextColumn(name), BarColumn(), DownloadColumn(), console=self._console, transient=True) as bar:
            task = bar.add_task(name, total=size)
            yield lambda sent: bar.update(task, completed=sent)

    def answer(self, answer: Answer) -> None:
        """An answer as a whole, and where it is from."""
        if self._as_json:
            return self._json(answer)
        self._say("nothing that was taught answers this" if answer.answer is None else answer.answer)
        return self._say(_origin(answer), _DIM)

    def piece(self, piece: Piece) -> None:
        """What a stream adds; programs get the whole answer instead."""
        if not self._as_json:
            self._console.print(Text(piece.text), end="", soft_wrap=True)

    def told(self, answer: Answer) -> None:
        """The end of a stream whose pieces have been shown."""
        if self._as_json:
            return self._json(answer)
        self._console.print()
        return self._say(_origin(answer), _DIM)

    def lines(self) -> Iterator[str]:
        """What somebody types, line by line, without blank ones; a program's input gets no prompt."""
        while True:
            try:
                line = input("> " if sys.stdin.isatty() and not self._as_json else "")
            except (EOFError, KeyboardInterrupt):
                return
            if line.strip():
                yield line

    def facts(self, page: Page[Fact]) -> None:
        """A page of facts."""
        rows = (
            (fact.id, fact.status, fact.question or fact.statement, fact.answer, fact.source, fact.version)
            for fact in page.items
        )
        self._page(page, ("fact", "status", "question or statement", "answer", "source", "version"), rows)

    def jobs(self, page: Page[Job]) -> None:
        """A page of jobs."""
        rows = (
            (job.id, job.state, f"{job.progress.done} of {job.progress.total}", job.version, job.error, job.created_at)
            for job in page.items
        )
        self._page(page, ("job", "state", "facts", "version", "error", "since"), rows)

    def versions(self, page: Page[Version]) -> None:
        """A page of versions."""
        rows = (
            (one.id, "live" if one.live else one.state, one.parent_id, one.kind, one.facts, one.slots, one.created_at)
            for one in page.items
        )
        self._page(page, ("version", "state", "parent", "kind", "facts", "slots", "since"), rows)

    def keys(self, page: Page[ApiKey]) -> None:
        """A page of API keys."""
        rows = (
            (
                key.id,
                key.name,
                key.namespace,
                key.role,
                "good" if key.revoked_at is None else "revoked",
                key.requests_per_minute,
                key.facts_per_day,
                key.last_used_at,
                key.created_at,
            )
            for key in page.items
        )
        columns = ("key", "name", "namespace", "role", "state", "requests a minute", "facts a day", "used", "since")
        self._page(page, columns, rows)

    def namespaces(self, page: Page[Namespace]) -> None:
        """A page of namespaces."""
        rows = ((one.name, one.live, one.facts, one.reason, one.actor, one.created_at) for one in page.items)
        self._page(page, ("namespace", "live version", "live facts", "reason", "made by", "since"), rows)

    def moved(self, activated: Activated) -> None:
        """Which version is live now."""
        if self._as_json:
            return self._json(activated)
        return self._say(f"version {activated.live} is live; it was version {activated.previous}")

    def status(self, ready: Ready, engines: Sequence[Engine] | None) -> None:
        """Whether queries are answered; engines are None where the key may not see them."""
        if self._as_json:
            shown = None if engines is None else [engine.model_dump(mode="json") for engine in engines]
            return self._line(_plain({**ready.model_dump(mode="json"), "engines": shown}))
        lag = "the database is away" if ready.lag is None else f"{ready.lag} moves behind the head"
        self._say(f"{ready.status}: version {ready.version} answers, the head is {ready.head} ({lag})")
        if ready.learning == "paused":
            self._say("learning is paused; `slotwise resume` lets it go on")
        for process in ready.processes or ():
            if process.ends and process.ended_at:
                times = "once" if process.ends == 1 else f"{process.ends} times in a row"
                now = "runs again" if process.state == "running" else "is started again soon"
                self._say(f"{process.name} {now}: it ended by itself {times}, last at {process.ended_at:%H:%M:%S %Z}")
        if engines is None:
            return None
        rows = ((one.id, "alive" if one.alive else "silent", one.version, one.lag, one.heartbeat) for one in engines)
        return self._console.print(_table(("engine", "state", "version", "lag", "heartbeat"), rows))

    @contextmanager
    def progress(self, job: int) -> Iterator[Callable[[Job], None]]:
        """What is to be told of a job's states while it is followed."""
        if self._as_json:
            yield self._json
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=self._console) as bar:
            task = bar.add_task(f"job {job}", total=None)

            def told(news: Job) -> None:
                end = f", version {news.version}" if news.has_ended and news.version is not None else ""
                bar.update(
                    task,
                    description=f"job {job} {news.state}{end}",
                    completed=news.progress.done,
                    total=news.progress.total,
                )

            yield told

    def _page(self, page: Page[Any], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        if self._as_json:
            return self._json(page)
        self._console.print(_table(columns, rows))
        if page.next_cursor is not None:
            self._say(f"there are more: --cursor {page.next_cursor}", _DIM)
        return None

    def _rows(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self._console.print(_table(columns, rows))

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _json(self, result: BaseModel) -> None:
        self._line(_plain(result.model_dump(mode="json")))

    def _line(self, text: str) -> None:
        self._console.out(text, highlight=False)


def _origin(answer: Answer) -> str:
    facts = "".join(
        f" · fact {one.fact}{f' of {one.source}' if one.source else ''}, gate {one.gate:.2f}"
        for one in answer.citations
    )
    return f"version {answer.version}{facts}{' · cut' if answer.finish == 'length' else ''}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
