"""When two facts are the same, and when one contradicts the other. It knows no table.

Two facts contradict each other when they answer the same question differently. A fact that was sent with its question
answers that; a bare statement of one sentence answers the plainest question that `model.wordings` reads out of it,
unless several answers can be true side by side («Ada likes tea», «Ada likes coffee»; «Ada is a doctor»; «No dogs are
allowed», «No bikes are allowed»). Where nobody can tell, no fact contradicts another.
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass

from app.services.intake import NewFact
from model.wordings.understanding import read_text, sentences

_HAS_MANY_ANSWERS = re.compile(r"(?:what|which \w+|whom?) (?:do|does|did|can|may|must|will|should)\b", re.IGNORECASE)
_ONE_OF_MANY = re.compile(r"an? ", re.IGNORECASE)
_DENIES = re.compile(r"\b(?:no|not|never|none|nobody|nothing|neither|without|cannot)\b|n['’]t\b", re.IGNORECASE)


@dataclass(frozen=True)
class Identity:
    """Hashes by which facts are compared; `question` and `answer` are None where no question can be told."""

    content: str
    question: str | None
    answer: str | None

    def contradicts(self, other: "Identity") -> bool:
        """Whether both answer one question, each in its own way."""
        return self.question is not None and self.question == other.question and self.answer != other.answer


def identity(fact: NewFact) -> Identity:
    """What a fact is told from others by."""
    when = fact.valid_from.isoformat() if fact.valid_from else None
    content = [_spaced(fact.statement), _asked(fact.question), _spaced(fact.answer)]
    content += [*map(_spaced, fact.phrasings), fact.source, when]
    question, answer = (fact.question, fact.answer) if fact.question else _read(fact.statement or "")
    return Identity(_sha256(json.dumps(content)), _hash_of(_asked(question)), _hash_of(_spaced(answer)))


def _read(statement: str) -> tuple[str, str] | tuple[None, None]:
    """The question that a bare statement answers, and the answer; nothing where it is not sure to be one."""
    if _DENIES.search(statement) or len(sentences(statement)) != 1:
        return None, None
    reading = next(iter(read_text(statement, None)), None)
    if reading is None or not reading.questions or _ONE_OF_MANY.match(reading.answer):
        return None, None
    question = reading.questions[0].replace("[X]", reading.subject)
    return (None, None) if _HAS_MANY_ANSWERS.match(question) else (question, reading.answer)


def _asked(question: str | None) -> str | None:
    """A question without what does not change it: capitals, spaces, marks at its end."""
    spaced = _spaced(question)
    return None if spaced is None else spaced.casefold().rstrip("?!.… ")


def _spaced(text: str | None) -> str | None:
    return None if text is None else " ".join(unicodedata.normalize("NFKC", text).split())


def _hash_of(text: str | None) -> str | None:
    return None if text is None else _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
