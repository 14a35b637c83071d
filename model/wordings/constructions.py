"""Sentences that are no plain clause: conditions, reasons, requests, bans, comparisons, exceptions, reports.

Every rule gives the readings that it is sure of, the likeliest first, or none.
"""

import re

from model.wordings.clauses import Clause
from model.wordings.deeds import deed
from model.wordings.doing import by_doing, in_case, request
from model.wordings.gaps import gap, split_adjunct
from model.wordings.grammar import (
    BASES,
    BE,
    DETERMINERS,
    FINITE_FORMS,
    MODALS,
    PREPOSITIONS,
    finite,
    is_participle,
)
from model.wordings.nominal import verb_question
from model.wordings.phrasings import Reading
from model.wordings.variants import inner_subject, upper_first
from model.wordings.verbs import main_verb

_CONDITION = re.compile(r"(?:If|When|Whenever|Once|In case|As soon as) (?P<case>[^,]+), (?:then )?(?P<act>.+)")
_CONDITION_BEHIND = re.compile(r"(?P<act>[^,]+?),? (?:if|when|whenever|in case) (?P<case>[^,]+)")
_REASON = re.compile(r"(?P<main>.+?),? (?P<link>because of|because|due to|owing to) (?P<why>.+)")
_ONLY = re.compile(r"Only (?P<who>.+?) (?P<modal>may|can|must|should) (?P<act>[a-z].+)")
_BAN = re.compile(r"No (?P<what>[a-z][a-z -]*?) (?:is|are) (?P<how>allowed|permitted|accepted|admitted) (?P<where>.+)")
_NOT = re.compile(
    r"(?P<subject>.+?) (?P<auxiliary>does|do|did|is|are|was|were|can|may|must|will|should|could|would|has|have)"
    r"(?: not|n['’]t|not) (?P<verb>[a-z]+) (?P<rest>.+)"
)
_TIMES_AS = re.compile(
    r"(?P<subject>.+?) (?P<copula>is|are|was|were) "
    r"(?P<degree>(?:about |nearly |almost )?(?:twice|half|\w+ times) as (?P<adjective>[a-z]+)) as (?P<other>.+)"
)
_THAN = re.compile(
    r"(?P<subject>.+?) (?P<copula>is|are|was|were) "
    r"(?P<degree>(?!other )[a-z]+er|(?:more|less) [a-z]+) than (?P<other>.+)"
)
_EXCEPT = re.compile(
    r"(?:All|Every|Each|All of) (?P<kind>(?:the )?[a-z]+) (?P<act>.+?),? except (?:for )?(?P<answer>.+)"
)
_REPORT = re.compile(
    r"(?P<who>.+?) (?:said|says|reported|reports|announced|announces|confirmed|confirms|found|stated|states|showed|"
    r"shows|wrote|writes|noted|explained|believes|claims|claimed) that (?P<what>.+)"
)
_IT_TAKES = re.compile(r"It (?P<takes>takes|took) (?P<time>.+?) to (?P<task>[a-z].+)")
_SIDE_CLAUSE = re.compile(
    r"(?P<lead>[A-Z][^,]*), (?P<link>who|which|whose|where|now|formerly|then|also|[a-z]+ed|built|founded) "
    r"(?P<side>[^,]+), (?P<rest>[a-z].+)"
)
_HAS_BEEN = re.compile(
    r"(?P<subject>.+?) (?P<has>has|have) been "
    r"(?P<role>(?:the|our|my) (?P<noun>[a-z ]+?)(?: (?:of|for|at) (?P<whole>.+?))?)(?: since (?P<since>.+))?"
)


def read_construction(sentence: str, answer: str | None) -> list[Reading]:
    """The readings of an unusual sentence without its final mark; with `answer` only those that have it."""
    rules = (
        _takes_time,
        _has_been,
        _condition,
        _reason,
        _only,
        _ban,
        _negation,
        _times_as,
        _than,
        _except,
        deed,
        by_doing,
        request,
        _condition_behind,
    )
    for rule in rules:
        found = [reading for reading in rule(sentence) if answer is None or _same(reading.answer, answer)]
        if found:
            return found
    return []


def plainer(sentence: str) -> str:
    """A sentence without the clause between commas, and without who reports it; itself where it has neither."""
    side = _SIDE_CLAUSE.fullmatch(sentence)
    if side:
        return f"{side['lead']} {side['rest']}"
    report = _REPORT.fullmatch(sentence)
    if report and main_verb(report["what"].split()) is not None and "," not in report["who"]:
        return upper_first(report["what"])
    return sentence


