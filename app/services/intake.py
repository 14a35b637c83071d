"""What text may come in: from callers, whose refusals name field, value and limit, and from the model."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import InvalidInput
from app.settings import Settings

MAX_IDEMPOTENCY_KEY_CHARACTERS = 255

_WORD = re.compile(r"\w")
_NO_TEXT = "holds a NUL or half a surrogate pair; neither is text"


@dataclass(frozen=True)
class NewFact:
    """A fact as it is sent: a statement, or a question with its answer, or both."""

    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: tuple[str, ...] = ()
    source: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True)
class Fault:
    """Why a fact cannot be taken in: its field, empty where it is the whole; value and limit in a sentence."""

    field: str
    message: str


def check(facts: Sequence[NewFact], settings: Settings) -> None:
    """Raises InvalidInput at the first fact that cannot be taken in."""
    if not facts:
        raise InvalidInput("facts: the list is empty; at least 1 fact is needed")
    if len(facts) > settings.max_facts:
        raise InvalidInput(f"facts: {len(facts):,} facts; at most {settings.max_facts:,} are allowed in one call")
    for index, fact in enumerate(facts):
        found = fault(fact, settings)
        if found is not None:
            field = f"facts[{index}].{found.field}".removesuffix(".")
            raise InvalidInput(f"{field}: {found.message}")


def fault(fact: NewFact, settings: Settings) -> Fault | None:
    """The first thing that is wrong with a fact; None where it can be taken in."""
    return next(_faults(fact, settings), None)


def check_idempotency_key(value: str | None) -> None:
    """Raises InvalidInput when the key is empty, too long, or no text."""
    for found in complaints("Idempotency-Key", value, MAX_IDEMPOTENCY_KEY_CHARACTERS):
        raise InvalidInput(f"{found.field}: {found.message}")


def is_text(value: str) -> bool:
    """Whether a string is text: one with a NUL or half a surrogate pair is not, and can be neither stored nor asked."""
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def check_text(field: str, value: str) -> None:
    """Raises InvalidInput when the value is no text."""
    if not is_text(value):
        raise InvalidInput(f"{field}: {value[:40]!r} {_NO_TEXT}")


def storable(text: str) -> str:
    """What a model said, as PostgreSQL can keep it: a NUL is shown as the replacement character."""
    return text.replace("\x00", "\ufffd")


def _ended(until: datetime, since: datetime | None) -> Iterator[Fault]:
    now = datetime.now(UTC)
    if until <= now:
        yield Fault("valid_until", f"{until.isoformat()} has passed; it must be later than now, {now.isoformat()}")
    if since is not None and until <= since:
        limit = f"valid_from, {since.isoformat()}"
        yield Fault("valid_until", f"{until.isoformat()} does not come after {limit}; it must be later")


def complaints(field: str, value: str | None, limit: int) -> Iterator[Fault]:
    """What is wrong with a text of at most `limit` characters; nothing with none."""
    if value is None:
        return
    if len(value) > limit:
        yield Fault(field, f"{len(value):,} characters; at most {limit:,} are allowed")
    if not _WORD.search(value):
        yield Fault(field, f"{value[:40]!r} holds no word; at least 1 letter or digit is needed")
    if not is_text(value):
        yield Fault(field, f"{value[:40]!r} {_NO_TEXT}")


def _faults(fact: NewFact, settings: Settings) -> Iterator[Fault]:
    if fact.statement is None and fact.question is None:
        yield Fault("", "there is neither a statement nor a question; one of them is needed")
    if (fact.question is None) != (fact.answer is None):
        there, missing = ("answer", "question") if fact.question is None else ("question", "answer")
        yield Fault(missing, f"it is missing; a fact with {there} needs it")
    yield from complaints("statement", fact.statement, settings.max_statement_characters)
    yield from complaints("question", fact.question, settings.max_statement_characters)
    yield from complaints("answer", fact.answer, settings.max_answer_characters)
    yield from complaints("source", fact.source, settings.max_source_characters)
    if len(fact.phrasings) > settings.max_phrasings:
        limit = f"at most {settings.max_phrasings} are allowed"
        yield Fault("phrasings", f"{len(fact.phrasings):,} phrasings; {limit}")
    for index, phrasing in enumerate(fact.phrasings):
        yield from complaints(f"phrasings[{index}]", phrasing, settings.max_statement_characters)
    if fact.valid_until is not None:
        yield from _ended(fact.valid_until, fact.valid_from)
