"""Shape rules for facts of no known relation: takes a statement or a question apart into a clause with a gap.

Every rule may decline; nothing here guesses where a wrong guess would make a wrong sentence.
"""

import re

from model.wordings.asking import has_preposition
from model.wordings.clauses import Clause, DoerClause
from model.wordings.gaps import COUNTED, gap, split_time
from model.wordings.grammar import (
    ADVERBS,
    BASES,
    BE,
    DETERMINERS,
    FINITE_FORMS,
    MODALS,
    NUMBER,
    PARTICIPLES,
    PREPOSITIONS,
    TIMES,
    finite,
    is_participle,
    is_someone,
    shape_of,
)
from model.wordings.nouns import copular, how_to, named_noun, noun_reading, numbered, superlative, there_are
from model.wordings.phrasings import Reading, relation_of_noun
from model.wordings.verbs import NOUNLIKE, main_verb

_DISTANCE = re.compile(
    rf"(?P<far>(?:half an? |{NUMBER} |an? )(?P<unit>[a-z]+)) (?:away )?"
    r"(?P<place>(?:from|(?:north|south|east|west|north-?east|north-?west|south-?east|south-?west) of|behind|beyond|"
    r"below|above|downstream of|upstream of|inside|outside) .+)"
)
# «asked the council to repair it» tells what the council should do, not what it is asked for.
_MAKING_DO = {"ask", "tell", "order", "allow", "permit", "force", "help", "enable", "want", "expect", "require"}
_MAKING_DO |= {"invite", "advise", "urge", "teach", "encourage", "cause", "lead"}
_NO_PURPOSE = {"have", "get", "give", "make", "take", "send", "deliver", "offer", "lend", "go", "come", "try", "begin"}
_DATIVE = {"sell", "ship", "supply", "rent", "export", "donate", "pay", "return", "provide", "connect", "add", "link"}


def read_statement(sentence: str, answer: str | None) -> Reading | None:
    """A statement without its final mark, taken apart; `answer` as it stands there, if it is known."""
    task = re.fullmatch(r"(?:To|In order to) ([a-z][^,]+), (?:please )?([a-z][^,]+)", sentence)
    if task and (answer is None or answer == task[2]):
        return how_to(task[1], task[2])
    counted = re.fullmatch(rf"There (is|are|was|were) ({NUMBER}) ([a-z -]+?) ((?:in|on|at) .+)", sentence)
    if counted and (answer is None or answer == counted[2]):
        return there_are(counted[1], counted[2], counted[3], counted[4])
    owned = re.fullmatch(rf"(.+) (has|had) an? ([a-z]+(?: [a-z]+){{0,2}}) of ({NUMBER}.*)", sentence)
    if owned and (answer is None or answer == owned[4]):
        return named_noun(owned[1], owned[3], "is" if owned[2] == "has" else "was", owned[4])
    words = sentence.split()
    if '"' in sentence:
        return None
    index = main_verb(words)
    if index is None or {"not", "n't"} & set(words) or "n't" in sentence:
        return None
    subject = " ".join(words[: index - (words[index - 1].lower() in ADVERBS)])
    if _is_complex(words, index, answer):
        return None
    rest = [word for word in words[index + 1 : index + 2] if word not in ADVERBS] + words[index + 2 :]
    if not rest or not subject:
        return None
    if answer and subject.lower().removeprefix("the ") == answer.lower().removeprefix("the "):
        return _read_doer(subject, words[index], rest)
    if words[index] in BE:
        return _read_be(subject, words[index], rest, answer)
    auxiliary, verb, rest = _verb_group(words[: index + 1], rest)
    return _fill(subject, auxiliary, verb, rest, answer) if rest else None


def _is_complex(words: list[str], index: int, answer: str | None) -> bool:
    """Whether a sentence says more than one thing: a wrong cut would make wrong sentences of it."""
    subject, rest = " ".join(words[:index]), words[index + 1 :]
    marks = re.search(r"[;()]| [-–—] ", " ".join(words)) or re.search(r",(?!\d)|\band (?:he|she|it|they)\b", subject)
    joined = {"which", "who", "because", "although", "while", "whereas", "but", "if", "when", "so", "where"}
    more = (BE | MODALS | joined) & set(rest) or (answer is None and re.search(r",(?! and )\D", " ".join(rest)))
    return bool(marks or more or len(words) > 24 or (answer is None and len(rest) > 14))


