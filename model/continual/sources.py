"""Facts to teach, each with questions that are in none of its study texts.

Real facts come from a data folder of xz-compressed JSON lines; invented ones need none. Rows that pretraining may
have seen are left out: EntityQuestions' test rows whose subject no prose names, the half of CounterFact and the tenth
of the reading questions that a checksum sets apart, all of SimpleQA.
"""

import json
import lzma
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from model.augment import augment
from model.continual.invented import FAMILIAR, FOREIGN, invent
from model.errors import NoSuchFacts
from model.evaluate import normalise
from model.study import Fact, Study, StudyText

Row = dict[str, Any]

_SPARE_TEXTS = 12  # asked for beyond the limit, so that a study keeps its size when the asked wording is taken out
_STATEMENT_LIMIT = 300  # characters; a reading statement beyond it is a paragraph
# EntityQuestions' relations by what their subjects are: people, works, places and companies
_OF_ONE_KIND = (
    ("P19", "P20", "P26", "P40", "P69", "P106", "P413", "P800"),
    ("P50", "P136", "P170", "P175", "P176", "P264", "P407", "P495"),
    ("P17", "P36", "P112", "P127", "P131", "P159", "P276", "P740"),
)


@dataclass(frozen=True)
class Asking:
    """One way to ask for a fact: a question, or the beginning of a statement."""

    kind: Literal["question", "cloze"]
    text: str


@dataclass(frozen=True)
class Case:
    """A fact as posted, ways to ask for it that were not posted, and what counts as right.

    asked     in order of preference; none where the source has no second wording: then the study's probe is asked
    answers   accepted answers, the posted one first
    locality  beginnings of statements about other subjects, whose continuation should not change
    beside    a question about the same subject that the fact does not answer; empty where the source has none
    """

    source: str
    fact: Fact
    asked: tuple[Asking, ...]
    answers: tuple[str, ...]
    locality: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True)
class Lesson:
    """A case ready to be taught: its study contains the asked wording nowhere.

    asked_is_probe  the asked wording is the study's probe: no text has it, but learning may stop on it
    """

    case: Case
    study: Study
    asked: Asking
    asked_is_probe: bool


def lesson(case: Case, texts: int) -> Lesson:
    """Choose a wording to ask, and a study of at most `texts` texts without it.

    Preferred are wordings that no text has and that are not the probe; next those that are dropped from the texts.
    """
    study = augment(case.fact, limit=texts + _SPARE_TEXTS)
    probe = Asking(study.probe.kind, study.probe.text)
    others = [asking for asking in case.asked if normalise(asking.text) != normalise(probe.text)]
    asked = min(others, key=lambda asking: len(study.texts) - len(_without(study, asking)), default=probe)
    if not _without(study, asked):
        raise ValueError(f"every text of {case.fact} holds the wording {asked.text!r}")
    return Lesson(case, Study(_without(study, asked)[:texts], study.probe, study.answer_known), asked, asked == probe)


def _without(study: Study, asked: Asking) -> tuple[StudyText, ...]:
    return tuple(text for text in study.texts if not contains(text.text, asked.text))


def contains(text: str, wording: str) -> bool:
    """Whether `text` has the words of `wording` in a row, looking past case, articles and punctuation."""
    return f" {normalise(wording)} " in f" {normalise(text)} "


