"""The commands of `slotwise` for documents, over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from app.client.clients import LOCAL_URL
from app.client.documents import text_of
from app.reached import AsJson, Key, Url, followed, reached
from app.shown import Shown
from app.shown_documents import ShownDocuments

app = typer.Typer()


@app.command()
def read(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .txt, .md or .markdown file.")],
    title: Annotated[str | None, typer.Option(help="What it is about, if its first heading does not say so.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it is from; answers cite it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing, and tell what the rules read.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it is read and its facts are live.")] = False,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Teach what a document says."""
    try:
        text, form = text_of(file)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    shown = ShownDocuments(as_json)
    with reached(url, key) as service:
        if dry_run:
            shown.rehearsed(service.rehearse_document(text, format=form, title=title, source=source))
            return
        sent = service.read_document(text, format=form, title=title, source=source)
        shown.sent(sent)
        if follow:
            followed(service, sent.job.id, Shown(as_json))
            for job in (service.job(sent.job.id).report or {}).get("jobs", ()):
                followed(service, job, Shown(as_json))
            if not as_json:
                shown.whole(service.document(sent.document.id))


@app.command()
def documents(
    document: Annotated[int | None, typer.Argument(min=0, help="Number of one document, to see all of it.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Drop its text, and forget what it alone taught.")] = False,
    cursor: Annotated[int | None, typer.Option(min=0, help="What the page before named as its next one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    url: Url = LOCAL_URL,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List documents, newest first, show one, or forget one."""
    if forget and document is None:
        raise typer.BadParameter("--forget needs the number of a document")
    shown = ShownDocuments(as_json)
    with reached(url, key) as service:
        if document is None:
            shown.page(service.documents(cursor=cursor, limit=limit))
        elif forget:
            shown.forgotten(service.forget_document(document))
        else:
            shown.whole(service.document(document))
