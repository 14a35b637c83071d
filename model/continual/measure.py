"""What a model knows at one moment: the taught facts, facts never taught, known questions, prose, skills.

The same measure is taken before the first fact and after the last one; a run's figures are differences of the two.
"""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from model.checkpoint import Checkpoint, KnownQuestion
from model.continual.sources import Asking, Lesson, rows
from model.evaluate import answer_nll, complete, matches, nll, token_f1
from model.study import StudyText
from model.values import View

Item = TypeVar("Item")

_LOCALITY_TOKENS = 8  # further words of a continuation say little about the subject
_SAMPLE_SEED = 0  # the samples below are the same in every run


@dataclass(frozen=True)
class Yardstick:
    """What forgetting is measured with, the same for every run on one checkpoint and data folder.

    known   questions that the base model answers, never used by the gate
    prose   held-out texts
    skills  problems whose solutions carry the loss
    """

    known: tuple[KnownQuestion, ...]
    prose: tuple[str, ...]
    skills: tuple[StudyText, ...]

    @classmethod
    def of(cls, checkpoint: Checkpoint, data: Path | None, known: int, prose: int, skills: int) -> "Yardstick":
        """At most so many of each: from `data` where there is one, prose of the checkpoint's own otherwise."""
        questions = _sample(checkpoint.measure.evaluation, known)
        if data is None:
            return cls(questions, checkpoint.measure.texts[:prose], ())
        texts = [str(row["text"]) for row in rows(data, "prose/wiki_heldout")]
        return cls(questions, _sample(texts, prose), _skills(data, skills))


@dataclass(frozen=True)
class Snapshot:
    """What one view says and how well it predicts; texts are as generated.

    taught, control  answers to the lessons, in their order
    beside           answers to the questions beside the taught facts, in their order; empty where there is none
    known_f1         mean token F1 on the known questions; None when there are none
    known_exact      share of them answered exactly; None when there are none
    prose_nll        nats a token; None without prose
    skill_nll        nats a token of the solutions; None without skills
    locality         continuations of the lessons' locality prompts, in their order
    """

    taught: tuple[str, ...]
    control: tuple[str, ...]
    beside: tuple[str, ...]
    known_f1: float | None
    known_exact: float | None
    prose_nll: float | None
    skill_nll: float | None
    locality: tuple[str, ...]

    @classmethod
    def take(
        cls,
        checkpoint: Checkpoint,
        view: View,
        taught: Sequence[Lesson],
        control: Sequence[Lesson],
        yardstick: Yardstick,
    ) -> "Snapshot":
        """Ask and measure everything under `view`."""
        known = yardstick.known
        said = complete(checkpoint, [checkpoint.question_prompt(item.question) for item in known], view)
        pairs = [(answer, item.answer) for answer, item in zip(said, known, strict=True)]
        prompts = [prompt for lesson in taught for prompt in lesson.case.locality]
        return cls(
            tuple(ask(checkpoint, view, [lesson.asked for lesson in taught])),
            tuple(ask(checkpoint, view, [lesson.asked for lesson in control])),
            _beside(checkpoint, view, taught),
            sum(token_f1(*pair) for pair in pairs) / len(pairs) if pairs else None,
            sum(matches(*pair) for pair in pairs) / len(pairs) if pairs else None,
            nll(checkpoint, view, yardstick.prose) if yardstick.prose else None,
            answer_nll(checkpoint, view, yardstick.skills) if yardstick.skills else None,
            tuple(complete(checkpoint, prompts, view, _LOCALITY_TOKENS)),
        )

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Snapshot":
        """Read `to_json`."""
        read: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
        return cls(**read)


def ask(checkpoint: Checkpoint, view: View, askings: Sequence[Asking]) -> list[str]:
    """Greedy answers to `askings`; what continues a cloze is cut at the end of its sentence."""
    prompts = [checkpoint.probe_prompt(item.kind, item.text) for item in askings]
    said = complete(checkpoint, prompts, view)
    return [
        answer if item.kind == "question" else _first_sentence(answer)
        for item, answer in zip(askings, said, strict=True)
    ]


def _beside(checkpoint: Checkpoint, view: View, taught: Sequence[Lesson]) -> tuple[str, ...]:
    questions = [lesson.case.beside for lesson in taught]
    said = iter(complete(checkpoint, [checkpoint.question_prompt(words) for words in questions if words], view))
    return tuple(next(said) if words else "" for words in questions)


def exact(said: str, answers: Sequence[str]) -> bool:
    """Whether `said` is one of the accepted answers."""
    return any(matches(said, answer) for answer in answers)


def best_f1(said: str, answers: Sequence[str]) -> float:
    """Token F1 against the accepted answer that is nearest."""
    return max(token_f1(said, answer) for answer in answers)


def _first_sentence(text: str) -> str:
    return text.split("\n")[0].split(". ")[0]


def _skills(data: Path, count: int) -> tuple[StudyText, ...]:
    """Half worked solutions of word problems, half answers of science questions."""
    problems = [(row["question"], f"{row['solution']}\n{row['answers'][0]}") for row in rows(data, "skill/gsm8k.test")]
    science = [(row["question"], row["answers"][0]) for row in rows(data, "skill/arc_easy.test")]
    chosen = (*_sample(problems, count // 2), *_sample(science, count - count // 2))
    return tuple(StudyText.asked(*pair) for pair in chosen)


def _sample(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    return tuple(random.Random(_SAMPLE_SEED).sample(items, min(count, len(items))))
