"""What text may come in: from callers, whose refusals name field, value and limit, and from the model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.errors import InvalidInput
from app.settings import Settings

MAX_IDEMPOTENCY_KEY_CHARACTERS = 255

_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class NewFact:
    """A fact as it is sent: a statement, or a question with its answer, or both."""

    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: tuple[str, ...] = ()
    source: str | None = None
    valid_from: datetime | None = None


def check(facts: Sequence[NewFact], settings: Settings) -> None:
    """Raises InvalidInput at the first fact that cannot be taken in."""
    if not facts:
        raise InvalidInput("facts: the list is empty; at least 1 fact is needed")
    if len(facts) > settings.max_facts:
        raise InvalidInput(f"facts: {len(facts):,} facts; at most {settings.max_facts:,} are allowed in one call")
    for index, fact in enumerate(facts):
        _check_fact(f"facts[{index}]", fact, settings)


def check_idempotency_key(value: str | None) -> None:
    """Raises InvalidInput when the key is empty, too long, or no text."""
    _check_words("Idempotency-Key", value, MAX_IDEMPOTENCY_KEY_CHARACTERS)


def is_text(value: str) -> bool:
    """Whether a string is text: one with a NUL or half a surrogate pair is not, and can be neither stored nor asked."""
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def check_text(field: str, value: str) -> None:
    """Raises InvalidInput when the value is no text."""
    if not is_text(value):
        raise InvalidInput(f"{field}: {value[:40]!r} holds a NUL or half a surrogate pair; neither is text")


def storable(text: str) -> str:
    """What a model said, as PostgreSQL can keep it: a NUL is shown as the replacement character."""
    return text.replace("\x00", "\ufffd")


def _check_fact(field: str, fact: NewFact, settings: Settings) -> None:
    if fact.statement is None and fact.question is None:
        raise InvalidInput(f"{field}: there is neither a statement nor a question; one of them is needed")
    if (fact.question is None) != (fact.answer is None):
        there, missing = ("answer", "question") if fact.question is None else ("question", "answer")
        raise InvalidInput(f"{field}.{missing}: it is missing; a fact with {there} needs it")
    _check_words(f"{field}.statement", fact.statement, settings.max_statement_characters)
    _check_words(f"{field}.question", fact.question, settings.max_statement_characters)
    _check_words(f"{field}.answer", fact.answer, settings.max_answer_characters)
    _check_words(f"{field}.source", fact.source, settings.max_source_characters)
    if len(fact.phrasings) > settings.max_phrasings:
        limit = f"at most {settings.max_phrasings} are allowed"
        raise InvalidInput(f"{field}.phrasings: {len(fact.phrasings):,} phrasings; {limit}")
    for index, phrasing in enumerate(fact.phrasings):
        _check_words(f"{field}.phrasings[{index}]", phrasing, settings.max_statement_characters)


def _check_words(field: str, value: str | None, limit: int) -> None:
    if value is None:
        return
    if len(value) > limit:
        raise InvalidInput(f"{field}: {len(value):,} characters; at most {limit:,} are allowed")
    if not _WORD.search(value):
        raise InvalidInput(f"{field}: {value[:40]!r} holds no word; at least 1 letter or digit is needed")
    check_text(field, value)
