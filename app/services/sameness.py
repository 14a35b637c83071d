"""When two facts are the same, and when one contradicts the other. It knows no table.

Facts are told from each other by their posted texts alone. Two contradict each other when they were posted with the
same question and different answers; of the rest, the model finds what contradicts what, through the rows themselves.
"""

import hashlib
import json
import unicodedata
from dataclasses import dataclass

from app.services.intake import NewFact


@dataclass(frozen=True)
class Identity:
    """Hashes by which facts are compared; `question` and `answer` are None for a bare statement."""

    content: str
    question: str | None
    answer: str | None

    def contradicts(self, other: "Identity") -> bool:
        """Whether both answer one question, each in its own way."""
        return self.question is not None and self.question == other.question and self.answer != other.answer


def identity(fact: NewFact) -> Identity:
    """What a fact is told from others by."""
    when = fact.valid_from.isoformat() if fact.valid_from else None
    content: list[object] = [_spaced(fact.statement), _asked(fact.question), _spaced(fact.answer)]
    content += [*map(_spaced, fact.phrasings), fact.source, when]
    if fact.valid_until is not None:  # else a fact is told by the hash that it had before there were ends
        content.append({"until": fact.valid_until.isoformat()})
    return Identity(_sha256(json.dumps(content)), _hash_of(_asked(fact.question)), _hash_of(_spaced(fact.answer)))


def is_same_answer(one: str, other: str) -> bool:
    """Whether two answers are written alike, spaces aside; «melpek» is another answer than «Melpek»."""
    return _spaced(one) == _spaced(other)


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