def _verb_group(words: list[str], rest: list[str]) -> tuple[str, str, list[str]]:
    """Auxiliary of the question, verb form behind it, and what follows."""
    word, previous = words[-1], words[-2].lower()
    if word in MODALS:
        return word, rest[0], rest[1:]
    if word in {"has", "have", "had"} and rest[0] == "been" and len(rest) > 2:
        return word, f"been {rest[1]}", rest[2:]
    if word in {"has", "have", "had"} and rest[0] in PARTICIPLES:
        return word, rest[0], rest[1:]
    if word not in FINITE_FORMS or (word in BASES and previous.endswith("s")):
        return "do", word, rest
    auxiliary, base = FINITE_FORMS[word]
    return auxiliary, base, rest


def _read_be(subject: str, copula: str, rest: list[str], answer: str | None) -> Reading | None:
    if is_participle(rest[0]) and len(rest) > 1 and not (answer is None and _is_compound(rest)):
        if rest[1] == "by" and shape_of(" ".join(rest[2:]), "by") not in TIMES:
            return _read_passive(subject, copula, rest)
        return _fill(subject, copula, rest[0], rest[1:], answer)
    if rest[0] in PREPOSITIONS and len(rest) > 1:
        return _fill(subject, copula, "", rest, answer)
    if len(rest) > 2 and rest[1] in PREPOSITIONS and re.fullmatch(r"[a-z]+", rest[0]) and rest[0] != "not":
        # «due on Friday», «allergic to nuts»: an adjective stands like a participle.
        return None if rest[0] in DETERMINERS else _fill(subject, copula, rest[0], rest[1:], answer)
    said = " ".join(rest)
    far = _DISTANCE.fullmatch(said)
    if far and answer in {None, far["far"]} and shape_of(f"1 {far['unit']}") in {"measure", "duration"}:
        return _distance(subject, copula, far["far"], far["place"])
    if answer and answer.lower() != said.lower():
        return _fill(subject, copula, "", rest, answer) if rest[-1] in answer else None
    if not answer and re.fullmatch(rf"{NUMBER} .*(?:thick|old|tall|long|high|wide|deep|heavy|away)", said):
        return _measured(subject, copula, " ".join(rest[:-1]), rest[-1])
    ranked = None if answer else superlative(subject, copula, said)
    if ranked:
        return ranked
    role = re.fullmatch(r"(the [a-z].*? (?:of|at|for|in|on|with) .+|.+['’]s .+)", said)
    if (
        role
        and not answer
        and subject not in {"It", "He", "She", "They", "This"}
        and re.fullmatch(r"[A-Z][\w.'’-]*(?: [A-Z][\w.'’-]*)*", subject)
    ):
        return noun_reading(said, copula, subject)
    known = numbered(subject, copula, said) or noun_reading(subject, copula, said)
    if known:
        return known
    is_someone = shape_of(subject) == "person" and re.match(r"(?:a|an) ", said)
    occupation = relation_of_noun("occupation")
    if is_someone and occupation and copula == "is":
        worded = occupation.reading(subject, said)
        # «The occupation of X is a baker» is clumsy, so only the questions are taken.
        return Reading(subject, said, ("Who is [X]?", *worded.questions), ("[X] is [Y].", "By occupation, [X] is [Y]."))
    return copular(subject, copula, said, "Who" if shape_of(said) == "person" else "What")


def _is_compound(rest: list[str]) -> bool:
    """«is smoked cumin»: a participle in front of a bare noun describes it, unless it names or colours something."""
    follows = " ".join(rest[1:])
    naming = {"called", "named", "renamed", "painted", "dubbed", "nicknamed", "titled", "priced", "rated", "coloured"}
    plain = re.fullmatch(r"[a-z]+(?: [a-z]+)?", follows) and rest[1] not in PREPOSITIONS | DETERMINERS | ADVERBS
    return bool(plain) and rest[0] not in naming and shape_of(follows) == "text" and not rest[1].endswith("ly")


def _read_passive(subject: str, copula: str, rest: list[str]) -> Reading:
    doer, after = split_time(rest[2:])
    base = PARTICIPLES.get(rest[0])
    if base and copula == "was":
        return DoerClause(doer, "did", base, subject, after=after).reading()
    clause = Clause(subject, copula, rest[0], doer, preposition="by", after=after)
    someone = (
        doer[:1].isupper() or is_someone(doer) or re.match(r"the (?:[A-Z]|.* (?:team|office|board|crew|staff)$)", doer)
    )
    who = (("Who", "by"), ("By whom", "")) if someone else (("What", "by"), ("By what", ""))
    made = clause.reading()
    return Reading(subject, doer, tuple(clause.question(words, left) for words, left in who), made.statements[:1])


