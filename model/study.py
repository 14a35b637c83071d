"""The nouns of learning: a fact as posted, the texts that teach it, and the probe that shows whether it was learned."""

from dataclasses import dataclass
from typing import Literal

QUESTION_PROMPT = "{question}\n"


@dataclass(frozen=True)
class Fact:
    """A fact as posted: a statement, a question with its answer, or both; `phrasings` are the user's."""

    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probe:
    """What shows whether a fact was learned. `text` is a question, or the beginning of a statement."""

    kind: Literal["question", "cloze"]
    text: str
    answer: str


@dataclass(frozen=True)
class StudyText:
    """A text to learn, and the character spans that carry loss (an answer with the space before it)."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def asked(cls, question: str, answer: str) -> "StudyText":
        """A question and its answer, with loss on the answer."""
        prompt = QUESTION_PROMPT.format(question=question)
        return cls(f"{prompt} {answer}", ((len(prompt), len(prompt) + 1 + len(answer)),))

    @property
    def question(self) -> str:
        """What a text asks; empty for one that tells."""
        question, newline, _ = self.text.partition("\n")
        return question if newline else ""


@dataclass(frozen=True)
class Study:
    """The texts of one fact and the probe that is not among them.

    `answer_known` is False where the statement shows no answer: then loss covers what follows the subject.
    `note` says why phrasings are missing that another model should have written; empty where none are.
    """

    texts: tuple[StudyText, ...]
    probe: Probe
    answer_known: bool
    note: str = ""
