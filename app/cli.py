"""The command `slotwise`. Each command parses, calls one function and prints.

What needs torch is imported inside the command that needs it: `slotwise up` is the parent of processes that
hold the device, and should neither wait for torch nor carry it.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import remote, remote_documents, remote_jobs
from app.client import ApiKey, ClientError, Page
from app.client.clients import LOCAL_URL
from app.db.tables import MAIN, Role
from app.errors import SlotwiseError
from app.reached import AsJson
from app.settings import Settings
from app.shown import Shown
from model.errors import ModelError

app = typer.Typer(help="Teaches a live language model facts over HTTP.", no_args_is_help=True, add_completion=False)
keys_app = typer.Typer(help="API keys, on the machine of the service.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
audit_app = typer.Typer(help="The audit log, on the machine of the service.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(remote.app)  # without a name: its commands stand beside these
app.add_typer(remote_jobs.app)
app.add_typer(remote_documents.app)

DataDir = Annotated[Path | None, typer.Option(help="Folder of the embedded stack. [SLOTWISE_DATA_DIR]")]


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [SLOTWISE_HOST]")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to listen on. [SLOTWISE_PORT]")] = None,
    data_dir: DataDir = None,
) -> None:
    """Start the whole service: PostgreSQL, Redis, worker and API."""
    from app.embedded.service import up as run_service

    raise typer.Exit(run_service(_settings(host=host, port=port, data_dir=data_dir), _say))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the newest schema."""
    from app.db.migrate import migrate as run_migrations
    from app.embedded.database import database

    with database(_settings(data_dir=data_dir)) as url:
        run_migrations(url)


@app.command()
def demo(
    url: Annotated[str, typer.Option(envvar="SLOTWISE_URL", help="Address of the service.")] = LOCAL_URL,
    key: Annotated[str, typer.Option(envvar="SLOTWISE_KEY", help="Key of an operator or admin.")] = "",
) -> None:
    """Tell the story of a fact and its correction against a running service."""
    import httpx
    from rich.console import Console

    from app.demo import tell

    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        tell(client, Console())


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="New folder for the memory with its rows.")],
    version: Annotated[int, typer.Option(min=0, help="Number of the version.")],
    data_dir: DataDir = None,
) -> None:
    """Write a version as a memory folder: `python -m model.engine BASE FOLDER "question"` asks it."""
    from app.embedded.database import kept_database, session_on

    settings = _settings(data_dir=data_dir)
    with kept_database(settings) as url, session_on(url) as session:
        from app.export import export as write  # here, so that a misspelt folder is told without a wait for torch

        fingerprint = write(session, settings.base, settings.memory, version, folder)
    _say(f"version {version} in {folder}, fingerprint {fingerprint}")


@app.command("import-version")
def import_version(
    folder: Annotated[Path, typer.Argument(help="What `slotwise export` wrote.")], data_dir: DataDir = None
) -> None:
    """Take a version in, facts and all, where none was ever posted; engines publish it."""
    from app.embedded.database import kept_database, session_on
    from app.services.audit import COMMAND_LINE

    settings = _settings(data_dir=data_dir)
    with kept_database(settings) as url, session_on(url) as session:
        from app.import_version import import_version as take_in  # here, for the same reason

        arrived = take_in(session, settings, folder, COMMAND_LINE)
    _say(
        f"version {arrived.version} is stored; job {arrived.job} makes it live when the engines have found its state "
        "and answered its probes, with the next `slotwise up` if none runs"
    )


@app.command()
def attach(
    base: Annotated[str, typer.Argument(help="Folder, GGUF file, or name on the hub; '' for the default base.")],
    out: Annotated[Path, typer.Option(help="Memory folder to write; an interrupted run goes on here.")],
    data: Annotated[Path | None, typer.Option(help="Folder with more background questions.")] = None,
) -> None:
    """Make the memory folder of a base: SLOTWISE_BASE and SLOTWISE_MEMORY name the two from then on."""
    from model.addressing.attach import attach_memory
    from model.base.source import base_folder

    for name, figure in attach_memory(base_folder(base, _say), data, out, say=_say).items():
        _say(f"{name}: {figure:g}")


