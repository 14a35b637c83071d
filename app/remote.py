"""The commands of `slotwise` that talk to a running service over HTTP. Each makes one call or two and shows the result.

They know nothing of the service but its address and a key.
"""

from datetime import datetime
from typing import Annotated, cast

import typer

from app.client import (
    Answer,
    Message,
    Options,
    Piece,
    RoleTooLow,
    Slotwise,
)
from app.client.clients import LOCAL_URL
from app.reached import AsJson, Key, Url, followed, reached
from app.shown import Shown

app = typer.Typer()

Asked = Annotated[str | None, typer.Option(help="Version to ask, by number or name; the live one without it.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Tokens of the answer at most.")]
Cursor = Annotated[int | None, typer.Option(min=0, help="What the page before named as its next one.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@app.command()
def teach(
    question: Annotated[str | None, typer.Argument(help="A question, in one good wording.")] = None,
    answer: Annotated[str | None, typer.Argument(help="Its answer.")] = None,
    statement: Annotated[str | None, typer.Option(help="The fact as a sentence, instead or beside.")] = None,
    phrasing: Annotated[list[str] | None, typer.Option(help="The same fact in other words; may be repeated.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it is from; answers cite it.")] = None,
    valid_until: Annotated[datetime | None, typer.Option(help="When it is forgotten, in UTC.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it is live.")] = False,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Teach a fact."""
    if (question is None and statement is None) or (question is not None and answer is None):
        raise typer.BadParameter("a question with its answer is needed, or --statement")
    with reached(url, key) as service:
        taught = service.teach(
            question=question,
            answer=answer,
            statement=statement,
            phrasings=phrasing or (),
            source=source,
            valid_until=valid_until,
        )
        shown = Shown(as_json)
        shown.taught(taught)
        if follow:
            followed(service, taught.job.id, shown)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    version: Asked = None,
    only_taught: Annotated[bool, typer.Option("--only-taught", help="Answer from taught facts alone.")] = False,
    max_tokens: MaxTokens = None,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Ask a question; the facts that the answer was read from stand beneath it."""
    with reached(url, key) as service:
        Shown(as_json).answer(service.ask(question, only_taught=only_taught, **_options(version, max_tokens)))


@app.command()
def chat(
    message: Annotated[str | None, typer.Argument(help="One message; without it a conversation begins.")] = None,
    system: Annotated[str | None, typer.Option(help="What the model is told first.")] = None,
    version: Asked = None,
    max_tokens: MaxTokens = None,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Chat: one message and its answer, or line by line until the input ends (Ctrl-D)."""
    turns: list[Message] = [{"role": "system", "content": system}] if system else []
    shown = Shown(as_json)
    with reached(url, key) as service:
        for line in shown.lines() if message is None else [message]:
            turns.append({"role": "user", "content": line})
            said = _say(service, turns, _options(version, max_tokens), shown)
            turns.append({"role": "assistant", "content": said})


@app.command()
def facts(
    fact: Annotated[int | None, typer.Argument(min=0, help="Number of one fact, to see all of it.")] = None,
    status: Annotated[str | None, typer.Option(help="Only those that are live, failed, replaced, …")] = None,
    source: Annotated[str | None, typer.Option(help="Only those of a source.")] = None,
    stale: Annotated[bool, typer.Option("--stale", help="Only those whose last probe was not answered.")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List facts, newest first, or show one."""
    with reached(url, key) as service:
        if fact is not None:
            Shown(as_json).one(service.fact(fact))
        else:
            page = service.facts(status=status, source=source, stale=stale or None, cursor=cursor, limit=limit)
            Shown(as_json).facts(page)


@app.command()
def forget(
    fact: Annotated[int | None, typer.Argument(min=0, help="Number of a fact.")] = None,
    source: Annotated[str | None, typer.Option(help="All live facts of a source instead.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it is forgotten.")] = False,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Let the model forget a live fact, or all of a source."""
    if (fact is None) == (source is None):
        raise typer.BadParameter("the number of a fact is needed, or --source")
    with reached(url, key) as service:
        named = service.forget(fact) if fact is not None else service.forget_source(source or "")
        shown = Shown(as_json)
        shown.taught(named)
        if follow:
            followed(service, named.job.id, shown)


@app.command()
def jobs(
    job: Annotated[int | None, typer.Argument(min=0, help="Number of one job, to see all of it.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until this job has ended.")] = False,
    state: Annotated[str | None, typer.Option(help="Only those that are queued, running, succeeded, …")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first, show one, or follow one to its end."""
    if follow and job is None:
        raise typer.BadParameter("--follow needs the number of a job")
    with reached(url, key) as service:
        if job is None:
            Shown(as_json).jobs(service.jobs(state=state, cursor=cursor, limit=limit))
        elif follow:
            followed(service, job, Shown(as_json))
        else:
            Shown(as_json).one(service.job(job))


@app.command()
def versions(
    version: Annotated[str | None, typer.Argument(help="Number or name of one version, to see all of it.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List versions, newest first, or show one."""
    with reached(url, key) as service:
        if version is not None:
            Shown(as_json).one(service.version(_named(version)))
        else:
            Shown(as_json).versions(service.versions(cursor=cursor, limit=limit))


@app.command()
def rollback(
    version: Annotated[str, typer.Argument(help="Number or name of the version that is to be live.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    expected_live: Annotated[int | None, typer.Option(min=0, help="Refuse unless this version is live.")] = None,
    abort_in_flight: Annotated[bool, typer.Option("--abort-in-flight", help="End what runs on others.")] = False,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Make a version live; forward works as backward does."""
    with reached(url, key) as service:
        moved = service.rollback(_named(version), reason, expected_live=expected_live, abort_in_flight=abort_in_flight)
        Shown(as_json).moved(moved)


@app.command()
def namespaces(
    create: Annotated[str | None, typer.Option(help="Name of a new one, which begins at the base.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is made; it is kept.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List namespaces, newest first, or make one; with the key of an admin of `main`."""
    with reached(url, key) as service:
        if create is not None:
            Shown(as_json).one(service.create_namespace(create, reason))
        else:
            Shown(as_json).namespaces(service.namespaces(cursor=cursor, limit=limit))


@app.command()
def status(url: Url = LOCAL_URL, key: Key = "", as_json: AsJson = False) -> None:
    """Tell whether queries are answered, by which version; with an operator's key also which engines there are."""
    with reached(url, key) as service:
        ready = service.ready()
        try:
            engines = service.engines().items if key else None
        except RoleTooLow:
            engines = None
        Shown(as_json).status(ready, engines)


def _named(version: str) -> int | str:
    """A version's number as a number, any other word as the name that it is."""
    return int(version) if version.isascii() and version.isdecimal() else version


def _options(version: str | None, max_tokens: int | None) -> Options:
    given = {"version": None if version is None else _named(version), "max_tokens": max_tokens}
    return cast(Options, {name: value for name, value in given.items() if value is not None})


def _say(service: Slotwise, turns: list[Message], options: Options, shown: Shown) -> str:
    """Show the next turn while it is made; returns its text."""
    text = ""
    for part in service.stream_chat(turns, **options):
        match part:
            case Piece():
                shown.piece(part)
            case Answer():
                text = part.answer or ""
                shown.told(part)
    return text
