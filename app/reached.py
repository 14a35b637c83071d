"""How a command reaches a service: the options that all of them have, a client, and a job followed to its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from app.client import Busy, ClientError, Job, KeyRejected, Retries, Slotwise, Unreachable
from app.shown import Shown

Url = Annotated[str, typer.Option(envvar="SLOTWISE_URL", help="Address of the service.")]
Key = Annotated[str, typer.Option(envvar="SLOTWISE_KEY", show_default=False, help="API key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, one document a line.")]
_ATTEMPTS = Retries(attempts=4)  # somebody waits at the terminal: about a second in all


@contextmanager
def reached(url: str, key: str) -> Iterator[Slotwise]:
    """A client; what it raises says what to do about it."""
    try:
        with Slotwise(url, key, retries=_ATTEMPTS) as client:
            yield client
    except Unreachable as error:
        raise ClientError(f"{error}; start one with `slotwise up`, or set SLOTWISE_URL") from error
    except KeyRejected as error:
        raise ClientError(f"{error}; set SLOTWISE_KEY") from error
    except Busy as error:
        raise ClientError(f"the service is busy or not ready: {error}") from error


def followed(service: Slotwise, job: int, shown: Shown) -> None:
    """Show a job to its end. Raises ClientError unless it succeeded."""
    end: Job | None = None
    with shown.progress(job) as told:
        for end in service.follow(job):
            told(end)
    if end is None or not end.succeeded:
        state, why = ("unknown", None) if end is None else (end.state, _why(end))
        raise ClientError(f"job {job} ended as {state}: {why or 'no reason is given'}")


def _why(job: Job) -> str | None:
    return job.error or next((fact.reason for fact in job.facts if fact.reason), None)
