"""Facts to be taught, questions that are not, and what is right for each. Knows no model.

hand-made       facts that were written by hand, a third of them as bare statements; `benchmarks/handmade.jsonl`
zsre            what LocFT's authors took of zsRE, its locality questions are trivia; in these three sets one case of a
                subject alone, or what is never taught would be taught in another's words
wikibigedit     … of WikiBigEdit, its locality questions ask the same of a subject with almost the same name
counterfact     … of CounterFact, beginnings of sentences that are to be continued
entities        questions of EntityQuestions' test part, in one wording alone
questions       zsre and wikibigedit as one: enough to teach 2,700, and as many that are not
"""

import json
import lzma
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from model.facts import Fact

HERE = Path(__file__).parent.parent / "benchmarks"
Chat = tuple[tuple[str, str], ...]  # turns: role, content
SKILLS = {  # by name, their files
    "ARC-easy": "arc_easy.test",
    "PIQA": "piqa.valid",
    "HellaSwag": "hellaswag_subset",
    "OpenBookQA": "openbookqa.test",
}


@dataclass(frozen=True)
class Case:
    """A fact, and what is asked about it.

    fact        as it is posted
    posted      the question that it is posted with; of a bare statement none
    reworded    the same asked in words that are never taught; None where the set has none
    right       answers that are right; the first is taught
    before      what was right before
    beside      something else that is asked of the same subject, not taught
    neighbour   the same asked of another subject, not taught; in zsre any other question
    """

    fact: Fact
    posted: str | None
    reworded: str | None
    right: tuple[str, ...]
    before: tuple[str, ...] = ()
    beside: str | None = None
    neighbour: str | None = None


@dataclass(frozen=True)
class Task:
    """A question with choices, and which of them is right: what a model could do before has to stay."""

    question: str
    choices: tuple[str, ...]
    right: int


@dataclass(frozen=True)
class FactSet:
    """Cases that are taught, as many that are not, and what has nothing to do with either: chats, and tasks by name."""

    name: str
    taught: list[Case]
    untaught: list[Case]
    controls: list[Chat]
    skills: dict[str, list[Task]] = field(default_factory=dict)


def read(name: str, count: int, data: Path, seed: int = 0) -> FactSet:
    """A set of `count` taught cases, and as many that are not, drawn by `seed`.

    Raises ValueError for an unknown set, or one with fewer than 2 · count cases.
    """
    if name not in _READERS:
        raise ValueError(f"set: {name!r}; there are {', '.join(_READERS)}")
    cases = list(_READERS[name](data))
    random.Random(seed).shuffle(cases)
    if len(cases) < 2 * count:
        raise ValueError(f"facts: {count:,}; {name} has {len(cases):,} cases, of which half are never taught")
    return FactSet(name, cases[:count], cases[count : 2 * count], controls(data), skills(data))


def spread(cases: Sequence[Case], most: int) -> list[Case]:
    """At most so many cases, as far from each other as can be."""
    return [cases[at * len(cases) // most] for at in range(min(most, len(cases)))]


def question(text: str) -> Chat:
    """A chat of one turn."""
    return (("user", text),)


def controls(data: Path, trivia: int = 40) -> list[Chat]:
    """Instructions, arithmetic, code and chats of several turns, and trivia."""
    lines = (HERE / "general.jsonl").read_text(encoding="utf-8").splitlines()
    chats = [_chat(json.loads(line)["messages"]) for line in lines]
    asked = [row["question"] for row in rows(data / "qa" / "opentriviaqa.jsonl.xz") if not row.get("needs_choices")]
    return [*chats, *map(question, asked[:: len(asked) // trivia][:trivia])]


def skills(data: Path, most: int = 50) -> dict[str, list[Task]]:
    """The first tasks of each of four sets."""
    found = {}
    for name, file in SKILLS.items():
        some = islice(rows(data / "skill" / f"{file}.jsonl.xz"), most)
        found[name] = [
            Task(
                row.get("question") or row["ctx"],
                tuple(row.get("choices") or row["endings"]),
                row["answer_idx"] if "choices" in row else row["label"],
            )
            for row in some
        ]
    return found


def rows(file: Path) -> Iterable[dict[str, Any]]:
    """The lines of a file of the shared data."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _chat(turns: list[str]) -> Chat:
    chat: list[tuple[str, str]] = []
    for turn in turns:
        system, _, said = turn.partition("system: ")
        if said and not system:
            chat.append(("system", said))
        else:
            chat.append(("assistant" if chat and chat[-1][0] == "user" else "user", turn))
    return tuple(chat)


def _handmade(_: Path) -> Iterable[Case]:
    neighbours = {}
    for line in (HERE / "neighbours.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        neighbours[row["of"]] = row["question"]
    for number, line in enumerate((HERE / "handmade.jsonl").read_text(encoding="utf-8").splitlines(), start=1):
        row = json.loads(line)
        asked = row.get("question")
        yield Case(
            Fact(number, row.get("statement"), asked, row["answer"] if asked else None),
            asked,
            row["asked"],
            (row["answer"], *row.get("also", ())),
            beside=row.get("beside"),
            neighbour=neighbours.get(row["asked"]),
        )


def _locft(name: str) -> Callable[[Path], Iterable[Case]]:
    def cases(data: Path) -> Iterable[Case]:
        subjects = set[str]()
        for number, row in enumerate(rows(data / "edit" / f"locft_{name}.jsonl.xz"), start=1):
            subject = row["subject"].casefold().strip()
            if subject in subjects:
                continue
            subjects.add(subject)
            asked = row.get("question") or row["prompt"]
            yield Case(
                Fact(number, question=asked, answer=row["answer"]),
                asked,
                row["rephrase"],
                (row["answer"],),
                tuple(row.get("before", ())),
                neighbour=row["locality"],
            )

    return cases


def _entities(data: Path) -> Iterable[Case]:
    for number, row in enumerate(rows(data / "qa" / "entityquestions.test.jsonl.xz"), start=1):
        yield Case(
            Fact(number, question=row["question"], answer=row["answers"][0]),
            row["question"],
            None,
            tuple(row["answers"]),
        )


def _questions(data: Path) -> Iterable[Case]:
    cases = chain.from_iterable(_locft(name)(data) for name in ("zsre", "wikibigedit"))
    return (replace(case, fact=replace(case.fact, id=number)) for number, case in enumerate(cases, start=1))


_READERS: dict[str, Callable[[Path], Iterable[Case]]] = {
    "hand-made": _handmade,
    "zsre": _locft("zsre"),
    "wikibigedit": _locft("wikibigedit"),
    "counterfact": _locft("counterfact"),
    "entities": _entities,
    "questions": _questions,
}
