"""The text that the small default model is made from: known facts, sayings of one thing in several ways, prose.

Reads the files of a `--data` folder (xz-compressed JSON lines); none of them belongs to this repository.
"""

import json
import lzma
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from model.augment import augment
from model.study import Fact, StudyText

Item = TypeVar("Item")

UNKNOWN = "unknown"
HELD_OUT_RELATIONS = ("P112", "P127", "P407", "P413")  # founder, owner, language, position: for measuring alone
_STUDY_TEXTS = 20
_TREX_ROWS = 8_000
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")


@dataclass(frozen=True)
class Saying:
    """One thing said in several ways: every text ends in, or holds, the same answer to the same question.

    known   the model is to learn the answer; otherwise it learns where the texts agree, and to say «unknown»
    unseen  questions of a known fact in wordings that no training text of its relation uses
    """

    texts: tuple[StudyText, ...]
    answer: str
    known: bool
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """A text of an epoch.

    meaning  lessons of one meaning say the same, so their answers are to be read at the same address; -1 for prose
    known    whether the first token of its answer carries loss
    """

    text: StudyText
    meaning: int
    known: bool


@dataclass(frozen=True)
class Corpus:
    """What a default model learns.

    gate, evaluation and background are known facts, disjoint: the first two are for measuring and stay out of the
    background. passing are sayings that are not to be known, prose is running text.
    """

    gate: tuple[Saying, ...]
    evaluation: tuple[Saying, ...]
    background: tuple[Saying, ...]
    passing: tuple[Saying, ...]
    prose: tuple[StudyText, ...]

    @property
    def facts(self) -> tuple[Saying, ...]:
        """All known facts."""
        return self.gate + self.evaluation + self.background

    def epoch(self, rng: random.Random, passing_share: float, prose_share: float) -> Iterator[list[Lesson]]:
        """Groups of lessons of one meaning, shuffled: every known fact in two wordings, some of the rest.

        The shares are of the number of known facts.
        """
        passing = _some(rng, self.passing, round(passing_share * len(self.facts)))
        prose = _some(rng, self.prose, round(prose_share * len(self.facts)))
        order: list[Saying | StudyText] = [*self.facts, *passing, *prose]
        rng.shuffle(order)
        for meaning, item in enumerate(order):
            if isinstance(item, StudyText):
                yield [Lesson(item, -1, True)]
                continue
            pair = [Lesson(_restyle(text, rng), meaning, item.known) for text in rng.sample(item.texts, 2)]
            if not item.known and (asked := [text for text in item.texts if "\n" in text.text]):
                question = rng.choice(asked).text.partition("\n")[0]
                pair.append(Lesson(_restyle(StudyText.asked(question, UNKNOWN), rng), meaning, True))
            yield pair

    def background_texts(self, rng: random.Random) -> Iterator[StudyText]:
        """Texts of background facts and prose, without end."""
        while True:
            yield rng.choice(rng.choice(self.background).texts)
            yield rng.choice(rng.choice(self.background).texts)
            yield rng.choice(self.prose)


def answer_text(statement: str, answer: str) -> StudyText:
    """A statement with loss on the last place where it names the answer, the space before it included."""
    start = statement.rindex(answer)
    return StudyText(statement, ((max(start - 1, 0), start + len(answer)),))


def load_corpus(data: Path, facts: int, seed: int = 0) -> Corpus:
    """Read the corpus from `data`: the `facts` best-known entities of EntityQuestions, and what is not to be known.

    Raises FileNotFoundError when a file is missing.
    """
    with lzma.open(data / "para/relation_templates.json.xz", "rt", encoding="utf-8") as file:
        templates = json.load(file)
    rng = random.Random(seed)
    known, rest = _entity_questions(data, templates, facts)
    rng.shuffle(known)
    passing = [*rest, *_trex(data, rng), *_counterfact(data), *_reading(data), *_qamr(data), *_sentences(data, rng)]
    return Corpus(tuple(known[:100]), tuple(known[100:1100]), tuple(known[1100:]), tuple(passing), tuple(_prose(data)))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _entity_questions(
    data: Path, templates: dict[str, dict[str, list[str]]], count: int
) -> tuple[list[Saying], list[Saying]]:
    """Known facts by mentions, and the others; two question forms of each relation are in no text."""
    rows = [
        row
        for name in ("train", "dev")
        for row in _rows(data / f"qa/entityquestions.{name}.jsonl.xz")
        if row["relation"] not in HELD_OUT_RELATIONS and row["answers"][0] in row["statement"]
    ]
    rows.sort(key=lambda row: -row["mentions"])
    seen: set[str] = set()
    known: list[Saying] = []
    rest: list[Saying] = []
    for row in rows:
        if row["question"] in seen:
            continue
        seen.add(row["question"])
        forms, subject, answer = templates[row["relation"]], row["subject"], row["answers"][0]
        *asked, first, second = (form.replace("[X]", subject) for form in forms["questions"])
        said = [form.replace("[X]", subject).replace("[Y]", answer) for form in forms["statements"]]
        questions = dict.fromkeys([row["question"], *asked])
        texts = [
            *(StudyText.asked(question, answer) for question in questions),
            *(answer_text(statement, answer) for statement in dict.fromkeys([row["statement"], *said])),
        ]
        if len(known) < count:
            study = augment(Fact(row["statement"], row["question"], answer), limit=_STUDY_TEXTS)
            texts += [text for text in study.texts if not text.text.startswith((first, second))]
            unseen = tuple(form for form in (first, second) if form not in questions)
            known.append(Saying(tuple(dict.fromkeys(texts)), answer, True, unseen))
        else:
            rest.append(Saying(tuple(texts), answer, False))
    return known, rest


