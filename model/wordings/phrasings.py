"""Common relations in our own words: recognises one in a question or statement, and phrases it in all others.

Templates carry [X] for the subject and [Y] for the answer; `phrasings.json` holds them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from model.wordings.grammar import PREPOSITIONS, TIMES, is_colour, is_named_person, is_participle, shape_of
from model.wordings.variants import inner_subject

_YEAR = re.compile(r" (?:in|since|on) (?:\S+ )*\d{4}$")


@dataclass(frozen=True)
class Reading:
    """A fact as understood: what it is about, its answer, and templates for asking and for saying it."""

    subject: str
    answer: str
    questions: tuple[str, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """One common relation. `answer` is the shape of its answers; `also` is recognised but never produced."""

    name: str
    ask: str
    answer: str
    copula: str
    nouns: tuple[str, ...]
    questions: tuple[str, ...]
    statements: tuple[str, ...]
    also: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def reading(self, subject: str, answer: str) -> Reading:
        """This relation of one subject, with the wordings of its own before those that its nouns give."""
        questions, statements = list(self.questions), list(self.statements)
        for index, noun in enumerate(self.nouns):
            asked, said = noun_wordings(noun, ask=self.ask, copula=self.copula)
            # The second noun adds its name; the rarer turns of phrase come with the first alone.
            questions += asked if index == 0 else asked[:2]
            statements += said if index == 0 else said[:2]
        return Reading(subject, answer, tuple(dict.fromkeys(questions)), tuple(dict.fromkeys(statements)))

    def accepts(self, answer: str) -> bool:
        """Whether a bare statement's answer has the shape that this relation's answers have."""
        if (
            answer.lower().startswith("not ")
            or len(answer.split()) > 12
            or re.search(r"[;(]|, which | and is ", answer)
        ):
            return False
        if self.only:
            return answer.lower().split()[-1] in self.only
        if answer.split()[0].lower() in PREPOSITIONS and self.answer != "hours":
            return False
        return _fits(self.answer, answer)


def noun_wordings(
    noun: str, *, ask: str = "What", copula: str = "is", preposition: str = "of"
) -> tuple[list[str], list[str]]:
    """Questions and statements of «the noun of [X]», the plainest first."""
    questions = [f"{ask} {copula} the {noun} {preposition} [X]?"]
    statements = [f"The {noun} {preposition} [X] {copula} [Y]."]
    if preposition != "from":
        questions.append(f"{ask} {copula} [X]'s {noun}?")
        statements.append(f"[X]'s {noun} {copula} [Y].")
    place = preposition if preposition in {"at", "in", "on", "for"} else "for"
    questions.append(f"{place.capitalize()} [X], {ask.lower()} {copula} the {noun}?")
    questions.append(f"[X]: {noun}?")
    questions.append(f"The {noun} {preposition} [X] {copula} {ask.lower()}?")
    statements.append(f"{place.capitalize()} [X], the {noun} {copula} [Y].")
    statements.append(f"When it comes to [X], the {noun} {copula} [Y].")
    return questions, statements


def _fits(wanted: str, answer: str) -> bool:
    shape = shape_of(answer)
    bare = re.sub(r"^(?:the|a|an) ", "", answer, flags=re.IGNORECASE)
    tests = {
        "name": shape not in TIMES and (bare[:1].isupper() or is_named_person(answer)),
        "place": shape in {"person", "text"} and bare[:1].isupper(),
        "text": shape not in TIMES,
        "time": shape in {"date", "day", "month"},
        "number": bool(re.search(r"\d", answer)) or shape in {"number", "count", "measure"},
        "measure": shape in {"measure", "number"},
        "colour": is_colour(answer),
        "email": "@" in answer,
        "website": bool(re.fullmatch(r"(?:https?://)?[\w-]+(?:\.[\w/-]+)+", answer)),
        "address": bool(re.search(r"\d", answer) and re.search(r"[A-Z][a-z]{2}", answer)),
        "hours": bool(re.search(r"\d| to |day", answer)),
    }
    return tests.get(wanted, shape == wanted)


@cache
def relations() -> tuple[Relation, ...]:
    """All relations of the data file."""
    rows = json.loads(Path(__file__).with_name("phrasings.json").read_text(encoding="utf-8"))
    return tuple(_relation(row) for row in rows)


def _relation(row: dict[str, Any]) -> Relation:
    return Relation(
        name=row["name"],
        ask=row["ask"],
        answer=row["answer"],
        copula=row["copula"],
        nouns=tuple(row["nouns"]),
        questions=tuple(row["questions"]),
        statements=tuple(row["statements"]),
        also=tuple(row["also"]),
        only=tuple(row.get("only", ())),
    )


@cache
def relation_of_noun(noun: str) -> Relation | None:
    """The relation that a noun names: «capital city» → capital."""
    return next((relation for relation in relations() if noun.lower() in map(str.lower, relation.nouns)), None)


@cache
def _patterns(mark: str) -> tuple[tuple[int, re.Pattern[str], Relation], ...]:
    """(tightness, pattern, relation) of every template that ends in `mark`, the tightest first."""
    found = {}
    for relation in relations():
        base = relation.reading("", "")
        for template in (*base.questions, *base.statements, *relation.also):
            if template.endswith(mark):
                literal = re.sub(r"\[[XY]\]", "", template)
                found[template, relation.name] = (len(literal), _pattern(template), relation)
    return tuple(sorted(found.values(), key=lambda entry: -entry[0]))


def _pattern(template: str) -> re.Pattern[str]:
    text = re.escape(template[:-1]).replace(r"\ ", " ").replace("'", "['’]")
    text = text.replace(r"\[X\]", "(?P<x>.+?)").replace(r"\[Y\]", "(?P<y>.+?)")
    return re.compile(text, re.IGNORECASE)


def match_question(question: str, answer: str) -> Reading | None:
    """The tightest relation that asks `question` (no final mark) and could have `answer`."""
    fitting: list[tuple[bool, int, Relation, str]] = []
    for tightness, pattern, relation in _patterns("?"):
        match = pattern.fullmatch(question)
        if match and _may_be_subject(match["x"]) and not _impossible(relation, answer):
            fitting.append((relation.accepts(answer), tightness, relation, match["x"]))
    if not fitting:
        return None
    _, _, relation, subject = max(fitting, key=lambda entry: entry[:2])
    return relation.reading(subject, answer)


def _impossible(relation: Relation, answer: str) -> bool:
    """A question's own words decide, unless they leave the time open («When was X born?»)."""
    if answer.split()[0].lower() in PREPOSITIONS and relation.answer != "hours":
        return True
    exact = {
        "year",
        "time",
        "clock",
        "colour",
        "address",
        "website",
        "hours",
        "place",
        "measure",
        "money",
        "duration",
    }
    return relation.answer in exact and not relation.accepts(answer)


