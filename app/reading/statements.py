"""Sentences that the English rules read, as statements; and of each that they do not read, why.

The rules are made for plain sentences and read more than they understand: a sentence that is long, or whose question
would name nobody («What did it cost?»), is left unread.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.reading.chunks import Chunk, Sentence
from app.reading.subjects import certain_subject, named_by, with_subject
from model.facts import Study
from model.learn.clauses import leaning
from model.learn.wording import is_asking, is_english, ruled

MOST_WORDS = 30
_UNNAMED = re.compile(r"\b(?:it|he|she|they|him|them|this|these|those)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """How long a statement and an answer may be, in characters."""

    statement: int
    answer: int


@dataclass(frozen=True)
class Statement:
    """A sentence that can be taught; its pronoun is named. `unread` are parts of it that are not taught."""

    text: str
    sentence: Sentence
    unread: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """A sentence that is not read, and why."""

    sentence: Sentence
    reason: str


class Rules:
    """Reads the chunks of one document, in order: who is spoken of goes on from sentence to sentence."""

    def __init__(self, title: str | None, text: str, limits: Limits) -> None:
        self._title, self._text, self._limits = title, text, limits
        self._headings: Sequence[str] | None = None
        self._paragraph = -1
        self._under: Chunk | None = None  # whose headings the next sentence stands first under
        self._subject: str | None = None

    def read(self, chunk: Chunk) -> Iterator[Statement | Refused]:
        """Every sentence of a chunk, read or not."""
        for sentence in chunk.sentences:
            if chunk.headings != self._headings:
                self._headings, self._under, self._subject = chunk.headings, chunk, None
            elif sentence.paragraph != self._paragraph:
                self._subject = None
            self._paragraph = sentence.paragraph
            told = self._told(sentence.text)
            self._under = None
            self._subject = None if isinstance(told, _Reason) else certain_subject(told)
            yield self._taught(sentence, told)

    def _told(self, text: str) -> "str | _Reason":
        """The sentence with its first pronoun named, or why nobody can be."""
        leans = leaning(text)
        if not leans:
            return text
        subject = self._subject
        if self._under is not None:
            subject = named_by([*([self._title] if self._title else []), *self._under.headings], self._text)
        named = with_subject(text, leans, subject)
        return named or _Reason(f"nothing before it makes certain what «{leans}» means")

    def _taught(self, sentence: Sentence, told: "str | _Reason") -> Statement | Refused:
        reason = self._complaint(sentence.text) or (told if isinstance(told, _Reason) else self._complaint(told))
        if reason:
            return Refused(sentence, reason)
        found = ruled(told)
        if found is None:
            return Refused(sentence, "no rule reads it" if is_english(told) else "it is not English")
        reason = self._unfit(found)
        return Refused(sentence, reason) if reason else Statement(told, sentence, found.unread)

    def _complaint(self, text: str) -> str:
        """Why a sentence is not even tried; empty where it is."""
        if len(text) > self._limits.statement:
            return f"{len(text):,} characters; at most {self._limits.statement:,} are read"
        if is_asking(text):
            return "it is a question"
        words = len(text.split())
        return f"{words} words; the rules read at most {MOST_WORDS}" if words > MOST_WORDS else ""

    def _unfit(self, found: Study) -> str:
        """Why what the rules make of a sentence must not be taught."""
        for exchange in found.exchanges:
            for said in (*exchange.questions, exchange.answer):
                unnamed = _UNNAMED.search(said)
                if unnamed:
                    return f"nothing in it tells what «{unnamed[0]}» means"
            if len(exchange.answer) > self._limits.answer:
                return f"an answer of {len(exchange.answer):,} characters; at most {self._limits.answer:,} are taught"
        return ""


class _Reason(str):
    """Why a sentence cannot be read, in the place of the sentence."""

    __slots__ = ()