def _studied(fact: Fact) -> Iterator[Saying]:
    """What the rules make of a fact, if they could take it apart."""
    study = augment(fact, limit=_STUDY_TEXTS)
    if study.probe.kind == "question" and len(study.texts) >= 4:
        yield Saying(study.texts, study.probe.answer, False)


def _trex(data: Path, rng: random.Random) -> Iterator[Saying]:
    for row in _some(rng, _rows(data / "qa/trex.jsonl.xz"), _TREX_ROWS):
        if row["relation"] not in HELD_OUT_RELATIONS and row["answers"][0] in row["statement"]:
            yield from _studied(Fact(row["statement"], row["question"], row["answers"][0]))


def _counterfact(data: Path) -> Iterator[Saying]:
    """Half of CounterFact by subject; the other half is for evaluation."""
    for row in _rows(data / "edit/counterfact.jsonl.xz"):
        if zlib.crc32(row["subject"].encode()) % 2 or row["relation"] in HELD_OUT_RELATIONS:
            continue
        answer = row["answers"][0]
        said = [row["prompt"], *row["paraphrases"]]
        texts = [answer_text(f"{form} {answer}.", answer) for form in said]
        texts += [StudyText.asked(form, answer) for form in (row["question"], *row["question_paraphrases"])]
        yield Saying(tuple(dict.fromkeys(texts)), answer, False)


def _reading(data: Path) -> Iterator[Saying]:
    """Nine tenths of the reading questions with the sentence that answers them; the rest is for evaluation."""
    for row in _rows(data / "qa/reading_qa.jsonl.xz"):
        question, answer, statement = row["question"], row["answers"][0], row.get("statement", "")
        if zlib.crc32(question.encode()) % 10 == 0 or len(question) > 120:
            continue
        texts = [StudyText.asked(question, answer)]
        if answer in statement and len(statement) < 160:
            texts.append(answer_text(statement, answer))
        texts += augment(Fact(None, question, answer), limit=_STUDY_TEXTS).texts
        yield Saying(tuple(dict.fromkeys(texts)), answer, False)


def _qamr(data: Path) -> Iterator[Saying]:
    """Questions of several people about the same words of a sentence."""
    for row in _rows(data / "para/qamr_wiki.jsonl.xz"):
        asked: defaultdict[str, list[str]] = defaultdict(list)
        for pair in row["qas"]:
            asked[pair["answer"]].append(pair["question"])
        for answer, questions in asked.items():
            texts = [StudyText.asked(question, answer) for question in dict.fromkeys(questions)]
            if answer in row["statement"] and len(row["statement"]) < 160:
                texts.append(answer_text(row["statement"], answer))
            if len(texts) >= 2:
                yield Saying(tuple(texts), answer, False)


def _sentences(data: Path, rng: random.Random) -> Iterator[Saying]:
    """Short sentences of Wikipedia that the rules can ask about."""
    for row in _rows(data / "prose/wiki_core.jsonl.xz"):
        sentence = rng.choice(_SENTENCE.split(row["text"]))
        if 30 <= len(sentence) <= 100 and sentence.endswith("."):
            yield from _studied(Fact(sentence))


def _prose(data: Path) -> Iterator[StudyText]:
    for row in _rows(data / "prose/wiki_core.jsonl.xz"):
        text = row["text"][:240].rpartition(" ")[0]
        yield StudyText(text, ((0, len(text)),))


def _some(rng: random.Random, items: Iterable[Item], count: int) -> list[Item]:
    """At most `count` of `items`, drawn without repetition."""
    every = list(items)
    return rng.sample(every, min(count, len(every)))


def _restyle(text: StudyText, rng: random.Random) -> StudyText:
    """Now and then a question in lower case, or without its question mark."""
    question, newline, answer = text.text.partition("\n")
    draw = rng.random()
    if not newline or draw < 0.85:
        return text
    asked = question.rstrip("?") if draw < 0.92 else question.lower().rstrip("?")
    return StudyText.asked(asked, answer.strip())
