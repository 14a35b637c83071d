"""The text that the small default model is made from: known facts, sayings of one thing in several ways, prose.

Reads the files of a `--data` folder (xz-compressed JSON lines); none of them belongs to this repository.
"""

import itertools
import json
import lzma
import random
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from model.augment import augment
from model.restyling import Restyling
from model.study import Fact, StudyText

Item = TypeVar("Item")

UNKNOWN = "unknown"
HELD_OUT_RELATIONS = ("P112", "P127", "P407", "P413")  # founder, owner, language, position: for measuring alone
_STUDY_TEXTS = 20
_TREX_ROWS = 8_000
_PATTERN_ROWS = 20_000
_STATEMENT_CHARACTERS = 200
_BEFORE = 0.4  # of a statement, that stands in front of its answer
_OPEN_SHARE = 0.65  # of the sayings in passing, those whose questions people wrote or rules found in text
_OPEN_KNOWN = 0.3  # known facts from open text, as a share of those from tables
_SHORT = 30  # characters of their answers
_LETTERS = 4  # of the shortest word that has synonyms
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

    @cached_property
    def asked(self) -> list[StudyText]:
        """Its texts that are a question and the answer."""
        return [text for text in self.texts if text.question]


@dataclass(frozen=True)
class Lesson:
    """A text to learn; `known` says whether the first token of its answer carries loss."""

    text: StudyText
    known: bool


@dataclass(frozen=True)
class Corpus:
    """What a default model learns.

    gate, evaluation and background are known facts, disjoint: the first two are for measuring and stay out of the
    background. Of the next two nothing is to be known: `templated` come from tables, `open` were written by people or
    found in text. prose is running text, glosses are words of a dictionary with what they mean.
    """

    gate: tuple[Saying, ...]
    evaluation: tuple[Saying, ...]
    background: tuple[Saying, ...]
    templated: tuple[Saying, ...]
    open: tuple[Saying, ...]
    prose: tuple[StudyText, ...]
    glosses: tuple[tuple[str, str], ...] = ()
    restyling: Restyling = field(default_factory=Restyling)

    @property
    def facts(self) -> tuple[Saying, ...]:
        """All known facts."""
        return self.gate + self.evaluation + self.background

    def epoch(self, rng: random.Random, passing_share: float, prose_share: float) -> Iterator[Lesson]:
        """Lessons, shuffled: every known fact asked and in another wording, and what is not to be known, and prose.

        The shares are of the number of known facts.
        """
        passing = round(passing_share * len(self.facts))
        order: list[Saying | StudyText] = [*self.facts, *self.passing(rng, passing)]
        order += _some(rng, self.prose, round(prose_share * len(self.facts)))
        rng.shuffle(order)
        for item in order:
            if isinstance(item, StudyText):
                yield Lesson(item, True)
                continue
            asked = self._styled(item, item.asked, rng)
            yield Lesson(asked if item.known else StudyText.asked(asked.question, UNKNOWN), True)
            yield Lesson(self._styled(item, item.texts, rng), item.known)

    def passing(self, rng: random.Random, count: int) -> list[Saying]:
        """About `count` sayings that are not to be known and can be asked."""
        drawn = [
            *_some(rng, self.open, round(_OPEN_SHARE * count)),
            *_some(rng, self.templated, round((1 - _OPEN_SHARE) * count)),
        ]
        return [saying for saying in drawn if saying.asked]

    def _styled(self, saying: Saying, texts: Sequence[StudyText], rng: random.Random) -> StudyText:
        """One of `texts` in another style, unless that is one of the wordings kept for measuring."""
        text = rng.choice(texts)
        styled = self.restyling(text, rng)
        return text if _asks(styled, saying.unseen) else styled

    def background_texts(self, rng: random.Random) -> Iterator[StudyText]:
        """Texts of background facts and prose, without end."""
        while True:
            yield rng.choice(rng.choice(self.background).texts)
            yield rng.choice(rng.choice(self.background).texts)
            yield rng.choice(self.prose)


def _asks(text: StudyText, questions: Iterable[str]) -> bool:
    """Whether a text asks one of `questions`, be it in lower case or without its question mark."""
    asked = text.question.rstrip("?").lower()
    return any(asked == question.rstrip("?").lower() for question in questions)


def answer_text(statement: str, answer: str) -> StudyText:
    """A statement with loss on the last place where it names the answer, the space before it included."""
    start = statement.rindex(answer)
    return StudyText(statement, ((max(start - 1, 0), start + len(answer)),))


def _told(statements: Iterable[str], answer: str) -> Iterator[StudyText]:
    """Statements that say enough before they name the answer: what stands behind it cannot be its address."""
    for statement in dict.fromkeys(statements):
        if len(statement) <= _STATEMENT_CHARACTERS and statement.rfind(answer) >= _BEFORE * len(statement):
            yield answer_text(statement, answer)


def load_corpus(data: Path, facts: int, seed: int = 0) -> Corpus:
    """Read the corpus from `data`: the `facts` best-known entities of EntityQuestions, and what is not to be known.

    Raises FileNotFoundError when a file is missing.
    """
    with lzma.open(data / "para/relation_templates.json.xz", "rt", encoding="utf-8") as file:
        templates = json.load(file)
    rng = random.Random(seed)
    known, rest = _entity_questions(data, templates, facts)
    rng.shuffle(known)
    prose, dictionary = tuple(_prose(data)), list(_rows(data / "prose/wordnet.jsonl.xz"))
    open_known, left = _known(rng, [*_counterfact(data), *_reading(data), *_qamr(data), *_sentences(data, rng)], facts)
    return Corpus(
        tuple(known[:100]),
        tuple(known[100:1100]),
        (*known[1100:], *open_known),
        (*rest, *_trex(data, rng), *_pattern(data, rng)),
        tuple(left),
        prose,
        tuple(_glosses(dictionary)),
        Restyling(_synonyms(dictionary, prose)),
    )


