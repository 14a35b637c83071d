"""Facts of a file, taken in while it comes: a batch of lines is a job, and a line that is no fact holds up no other.

What was taken in stays, whatever becomes of the rest: who sends the file again finds it as duplicates.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import ApiKey, Call, Json
from app.services import audit, calls, intake, sorting, submission
from app.services.intake import Fault, NewFact
from app.services.sameness import identity
from app.settings import Settings

MAX_SHOWN_ERRORS = 100


@dataclass(frozen=True)
class Line:
    """A record of a file: the line at which it begins, counted from 1, and its fact, or why it is none."""

    number: int
    fact: NewFact | Fault


@dataclass(frozen=True)
class LineError:
    """A line that was refused; `field` is None where it is the line as a whole."""

    line: int
    field: str | None
    message: str


@dataclass(frozen=True)
class MadeJob:
    """A job that an import has made, and how many facts it teaches."""

    id: int
    facts: int


@dataclass
class Report:
    """What became of the lines so far: each is accepted, a duplicate, overruled or refused.

    accepted    facts that jobs teach
    duplicates  facts that are live or on their way, or stand in their batch again
    overruled   facts whose question a later line of their batch answers otherwise
    errors      of the lines that were refused the first
    """

    dry_run: bool = False
    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    overruled: int = 0
    refused: int = 0
    errors: list[LineError] = field(default_factory=list)
    jobs: list[MadeJob] = field(default_factory=list)

    def as_json(self) -> Json:
        """As it is kept for who sends the file again with the same key."""
        return asdict(self)


def begin(session: Session, key: ApiKey, idempotency_key: str) -> Call | None:
    """The import that was made with this key; or None, and none else is made with it until `session` is closed.

    Raises InvalidInput, IdempotencyInProgress.
    """
    intake.check_idempotency_key(idempotency_key)
    return calls.begin(session, key, idempotency_key)


def end(session: Session, key: ApiKey, idempotency_key: str, body_sha256: str, report: Report) -> None:
    """Keep the report for this key, by the session that `begin` has."""
    with transaction(session):
        calls.remember(session, key, idempotency_key, body_sha256, report.as_json())


def told_again(reply: Json) -> Report:
    """The report of an import that was made before."""
    listed = {
        "errors": [LineError(**one) for one in reply["errors"]],
        "jobs": [MadeJob(**one) for one in reply["jobs"]],
    }
    return Report(**{**reply, **listed})


def take(session: Session, settings: Settings, key: ApiKey, lines: Sequence[Line], report: Report) -> int | None:
    """Take a batch in, at most as much as a POST may be, and add to the report. Returns the job to ring for, if any."""
    facts = _facts(lines, settings, report)
    if not facts:
        return None
    if report.dry_run:
        sorted_out = sorting.sort(session, key.namespace, [identity(fact) for fact in facts])
        learned, overruled = len(sorted_out.learned), len(sorted_out.new) - len(sorted_out.learned)
    else:
        with transaction(session):
            taken = submission.take_in(session, key, facts)
            if taken.submitted.new:
                audit.record(session, audit.holder(key), "facts.import", f"job {taken.submitted.job}")
        learned, overruled = taken.learned, taken.overruled
    report.accepted += learned
    report.overruled += overruled
    report.duplicates += len(facts) - learned - overruled
    if report.dry_run or not taken.submitted.new:
        return None
    report.jobs.append(MadeJob(taken.submitted.job, learned))
    return taken.submitted.job


def _facts(lines: Sequence[Line], settings: Settings, report: Report) -> list[NewFact]:
    """The good ones; the others go into the report."""
    good = []
    for line in lines:
        found = line.fact if isinstance(line.fact, Fault) else intake.fault(line.fact, settings)
        if found is not None:
            report.refused += 1
            if len(report.errors) < MAX_SHOWN_ERRORS:
                report.errors.append(LineError(line.number, found.field or None, found.message))
        elif isinstance(line.fact, NewFact):
            good.append(line.fact)
    report.lines += len(lines)
    return good