def aside(sentence: str) -> str:
    """The clause between commas as a sentence: «Rosa Bell, who joined in May, …» → «Rosa Bell joined in May»."""
    side = _SIDE_CLAUSE.fullmatch(sentence)
    if not side:
        return ""
    if side["link"] in {"who", "which"} and side["side"].split()[0] in BE | MODALS | set(FINITE_FORMS):
        return f"{side['lead']} {side['side']}"
    dated = is_participle(side["link"]) and re.search(r"\b\d{4}$", side["side"])
    return f"{side['lead']} was {side['link']} {side['side']}" if dated else ""


def _condition(sentence: str) -> list[Reading]:
    found = _CONDITION.fullmatch(sentence)
    return in_case(found["case"], found["act"]) if found else []


def _condition_behind(sentence: str) -> list[Reading]:
    found = _CONDITION_BEHIND.fullmatch(sentence)
    if not found or len(found["case"].split()) < 3:
        return []
    return in_case(found["case"], inner_subject(found["act"]))


def _reason(sentence: str) -> list[Reading]:
    found = _REASON.fullmatch(sentence)
    parts = found and _simple(found["main"])
    if not found or not parts:
        return []
    subject, auxiliary, verb, rest = parts
    link = found["link"]
    clause = Clause(subject, auxiliary, verb, found["why"], rest, front=("Why", ""))
    said = " ".join(part for part in ("[X]", finite(auxiliary, verb), rest) if part)
    of = "because of" if link != "because" else "because"
    questions = (
        clause.question("Why", ""),
        clause.question("For what reason", ""),
        f"What is the reason why {said}?",
        f"How come {said}?",
    )
    statements = (f"{said} {of} [Y].", f"The reason why {said} is that [Y]." if of == "because" else "")
    return [Reading(subject, found["why"], questions, tuple(filter(None, statements)))]


def _simple(sentence: str) -> tuple[str, str, str, str] | None:
    """A clause as subject, auxiliary, verb and rest; None where the verb is not sure."""
    words = sentence.split()
    index = main_verb(words)
    if index is None or set(words) & {"not", "which", "who"} or "," in sentence:
        return None
    subject, word, rest = " ".join(words[:index]), words[index], words[index + 1 :]
    if word in BE | MODALS:
        return (subject, word, rest[0] if rest else "", " ".join(rest[1:]))
    auxiliary, base = FINITE_FORMS.get(word, ("do", word))
    return subject, auxiliary, base, " ".join(rest)


def _only(sentence: str) -> list[Reading]:
    found = _ONLY.fullmatch(sentence)
    if not found:
        return []
    return [may_do(found["act"], found["modal"], found["who"])]


def may_do(act: str, modal: str, who: str) -> Reading:
    """«[The miller] may open the sluice»: who may?"""
    questions = [f"Who {modal} [X]?", f"Who is the only one that {modal} [X]?", f"By whom {modal} one [X]?"][:2]
    if modal in {"may", "can"}:
        questions += ["Who is allowed to [X]?", "Who has permission to [X]?", "Who has the right to [X]?"]
    return Reading(act, who, tuple(questions), (f"The one who {modal} [X] is [Y].",))


def _ban(sentence: str) -> list[Reading]:
    found = _BAN.fullmatch(sentence)
    if not found:
        return []
    how, where = found["how"], found["where"]
    preposition, _, place = where.partition(" ")
    questions = (
        f"What is not {how} {preposition} [X]?",
        f"What is forbidden {preposition} [X]?",
        f"{preposition.capitalize()} [X], what is not {how}?",
    )
    statements = (f"What is not {how} {preposition} [X]: [Y].", f"Forbidden {preposition} [X] are [Y].")
    return [Reading(place or where, found["what"], tuple(filter(None, questions)), statements)] if place else []


def _negation(sentence: str) -> list[Reading]:
    found = _NOT.fullmatch(sentence.replace("cannot", "can not"))
    if not found or found["verb"] in DETERMINERS | PREPOSITIONS | {"only"} or "," in found["subject"]:
        return []
    cut = gap(found["rest"].split(), None)
    if not cut:
        return []
    verb = f"not {found['verb']}"
    thing, tail = split_adjunct(found["rest"].split())
    readings: list[Reading] = []
    if tail and thing.split()[0] not in PREPOSITIONS:
        # «does not ship fish to Melpek»: rather what is not shipped than where to.
        readings.append(Clause(found["subject"], found["auxiliary"], verb, thing, after=tail).reading())
    before, answer, after = cut
    if not before or before[-1] in PREPOSITIONS:
        preposition = before.pop() if before else ""
        clause = Clause(found["subject"], found["auxiliary"], verb, answer, " ".join(before), preposition, after)
        readings.append(clause.reading())
    return readings