def match_statement(sentence: str, answer: str | None) -> Reading | None:
    """The tightest relation that says `sentence` (no final mark); with `answer` when that is known."""
    for reading in _statement_readings(sentence):
        if answer is None or _same(answer, reading.answer):
            return reading
    return None


def _statement_readings(sentence: str) -> Iterator[Reading]:
    for _, pattern, relation in _patterns("."):
        match = pattern.fullmatch(sentence)
        # «Rosa's favourite colour is teal» says nothing of the colour of a colour.
        if not match or not _may_be_subject(match["x"]) or match["x"].split()[-1] in relation.nouns:
            continue
        # «founded by Tessa Quorn in 2011»: the year is no part of the name.
        answer = _YEAR.sub("", match["y"]) if relation.answer == "name" else match["y"]
        # «The Norvik choir won the cup», «Too much light makes …»: a capital that only opens the sentence goes.
        if match.start("y") == 0 and not re.match(r"The [A-Z]\S*(?: [A-Z]\S*)*$", answer):
            answer = inner_subject(answer)
        if not relation.accepts(answer):
            continue
        # «Norvik makes bicycles» is about Norvik: a subject behind its answer has to be a name.
        if match.start("y") < match.start("x") and (
            shape_of(match["x"]) == "count" or not re.search(r"[A-Z\d]|^(?:the|our|my) ", match["x"])
        ):
            continue
        yield relation.reading(match["x"], answer)


def _may_be_subject(text: str) -> bool:
    words = text.lower().split()
    ends_well = bool(words) and words[-1] not in {"the", "a", "of"} and not is_participle(words[-1])
    return ends_well and len(words) <= 12 and words[0] not in PREPOSITIONS and not re.search(r"[;(]|, ", text)


def _same(left: str, right: str) -> bool:
    return re.sub(r"^(the|a|an) |\W", "", left.lower()) == re.sub(r"^(the|a|an) |\W", "", right.lower())