def _read_doer(answer: str, word: str, rest: list[str]) -> Reading | None:
    """A statement whose answer comes first; `rest` is what it does something to."""
    if word in BE:
        return noun_reading(" ".join(rest), word, answer)
    auxiliary, base = FINITE_FORMS.get(word, ("do", word))
    lead = rest[0] if rest[0] in PREPOSITIONS and len(rest) > 1 else ""
    subject, after = split_time(rest[1:] if lead else rest)
    return DoerClause(answer, auxiliary, base, subject, lead=lead, after=after).reading()


def _fill(subject: str, auxiliary: str, verb: str, rest: list[str], answer: str | None) -> Reading | None:
    """The clause once the answer is found in what follows the verb."""
    found = gap(rest, answer)
    if not found:
        return None
    before, answer, after = found
    preposition = before.pop() if before and before[-1] in PREPOSITIONS else ""
    if not preposition and answer.startswith("of ") and verb:
        preposition, answer = "of", answer.removeprefix("of ")
    if before and before[-1] in DETERMINERS | {"of"}:
        return None
    if preposition == "to" and (purpose := _purpose(subject, auxiliary, verb, before, f"{answer} {after}".strip())):
        return purpose
    counted = re.fullmatch(rf"({COUNTED}(?: of [a-z]+)?)( .*)?", after) if after else None
    if counted and not preposition and shape_of(answer) == "number":
        after, noun = (counted[2] or "").strip(), counted[1]
        return Clause(subject, auxiliary, verb, answer, " ".join(before), "", after, noun).reading()
    if not verb and not preposition and not has_preposition(answer):
        return _measured(subject, auxiliary, answer, after)
    return Clause(subject, auxiliary, verb, answer, " ".join(before), preposition, after).reading()


def _purpose(subject: str, auxiliary: str, verb: str, before: list[str], task: str) -> Reading | None:
    """«Nurses use the form [to report falls]»: what for; «asked the council [to repair it]»: to do what."""
    words = task.split()
    relation = relation_of_noun("purpose")
    if auxiliary == "is" and verb == "used" and not before and relation:
        return relation.reading(subject, f"to {task}")
    if auxiliary in BE and verb == "used" and not before:
        questions = (f"What {auxiliary} [X] used for?", f"For what purpose {auxiliary} [X] used?")
        return Reading(subject, f"to {task}", questions, (f"[X] {auxiliary} used [Y].",))
    noun = words[0] in NOUNLIKE and (len(words) < 2 or verb in _DATIVE)
    thing = " ".join(before)
    joined = not before or {"to", "and"} & set(before) or re.search(r"(?:ing|ed)$", thing)
    if words[0] not in BASES or noun or joined or verb in _NO_PURPOSE or auxiliary in BE:
        return None
    if verb in _MAKING_DO:
        said = f"[X] {finite(auxiliary, verb)} {thing}"
        questions = (f"What {auxiliary} [X] {verb} {thing} to do?", f"What is it that {said} to do?")
        return Reading(subject, f"to {task}", questions, (f"What {said} to do is [Y].", f"{said} [Y]."))
    clause = Clause(subject, auxiliary, verb, f"to {task}", thing)
    asked = tuple(clause.question(*front) for front in (("What", "for"), ("Why", ""), ("For what purpose", "")))
    said = f"What [X] {finite(auxiliary, verb)} {thing} for is [Y]."
    return Reading(subject, f"to {task}", asked, (said, f"[X] {finite(auxiliary, verb)} {thing} [Y]."))


def _distance(subject: str, copula: str, answer: str, place: str) -> Reading:
    """«The hostel is [two miles] from the station»: how far?"""
    questions = [f"How far {copula} [X] {place}?", f"How far {place} {copula} [X]?"]
    statements = [f"How far [X] {copula} {place}: [Y]."]
    other = place.removeprefix("from ")
    if other != place:
        questions += [f"What is the distance from [X] to {other}?", f"What is the distance between [X] and {other}?"]
        questions += [f"From {other}, how far {copula} [X]?"]
        statements = [f"The distance from [X] to {other} is [Y]."]
    return Reading(subject, answer, tuple(questions), (*statements, f"[X] {copula} [Y] {place}."))


def _measured(subject: str, copula: str, answer: str, after: str) -> Reading | None:
    """«[The wall] is nine feet thick»: how thick?"""
    if not re.fullmatch(r"[a-z]+", after) or shape_of(answer) not in {"number", "measure", "duration"}:
        return copular(subject, copula, answer) if not after else None
    questions = (f"How {after} {copula} [X]?", f"[X]: how {after}?", f"[X] {copula} how {after}?")
    return Reading(subject, answer, questions, (f"[X] {copula} [Y] {after}.",))
