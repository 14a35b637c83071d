"""The text that the small default model is made from: known facts in changing phrasings, and open questions.

Reads the files of a `--data` folder (xz-compressed JSON lines); none of them belongs to this repository.
"""

import json
import lzma
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.study import StudyText


@dataclass(frozen=True)
class KnownFact:
    """A fact of the pretraining text, with the wordings of its relation."""

    question: str
    answer: str
    questions: tuple[str, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """What a default model learns.

    gate, evaluation and background are disjoint: the first two are for measuring and stay out of the background.
    """

    gate: tuple[KnownFact, ...]
    evaluation: tuple[KnownFact, ...]
    background: tuple[KnownFact, ...]
    open_text: tuple[StudyText, ...]

    @property
    def facts(self) -> tuple[KnownFact, ...]:
        """All known facts."""
        return self.gate + self.evaluation + self.background

    def epoch(self, rng: random.Random, open_share: float) -> list[StudyText]:
        """Every fact once as a question and half the time as a statement, and a share of the open text."""
        texts = [StudyText.asked(_restyle(rng.choice(fact.questions), rng), fact.answer) for fact in self.facts]
        texts += [answer_text(rng.choice(fact.statements), fact.answer) for fact in self.facts if rng.random() < 0.5]
        texts += rng.sample(self.open_text, round(open_share * len(self.open_text)))
        rng.shuffle(texts)
        return texts

    def background_texts(self, rng: random.Random) -> Iterator[StudyText]:
        """Texts of background facts and open text, without end."""
        while True:
            fact = rng.choice(self.background)
            yield StudyText.asked(rng.choice(fact.questions), fact.answer)
            yield answer_text(rng.choice(fact.statements), fact.answer)
            yield rng.choice(self.open_text)


def answer_text(statement: str, answer: str) -> StudyText:
    """A statement with loss on the last place where it names the answer, the space before it included."""
    start = statement.rindex(answer)
    return StudyText(statement, ((max(start - 1, 0), start + len(answer)),))


def load_corpus(data: Path, facts: int, seed: int = 0) -> Corpus:
    """Read the corpus from `data`: the `facts` best-known entities of EntityQuestions, and open questions.

    Raises FileNotFoundError when a file is missing.
    """
    with lzma.open(data / "para/relation_templates.json.xz", "rt", encoding="utf-8") as file:
        templates = json.load(file)
    known = _known_facts(data, templates, facts)
    random.Random(seed).shuffle(known)
    return Corpus(tuple(known[:100]), tuple(known[100:1100]), tuple(known[1100:]), tuple(_open_text(data)))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _known_facts(data: Path, templates: dict[str, dict[str, list[str]]], count: int) -> list[KnownFact]:
    rows = [
        row
        for name in ("train", "dev")
        for row in _rows(data / f"qa/entityquestions.{name}.jsonl.xz")
        if row["mentions"] >= 3 and row["relation"] in templates
    ]
    rows.sort(key=lambda row: -row["mentions"])
    seen: set[str] = set()
    known: list[KnownFact] = []
    for row in rows:
        forms, subject, answer = templates[row["relation"]], row["subject"], row["answers"][0]
        if row["question"] in seen or answer not in row["statement"] or len(known) == count:
            continue
        seen.add(row["question"])
        questions = [row["question"], *(form.replace("[X]", subject) for form in forms["questions"])]
        statements = [form.replace("[X]", subject).replace("[Y]", answer) for form in forms["statements"]]
        known.append(
            KnownFact(
                row["question"],
                answer,
                tuple(dict.fromkeys(questions)),
                tuple(dict.fromkeys([row["statement"], *statements])),
            )
        )
    return known


def _open_text(data: Path) -> Iterator[StudyText]:
    for row in _rows(data / "qa/reading_qa.jsonl.xz"):
        answer, statement = row["answers"][0], row.get("statement", "")
        if len(row["question"]) < 120:
            yield StudyText.asked(row["question"], answer)
        if answer in statement and len(statement) < 160:
            yield answer_text(statement, answer)


def _restyle(question: str, rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.80:
        return question
    if draw < 0.90:
        return question.lower().rstrip("?")
    if draw < 0.95:
        return question.rstrip("?")
    return "Tell me: " + question
