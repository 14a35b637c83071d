"""The commands of `slotwise` for files of facts, for jobs that are to end, and for learning as a whole, over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from app.client import ClientError
from app.client.clients import LOCAL_URL
from app.reached import AsJson, Key, Url, reached
from app.shown import Shown

app = typer.Typer()

Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


@app.command("import")
def import_facts(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .csv, .jsonl or .ndjson file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing, and tell what would be.")] = False,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Teach the facts of a file, of any length; lines that are refused hold up no other."""
    shown = Shown(as_json)
    with reached(url, key) as service:
        try:
            with shown.sending(file.name, file.stat().st_size) as told:
                report = service.import_facts(file, dry_run=dry_run, on_progress=told)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        shown.imported(report)
    if report.refused:
        raise ClientError(f"{report.refused:,} of {report.lines:,} lines were refused")


@app.command()
def cancel(
    job: Annotated[int, typer.Argument(min=0, help="Number of the job.")],
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Cancel a job that is queued or running: nothing of it goes live."""
    with reached(url, key) as service:
        Shown(as_json).one(service.cancel(job))


@app.command()
def pause(reason: Reason, url: Url = LOCAL_URL, key: Key = "", as_json: AsJson = False) -> None:
    """Begin no job until it is resumed; facts are taken in and wait."""
    with reached(url, key) as service:
        Shown(as_json).one(service.pause(reason))


@app.command()
def resume(reason: Reason, url: Url = LOCAL_URL, key: Key = "", as_json: AsJson = False) -> None:
    """Let learning go on."""
    with reached(url, key) as service:
        Shown(as_json).one(service.resume(reason))
