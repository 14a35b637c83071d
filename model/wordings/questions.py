"""Takes a posted question of no known relation apart, so that its answer can be asked for otherwise."""

import re

from model.wordings.clauses import Clause, DoerClause
from model.wordings.constructions import may_do
from model.wordings.doing import in_case
from model.wordings.grammar import (
    AUXILIARIES,
    BASES,
    BE,
    DETERMINERS,
    DO,
    FINITE_FORMS,
    MODALS,
    PREPOSITIONS,
    TIMES,
    finite,
    is_participle,
    shape_of,
)
from model.wordings.nominal import DEGREES
from model.wordings.nouns import copular, how_to, noun_reading, there_are
from model.wordings.phrasings import Reading
from model.wordings.variants import upper_first
from model.wordings.verbs import NOUNLIKE

_ASKING = {"who", "whom", "what", "which", "where", "when", "why", "how"}
_SHORT = re.compile(r"^(who|what|where|when|how)['’]?s (?=.)", re.IGNORECASE)
_REQUEST = re.compile(
    r"^(?:please,? )?(?:(?:can|could|would) you (?:please )?)?"
    r"(?:tell me|do you know|give me|name|i (?:would like|want|need) to know|i(?:'d| would) like to know) ",
    re.IGNORECASE,
)
_NOUN_PHRASE = re.compile(r"[A-Za-z][a-z-]*(?: [a-z-]+){0,3} (?:of|for) [^ ].*|[A-Z][\w -]*'s [a-z -]+")
_CASE = re.compile(r"[Ww]hat (?:happens|should happen) (?:to [a-z]+ )?(?:if|when) (?P<case>.+)")
_CHOICE = re.compile(
    r"(?P<ask>Which(?: one)?|What|Who) (?P<copula>is|are|was|were) "
    r"(?P<degree>(?:the )?[a-z]+er|(?:more|less) [a-z]+)[,:] (?P<first>.+?),? or (?P<second>.+)"
)
_ADJECTIVE = re.compile(
    r"[a-z]+(?:able|ible|ful|ous|ive|ical|less|proof|free)|open|closed|free|safe|ready|full|empty|legal|available|"
    r"public|private|valid|alive|dead|toxic|vegan|active|mandatory|compulsory|necessary|near|far|allowed"
)
_USUAL = {"clock": "at", "year": "in", "date": "on", "month": "in", "day": "on"}


def plain_question(question: str) -> str:
    """Without its final mark, request («Tell me …») and contraction («What's …»)."""
    text = question.strip().rstrip("?!. ").strip()
    asked = _REQUEST.sub("", text)
    if asked != text and asked.split()[0].lower() in DETERMINERS:
        return f"What is {asked}"
    first = asked.split()[0].lower() if asked else ""
    if _NOUN_PHRASE.fullmatch(asked) and first not in _ASKING | AUXILIARIES | PREPOSITIONS | DETERMINERS:
        # «Capital of Zorvania» is asked like a search.
        return f"What is {asked}" if "'s " in asked else f"What is the {asked[:1].lower()}{asked[1:]}"
    # An embedded question has the order of a statement («tell me where it leaves»): no rule reads that.
    text = text if asked != text and first in _ASKING else asked
    return _SHORT.sub(lambda match: f"{match[1]} is ", text)


def read_question(question: str, answer: str) -> Reading | None:
    """A plain question taken apart; None when its words are of no shape that is known here."""
    words = question.split()
    lead = words[0].lower() if len(words) > 1 and words[0].lower() in PREPOSITIONS else ""
    words = words[1:] if lead else words
    if words[:1] and words[0].lower() in AUXILIARIES:
        return _read_whether(words[0].lower(), words[1:], answer)
    if choice := _CHOICE.fullmatch(question):
        return _read_choice(choice, answer)
    if case := _CASE.fullmatch(question):
        return in_case(case["case"], answer)[0]
    if len(words) < 2 or words[0].lower() not in _ASKING or "or" in words or "n't" in question:
        return None
    index = next((i for i, word in enumerate(words[:6]) if i and word in AUXILIARIES), None)
    if index is None:
        return None if lead else _read_doer(words, answer)
    front = " ".join([words[0].capitalize(), *words[1:index]]).replace("Whom", "Who")
    if words[index] in BE:
        return _read_be(front, lead, words[index], words[index + 1 :], answer)
    return _read_do(front, lead, words[index], words[index + 1 :], answer)