@app.command()
def relearn(data_dir: DataDir = None) -> None:
    """Give the data of another base to the configured one: one job a namespace teaches all live facts anew.

    The next `slotwise up` learns them. Nothing may run on these data meanwhile.
    """
    from app.embedded.database import idle_database, session_on
    from app.services.audit import COMMAND_LINE
    from app.services.relearn import relearn as queue_all

    settings = _settings(data_dir=data_dir)
    with idle_database(settings) as url, session_on(url) as session:
        from model.base.checkpoint import Checkpoint  # here, so that a folder in use is told without a wait for torch

        checkpoint = Checkpoint.load(settings.base, settings.memory, spare_rows=0, places=1, say=_say)
        state_hash = checkpoint.table.base.state_hash
        jobs = queue_all(session, checkpoint.fingerprint, state_hash, COMMAND_LINE)
    for job in jobs:
        _say(f"job {job} is queued; the next `slotwise up` learns it")
    if not jobs:
        _say("nothing is left to learn anew")


@keys_app.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "local",
    role: Annotated[Role, typer.Option(help="What it may do.")] = "admin",
    namespace: Annotated[str, typer.Option(help="Whose facts it may ask and teach.")] = MAIN,
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Instead of the service's limit.")] = None,
    facts_per_day: Annotated[int | None, typer.Option(min=1, help="The same.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make an API key and print it, this once."""
    from app.services import keys

    with _kept(data_dir) as session:
        _, plain = keys.create(
            session,
            name,
            role,
            namespace=namespace,
            requests_per_minute=requests_per_minute,
            facts_per_day=facts_per_day,
        )
    _say(plain)


@keys_app.command("list")
def list_keys(
    cursor: remote.Cursor = None, limit: remote.Limit = 50, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """List API keys, newest first, with those that are revoked."""
    from app.services import keys

    with _kept(data_dir) as session:
        page = keys.page(session, MAIN, cursor, limit)
    items = tuple(ApiKey.model_validate(key) for key in page.items)
    Shown(as_json).keys(Page(items=items, next_cursor=page.next_cursor))


@keys_app.command("revoke")
def revoke_key(key: Annotated[int, typer.Argument(min=1, help="Number of the key.")], data_dir: DataDir = None) -> None:
    """Revoke an API key: the next call with it is refused."""
    from app.services import keys

    with _kept(data_dir) as session:
        revoked = keys.revoke(session, key)
    _say(f"key {revoked.id} is revoked: {revoked.name}, {revoked.role}")


@audit_app.command("verify")
def verify_audit(data_dir: DataDir = None) -> None:
    """Compute every hash of the audit log anew; the first row that is missing or was changed is named, as an error."""
    from app.services import audit

    with _kept(data_dir) as session:
        verified = audit.verify(session)
    _say(f"{verified.rows} rows hold; the newest hash is {verified.hash or 'none'}")


@contextlib.contextmanager
def _kept(data_dir: Path | None) -> Iterator[Session]:
    """A session on the database of a data folder in which a service ran, whether one runs there now or not."""
    from app.embedded.database import kept_database, session_on

    with kept_database(_settings(data_dir=data_dir)) as url, session_on(url) as session:
        yield session


def main() -> None:
    """The console script: what went wrong on purpose is a sentence, not a traceback."""
    try:
        app()
    except (SlotwiseError, ModelError, ClientError) as error:
        sys.exit(f"slotwise: {error}")
    except ValidationError as error:
        wrong = error.errors()[0]
        said = wrong["msg"].removeprefix("Value error, ")
        # Settings that do not go together name themselves, and have no place of their own.
        where = f"the setting {wrong['loc'][0]} is {wrong['input']!r}: " if wrong["loc"] else ""
        sys.exit(f"slotwise: {where}{said}")
    except OperationalError as error:
        sys.exit(f"slotwise: the database does not answer: {error.orig}")


def _settings(**given: Any) -> Settings:
    """The settings of the environment, with what the command line gave on top."""
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _say(line: str) -> None:
    # A terminal that has gone away must not keep the children from being stopped.
    with contextlib.suppress(OSError):
        print(line, flush=True)