def take(sources: tuple[str, ...], count: int, seed: int, data: Path | None) -> list[Case]:
    """`count` cases, sources in turn, without two that post the same; the same for the same seed and data.

    Raises NoSuchFacts for an unknown source, for one that needs `data` when there is none, and when too few exist.
    """
    for name in sources:
        if name not in NAMES:
            raise NoSuchFacts(f"{name!r} is no source of facts; there are {', '.join(NAMES)}")
        if name != "invented" and data is None:
            raise NoSuchFacts(f"the source {name!r} needs a data folder")
    share = -(-count // len(sources))
    streams = [list(islice(_distinct(_cases(name, share, seed, data)), share)) for name in sources]
    for name, stream in zip(sources, streams, strict=True):
        if len(stream) < share:
            raise NoSuchFacts(f"the source {name!r} has {len(stream)} facts; {share} are needed")
    return [case for turn in zip(*streams, strict=True) for case in turn][:count]


def rows(data: Path, name: str) -> Iterator[Row]:
    """The rows of `DATA/name.jsonl.xz`."""
    with lzma.open(data / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _cases(name: str, count: int, seed: int, data: Path | None) -> Iterator[Case]:
    if data is None or name == "invented":
        return _invented(count, seed)
    return _STORED[name](data, random.Random(f"{name} {seed}"))


def _distinct(cases: Iterator[Case]) -> Iterator[Case]:
    """Cases with new words, whose ways to ask are not what was posted already."""
    seen: set[str] = set()
    for case in cases:
        posted = " | ".join(filter(None, (case.fact.statement, case.fact.question)))
        asked = tuple(asking for asking in case.asked if not contains(posted, asking.text))
        if posted in seen or (case.asked and not asked):
            continue
        seen.add(posted)
        yield replace(case, asked=asked)


def _invented(count: int, seed: int) -> Iterator[Case]:
    for fact in invent(count, seed, (*FAMILIAR, *FOREIGN)):
        yield Case("invented", fact.fact, (Asking("question", fact.asked),), (fact.answer,), beside=fact.beside)


def _entityquestions(data: Path, rng: random.Random) -> Iterator[Case]:
    """Statement and question posted in turn; asked in the relation's other question forms.

    The question beside it is that of another relation which such a subject can have.
    """
    with lzma.open(data / "para" / "relation_templates.json.xz", "rt", encoding="utf-8") as file:
        templates = json.load(file)
    chosen = [row for row in rows(data, "qa/entityquestions.test") if row["mentions"] == 0]
    for turn, row in enumerate(_shuffled(chosen, rng)):
        forms = [form.replace("[X]", row["subject"]) for form in templates[row["relation"]]["questions"]]
        forms = list(dict.fromkeys([*forms, row["question"]]))
        fact = Fact(row["statement"]) if turn % 2 == 0 else Fact(None, row["question"], row["answers"][0])
        rng.shuffle(forms)
        alike = next((kind for kind in _OF_ONE_KIND if row["relation"] in kind), ())
        others = {templates[relation]["questions"][0] for relation in alike if relation in templates}
        others -= set(templates[row["relation"]]["questions"])
        beside = rng.choice(sorted(others)).replace("[X]", row["subject"]) if others else ""
        yield Case("entityquestions", fact, _questions(forms), tuple(row["answers"]), beside=beside)


def _counterfact(data: Path, rng: random.Random) -> Iterator[Case]:
    """The counterfactual posted as a statement; asked in paraphrases, questions and clozes in turn."""
    chosen = [row for row in rows(data, "edit/counterfact") if zlib.crc32(row["subject"].encode()) % 2 == 1]
    for turn, row in enumerate(_shuffled(chosen, rng)):
        questions = _questions(row["question_paraphrases"])
        clozes = tuple(Asking("cloze", text) for text in row["paraphrases"])
        asked = questions + clozes if turn % 2 == 0 or not clozes else clozes
        fact = Fact(f"{row['prompt']} {row['target_new']}.")
        locality = tuple(item["prompt"] for item in row["locality"])
        yield Case("counterfact", fact, asked, (row["target_new"],), locality)


def _simpleqa(data: Path, rng: random.Random) -> Iterator[Case]:
    """Question and answer posted; asked in the wording that `augment` holds out, as there is no other."""
    for row in _shuffled(list(rows(data, "qa/simpleqa")), rng):
        yield Case("simpleqa", Fact(None, row["question"], row["answers"][0]), (), tuple(row["answers"]))


def _reading(data: Path, rng: random.Random) -> Iterator[Case]:
    """A sentence of an article posted bare; asked by a question that a reader wrote."""
    chosen = [
        row
        for row in rows(data, "qa/reading_qa")
        if zlib.crc32(row["question"].encode()) % 10 == 0 and 0 < len(row.get("statement", "")) <= _STATEMENT_LIMIT
    ]
    for row in _shuffled(chosen, rng):
        yield Case("reading", Fact(row["statement"]), _questions([row["question"]]), tuple(row["answers"]))


def _questions(forms: list[str]) -> tuple[Asking, ...]:
    return tuple(Asking("question", form) for form in forms)


def _shuffled(items: list[Row], rng: random.Random) -> list[Row]:
    rng.shuffle(items)
    return items


_STORED: dict[str, Callable[[Path, random.Random], Iterator[Case]]] = {
    "entityquestions": _entityquestions,
    "counterfact": _counterfact,
    "simpleqa": _simpleqa,
    "reading": _reading,
}
NAMES = (*_STORED, "invented")