def _read_do(front: str, lead: str, auxiliary: str, rest: list[str], answer: str) -> Reading | None:
    if front == "Who" and not lead and auxiliary in MODALS and rest[0] in BASES and len(rest) > 1:
        return may_do(" ".join(rest), auxiliary, answer)
    if front == "How" and rest[0] in {"I", "you", "we", "one"} and auxiliary in {"do", "can", "should"}:
        return how_to(" ".join(rest[1:]), answer) if len(rest) > 1 else None
    index = _base_verb(rest)
    if index is None or rest[index + 1 : index + 2] == ["and"]:
        return None
    if index > 1 and rest[index - 1] == "not":
        # «What can the app not export?»
        return _clause(front, lead, auxiliary, rest[: index - 1], f"not {rest[index]}", rest[index + 1 :], answer)
    return _clause(front, lead, auxiliary, rest[:index], rest[index], rest[index + 1 :], answer)


def _base_verb(words: list[str]) -> int | None:
    """Where the bare verb of a question with «does» stands: the first sure one, else the last possible."""
    unsure = None
    for index in range(1, len(words)):
        previous = words[index - 1].lower()
        if words[index] not in BASES | {"do"} or previous in DETERMINERS | PREPOSITIONS | {"to", "of", "and"}:
            continue
        if words[index] not in NOUNLIKE:
            return index
        # «recall the pump»: what stands in front of a determiner is the verb.
        if unsure is None or words[unsure + 1] not in DETERMINERS:
            unsure = index
    return unsure


def _read_whether(auxiliary: str, rest: list[str], answer: str) -> Reading | None:
    """«Is the beach reachable by car?», «Does Larch cover hail damage?»"""
    index = _base_verb(rest) if auxiliary not in BE else _predicate(rest)
    if index is None:
        return None
    subject, told = " ".join(rest[:index]), " ".join(rest[index:])
    act = finite(auxiliary, rest[index]) if auxiliary in DO else f"{auxiliary} {rest[index]}"
    act = " ".join([act, *rest[index + 1 :]])
    first = auxiliary.capitalize()
    questions = (
        f"{first} [X] {told}?",
        f"Is it true that [X] {act}?",
        f"Do you know whether [X] {act}?",
        f"Tell me if [X] {act}.",
        f"Is it the case that [X] {act}?",
        f"[X] {act}, yes or no?" if answer.lower() in {"yes", "no"} else f"Can you say if [X] {act}?",
    )
    return Reading(subject, answer, questions, (f"Whether [X] {act}: [Y].",))


def _predicate(words: list[str]) -> int | None:
    """Where the predicate of «is the beach reachable by car» starts: at a participle, an adjective or a phrase."""
    for index in range(1, len(words)):
        word, previous = words[index], words[index - 1].lower()
        if previous in DETERMINERS | PREPOSITIONS | {"of"}:
            continue
        if is_participle(word) or _ADJECTIVE.fullmatch(word) or word in DETERMINERS:
            return index
    return None


def _read_choice(found: re.Match[str], answer: str) -> Reading:
    """«Which is cheaper, the Basic or the Flex plan?»"""
    ask, copula, degree, first, second = (found[name] for name in ("ask", "copula", "degree", "first", "second"))
    questions = (
        f"{ask} {copula} {degree}, {first} or [X]?",
        f"Of {first} and [X], which {copula} {degree}?",
        f"What {copula} {degree}, [X] or {first}?",
        f"{upper_first(first)} or [X]: which {copula} {degree}?",
        f"Between {first} and [X], which one {copula} {degree}?",
    )
    return Reading(second, answer, questions, (f"Of {first} and [X], the {degree} one {copula} [Y].",))


def _read_be(front: str, lead: str, copula: str, rest: list[str], answer: str) -> Reading | None:
    for index in range(1, len(rest)):
        if {"which", "that", "who", "whom"} & set(rest[:index]):
            break
        if not is_participle(rest[index]) or rest[index - 1].lower() in DETERMINERS | PREPOSITIONS:
            continue
        # «What is the pot woven with wicker called?»: behind «what is» a participle may still belong to the noun.
        named = front in {"Who", "What"} and rest[index + 1 :] and rest[-1] not in PREPOSITIONS
        if rest[index - 1] == "being" and index > 1 and not named:
            return _clause(front, lead, copula, rest[: index - 1], f"being {rest[index]}", rest[index + 1 :], answer)
        if not named:
            return _clause(front, lead, copula, rest[:index], rest[index], rest[index + 1 :], answer)
    if not rest:
        return None
    phrase, first = " ".join(rest), front.split()[0]
    if front.startswith("How many ") and rest[0] in {"in", "on", "at"} and len(rest) > 1:
        return there_are(copula, answer, front.removeprefix("How many "), phrase)
    if front.startswith("How ") and len(front.split()) == 2:
        return _read_degree(front, copula, phrase, answer)
    if first == "Why" and (split := _predicate(rest)):
        return _clause(front, lead, copula, rest[:split], rest[split], rest[split + 1 :], answer)
    if lead or rest[-1] in PREPOSITIONS or first in {"Where", "When", "Why", "How"}:
        known = noun_reading(phrase, copula, answer, front) if front in {"Where", "When"} else None
        return known or _clause(front, lead, copula, rest, "", [], answer)
    if rest[0] in DETERMINERS or "'s " in phrase or rest[0][:1].isupper() or rest[0][:1].isdigit():
        if front not in {"Who", "What"}:
            return Reading(phrase, answer, (f"{front} {copula} [X]?",), ())
        return noun_reading(phrase, copula, answer, front) or copular(phrase, copula, answer, front)
    return _read_doer([*front.split(), copula, *rest], answer)