def _times_as(sentence: str) -> list[Reading]:
    found = _TIMES_AS.fullmatch(sentence)
    if not found:
        return []
    copula, adjective, other = found["copula"], found["adjective"], inner_subject(found["other"])
    questions = (
        f"How {adjective} {copula} [X] compared with {other}?",
        f"Compared with {other}, how {adjective} {copula} [X]?",
        f"How many times as {adjective} as {other} {copula} [X]?",
    )
    said = (f"Compared with {other}, [X] {copula} [Y].",)
    return [Reading(found["subject"], found["degree"], questions, said)]


def _than(sentence: str) -> list[Reading]:
    found = _THAN.fullmatch(sentence)
    if not found or "," in sentence:
        return []
    subject, copula, degree, other = found["subject"], found["copula"], found["degree"], found["other"]
    first = inner_subject(subject)
    ours = Reading(
        inner_subject(other),
        first,
        (
            f"Which {copula} {degree}, {first} or [X]?",
            f"What {copula} {degree} than [X]?",
            f"Which one {copula} the {degree}, [X] or {first}?",
            f"Of {first} and [X], which {copula} {degree}?",
        ),
        (
            f"Of [X] and {first}, the {degree} one {copula} [Y].",
            f"Compared with [X], the one that {copula} {degree} is [Y].",
        ),
    )
    theirs = Reading(subject, other, (f"What {copula} [X] {degree} than?",), (f"[X] {copula} {degree} than [Y].",))
    return [ours, theirs]


def _except(sentence: str) -> list[Reading]:
    found = _EXCEPT.fullmatch(sentence)
    if not found:
        return []
    words = found["act"].split()
    kind = found["kind"].removeprefix("the ")
    known = words[0] if words[0] in BE | MODALS else None
    base = words[0] if words[0] in BASES else FINITE_FORMS.get(words[0], ("", ""))[1]
    if not known and not base:
        return []
    rest = " ".join(words[1:])
    act = f"{known} not {rest}" if known else f"do not {base} {rest}"
    single = f"{known} not {rest}" if known else f"does not {base} {rest}"
    subject = f"{kind} {found['act']}"
    questions = (
        f"Which {kind} {act}?",
        f"What is the exception, when {subject}?",
        f"Which one of the {kind} {single}?",
    )
    return [Reading(rest, found["answer"], questions, (f"The {kind} that {act}: [Y].",))]


def _takes_time(sentence: str) -> list[Reading]:
    found = _IT_TAKES.fullmatch(sentence)
    if not found:
        return []
    takes, does = found["takes"], "does" if found["takes"] == "takes" else "did"
    questions = (
        f"How long {does} it take to [X]?",
        f"How much time {does} it take to [X]?",
        f"To [X], how long {does} it take?",
        "How long do I need to [X]?",
    )
    return [Reading(found["task"], found["time"], questions, (f"To [X], it {takes} [Y].", f"It {takes} [Y] to [X]."))]


def _has_been(sentence: str) -> list[Reading]:
    """«[Paolo Renzi] has been the conductor of the choir since [2016]»."""
    found = _HAS_BEEN.fullmatch(sentence)
    if not found:
        return []
    subject, has, role, noun, whole = found["subject"], found["has"], found["role"], found["noun"], found["whole"]
    is_ = "is" if has == "has" else "are"
    subject, whole = inner_subject(subject), whole or noun
    who = (f"Who {is_} {role}?", f"Who {has} been {role}?", f"What is the name of {role}?")
    by_verb = verb_question(noun, "is")
    asked = (*who, *([by_verb.replace("[X]", whole)] if by_verb else []))
    readings = [
        Reading(whole, subject, asked, (f"{upper_first(role)} {is_} [Y].", f"The one who {is_} {role} is [Y]."))
    ]
    if found["since"]:
        when = (
            f"Since when {has} [X] been {role}?",
            f"When did [X] become {role}?",
            f"How long {has} [X] been {role}?",
        )
        readings.append(Reading(subject, found["since"], when, (f"[X] {has} been {role} since [Y].",)))
    return readings


def _same(left: str, right: str) -> bool:
    return left.lower().removeprefix("the ") == right.lower().removeprefix("the ").rstrip(".!?")
