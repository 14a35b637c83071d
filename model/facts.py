"""The nouns of learning: a fact as posted, the exchanges that teach it, and the probe that shows what was learned."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """A fact as posted: a statement, a question with its answer, or both; `phrasings` are the user's.

    id  the number under which the service keeps it; rows that are written for it bear this number
    """

    id: int = 0
    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exchange:
    """Questions that have one answer. Each of them gets a key; the first is the plainest.

    probe  a wording that gets no key and must be answered all the same; None where no natural one is to be had
    """

    questions: tuple[str, ...]
    answer: str
    probe: str | None = None


@dataclass(frozen=True)
class Study:
    """What one fact is taught by.

    exchanges  at least one; a statement of several clauses has several
    unread     parts of the statement that none of them teaches, as they were posted
    note       why wordings are missing that another model should have written; empty where none are
    """

    exchanges: tuple[Exchange, ...]
    unread: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Neighbours:
    """Questions near an exchange that were not taught, and must be answered as before.

    beside  the same subject, asked something else
    others  other subjects, asked the same
    """

    beside: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """A question that shows whether a fact was learned; `held_out` when no key was made of it."""

    text: str
    answer: str
    held_out: bool