def _read_degree(front: str, copula: str, subject: str, answer: str) -> Reading:
    """«How thick is the wall?»"""
    degree = front.split()[1]
    measured = shape_of(answer) in {"measure", "number", "duration"} and degree not in {
        "much",
        "many",
        "often",
        "far",
    }
    said = f"[X] {copula} [Y]." if answer.endswith(degree) else f"[X] {copula} [Y] {degree}."
    noun = DEGREES.get(degree)
    named = (
        (f"What {copula} the {noun} of [X]?", f"What {copula} [X]'s {noun}?", f"What {noun} does [X] have?")
        if noun
        else ()
    )
    questions = (f"{front} {copula} [X]?", *named, f"[X]: how {degree}?", f"[X] {copula} how {degree}?")
    told = (f"The {noun} of [X] {copula} [Y].",) if noun else ()
    return Reading(subject, answer, questions, (*((said,) if measured else ()), *told))


def _clause(
    front: str, lead: str, auxiliary: str, subject: list[str], verb: str, behind: list[str], answer: str
) -> Reading | None:
    """The clause of a question; `lead` or a preposition left at the end belongs in front of the answer."""
    if not verb and len(subject) > 1 and subject[-1] in PREPOSITIONS:
        subject, behind = subject[:-1], subject[-1:]
    left = lead
    if behind and behind[-1] in PREPOSITIONS and not lead:
        left, behind = behind[-1], behind[:-1]
    counted = " ".join(front.split()[2:]) if front.startswith("How many ") else ""
    shape = shape_of(answer, "at" if front in {"When", "What time"} else "")
    preposition = left
    if not left and shape in TIMES and front.split()[0] in {"When", "What", "Which"}:
        preposition = _USUAL[shape]
    # «At what time» keeps its preposition in front: left behind it would be «What time … at?».
    time_front = lead and front.split()[-1] in {"time", "year", "day", "date", "month"}
    asked = (f"{lead.capitalize()} {front.lower()}", "") if time_front else (front, left)
    name = " ".join(subject)
    if not name:
        return None
    return Clause(name, auxiliary, verb, answer, " ".join(behind), preposition, counted=counted, front=asked).reading()


def _read_doer(words: list[str], answer: str) -> Reading | None:
    """«Which firm repairs the clock?»: the question word is the one who acts."""
    for index in range(1, min(len(words) - 1, 6)):
        word, rest = words[index], words[index + 1 :]
        if word in BASES and words[index - 1].endswith("s") and words[0].lower() in {"which", "what"}:
            return _plural_doers(words[:index], word, rest, answer)
        if word not in FINITE_FORMS and word not in BE:
            continue
        auxiliary, base = ("", word) if word in BE else FINITE_FORMS[word]
        front = " ".join([words[0].capitalize(), *words[1:index]])
        at = next((i for i, other in enumerate(rest[:-1]) if other in PREPOSITIONS), None)
        if word in BE and at is None:
            return None
        split = 0 if at is None or (word not in BE and at) else at + 1
        clause = DoerClause(answer, auxiliary, base, " ".join(rest[split:]), " ".join(rest[:split]), front=front)
        return clause.reading() if front in {"Who", "What"} or front.startswith(("Which ", "What ")) else None
    return None


def _plural_doers(front: list[str], verb: str, rest: list[str], answer: str) -> Reading:
    """«Which companies own the refinery?»"""
    noun = " ".join(front[1:])
    lead = f"{rest[0]} " if rest[0] in PREPOSITIONS else ""
    subject = " ".join(rest[1:] if lead else rest)
    other = "What" if front[0].lower() == "which" else "Which"
    questions = (
        f"{front[0].capitalize()} {noun} {verb} {lead}[X]?",
        f"{other} {noun} {verb} {lead}[X]?",
        f"What are the {noun} that {verb} {lead}[X]?",
        f"What are the names of the {noun} that {verb} {lead}[X]?",
    )
    return Reading(subject, answer, questions, (f"The {noun} that {verb} {lead}[X] are [Y].",))


def is_asking(text: str) -> bool:
    """Whether a text is a question: by its mark, or by how it begins."""
    words = text.lower().split()
    begins = bool(words) and (
        words[0] in _ASKING
        or words[0] in DO | BE
        or (words[0] in PREPOSITIONS and len(words) > 1 and words[1] in _ASKING)
    )
    return text.rstrip().endswith("?") or begins or bool(_REQUEST.match(text))