def _known(rng: random.Random, sayings: Sequence[Saying], facts: int) -> tuple[list[Saying], list[Saying]]:
    """Some of `sayings` that can be asked in several ways, as known facts, and the others.

    Were only facts from tables known, the style of a question would tell that its answer is not.
    """
    fit = [at for at, saying in enumerate(sayings) if len(saying.asked) > 2 and len(saying.answer) < _SHORT]
    chosen = set(_some(rng, fit, round(_OPEN_KNOWN * facts)))
    known = [replace(saying, known=True) for at, saying in enumerate(sayings) if at in chosen]
    return known, [saying for at, saying in enumerate(sayings) if at not in chosen]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _entity_questions(
    data: Path, templates: dict[str, dict[str, list[str]]], count: int
) -> tuple[list[Saying], list[Saying]]:
    """Known facts by mentions, and the others; two question forms of each relation are in no text."""
    evidence = {
        (row["relation"], row["subject"]): row["evidence"] for row in _rows(data / "qa/grounded_facts.jsonl.xz")
    }
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
            *_told([row["statement"], *said, evidence.get((row["relation"], subject), "")], answer),
        ]
        if len(known) < count:
            study = augment(Fact(row["statement"], row["question"], answer), limit=_STUDY_TEXTS)
            unseen = tuple(form for form in (first, second) if form not in questions)
            texts = [text for text in dict.fromkeys([*texts, *study.texts]) if not _asks(text, unseen)]
            known.append(Saying(tuple(texts), answer, True, unseen))
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


def _pattern(data: Path, rng: random.Random) -> Iterator[Saying]:
    """Dates, descriptions and places from first sentences of articles, with the sentence."""
    names = ("qa/wiki_pattern_facts.core.jsonl.xz", "qa/wiki_pattern_facts.rest.jsonl.xz")
    rows = (row for name in names for row in _rows(data / name))
    for row in _some(rng, rows, _PATTERN_ROWS):
        answer = row["answers"][0]
        texts = [StudyText.asked(form, answer) for form in (row["question"], *row["question_paraphrases"])]
        texts += _told([row["statement"], row["evidence"]], answer)
        if len(texts) >= 2:
            yield Saying(tuple(dict.fromkeys(texts)), answer, False)


def _counterfact(data: Path) -> Iterator[Saying]:
    """Half of CounterFact by subject; the other half is for evaluation."""
    for row in _rows(data / "edit/counterfact.jsonl.xz"):
        if zlib.crc32(row["subject"].encode()) % 2 or row["relation"] in HELD_OUT_RELATIONS:
            continue
        answer = row["answers"][0]
        said = [row["prompt"], *row["paraphrases"]]
        texts = [*_told((f"{form} {answer}." for form in said), answer)]
        texts += [StudyText.asked(form, answer) for form in (row["question"], *row["question_paraphrases"])]
        yield Saying(tuple(dict.fromkeys(texts)), answer, False)


def _reading(data: Path) -> Iterator[Saying]:
    """Nine tenths of the reading questions with the sentence that answers them; the rest is for evaluation."""
    for row in _rows(data / "qa/reading_qa.jsonl.xz"):
        question, answer, statement = row["question"], row["answers"][0], row.get("statement", "")
        if zlib.crc32(question.encode()) % 10 == 0 or len(question) > 120:
            continue
        texts = [StudyText.asked(question, answer)]
        texts += _told([statement], answer)
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
            texts += _told([row["statement"]], answer)
            if len(texts) >= 2:
                yield Saying(tuple(texts), answer, False)


def _sentences(data: Path, rng: random.Random) -> Iterator[Saying]:
    """Short sentences of Wikipedia that the rules can ask about."""
    for row in _rows(data / "prose/wiki_core.jsonl.xz"):
        sentence = rng.choice(_SENTENCE.split(row["text"]))
        if 30 <= len(sentence) <= 100 and sentence.endswith("."):
            yield from _studied(Fact(sentence))


def _synonyms(dictionary: Iterable[dict[str, Any]], prose: Sequence[StudyText]) -> dict[str, list[str]]:
    """Verbs and nouns to others of WordNet that mean the same: in two meanings, or in one where they have few."""
    common = {word for word, count in Counter(w for text in prose for w in text.text.split()).items() if count >= 4}
    meanings: Counter[str] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    for row in dictionary:
        words = [word for word in row["words"] if word in common and word.islower() and len(word) >= _LETTERS]
        if row["pos"] in ("noun", "verb"):
            meanings.update(words)
            shared.update(itertools.permutations(words, 2))
    found: defaultdict[str, list[str]] = defaultdict(list)
    for (word, other), count in shared.items():
        if count >= 2 or meanings[word] <= 2:
            found[word].append(other)
    return found


def _glosses(dictionary: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Words that mean the same, and what they mean."""
    for row in dictionary:
        words = [word for word in row["words"] if word.islower()]
        if words:
            yield " ".join(words[:3]), row["definition"]


def _prose(data: Path) -> Iterator[StudyText]:
    for row in _rows(data / "prose/wiki_core.jsonl.xz"):
        text = row["text"][:240].rpartition(" ")[0]
        yield StudyText(text, ((0, len(text)),))


def _some(rng: random.Random, items: Iterable[Item], count: int) -> list[Item]:
    """At most `count` of `items`, drawn without repetition."""
    every = list(items)
    return rng.sample(every, min(count, len(every)))
