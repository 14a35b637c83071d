"""From posted words to readings: sentences, pronouns and «key: value» notes, then relations, then shapes."""

import re
from dataclasses import replace

from model.wordings.constructions import plainer, read_construction
from model.wordings.parts import askable
from model.wordings.phrasings import Reading, match_question, match_statement
from model.wordings.questions import plain_question, read_question
from model.wordings.shapes import read_statement
from model.wordings.variants import lower_first
from model.wordings.verbs import main_verb

_MOST_SENTENCES = 4
_SENTENCE_END = re.compile(r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bSt)(?<!\bNo)(?<!\bMrs)(?<!\b[A-Z])[.!?]\s+(?=[A-Z«\"“])")
_PRONOUN = re.compile(r"^(?:It|He|She)\b(?! is \w+ that)")
_OWN = re.compile(r"^(?:Its|His|Her) (?=[a-z])")
_NOTE = re.compile(r"(?P<key>[^:=]{2,80}?)\s?(?:: | = )(?P<value>[^:]+)")
_LEAD = re.compile(
    r"(?P<lead>(?:In|At|On|During|After|Before|Unlike|Since|Until|For|With|According to|Under|Outside|Inside|By|From|"
    r"Within|Without) (?:[^ ,]+ ?){1,5}), (?P<rest>.+)"
)
_BARE_LEAD = re.compile(
    r"(?P<lead>(?:On|In|At|Every|During) (?:[A-Z]\w+|\d{4}|\w+ \w+)) (?P<rest>(?:the|our|my|all|each|every|no) .+)"
)


def sentences(text: str) -> list[str]:
    """The sentences of a text without final marks; a later «It …» names the first one's subject."""
    found = [part.strip().rstrip(".!").strip() for part in _SENTENCE_END.split(text)]
    found = [part for part in found if part]
    if len(found) < 2:
        return found
    words = found[0].split()
    index = main_verb(words)
    if index is None:
        return found
    subject = " ".join(words[:index])
    later = (_OWN.sub(f"{subject}'s ", _PRONOUN.sub(subject, part)) for part in found[1:])
    return [found[0], *later]


def read_text(text: str, answer: str | None) -> list[Reading]:
    """The readings of a posted statement; with a known answer only those of the sentence that holds it."""
    parts = sentences(text)
    if answer:
        holding = [part for part in parts if occurrence(part, answer)]
        parts = holding[-1:]
    return [reading for part in parts[:_MOST_SENTENCES] for reading in _read_sentence(part, answer)]


def _read_sentence(sentence: str, answer: str | None) -> list[Reading]:
    """What one sentence says: its likeliest reading first, then those of its other parts if no answer is given."""
    found = occurrence(sentence, answer) if answer else None
    there = sentence[found[0] : found[1]] if found else None
    note = _NOTE.fullmatch(sentence)
    if note and main_verb(note["key"].split()) is None and (there is None or there in note["value"]):
        sentence, there = _spelled_out(note["key"], note["value"]), there and note["value"]
    if "?" in sentence or sentence.count('"') % 2 or len(sentence.split()) > 40:
        return []
    readings: list[Reading] = []
    for form in dict.fromkeys((plainer(sentence), sentence)):
        readings = readings or read_construction(form, there) or _read_plain(form, there)
    # The posted spelling of the answer is the one that is taught.
    return [replace(reading, answer=answer) for reading in readings] if answer and not note else readings


def _read_plain(sentence: str, answer: str | None) -> list[Reading]:
    """A clause, perhaps with a phrase in front of it that every wording keeps."""
    lead = _LEAD.fullmatch(sentence) or _BARE_LEAD.fullmatch(sentence)
    if lead and (answer is None or answer not in lead["lead"]):
        return [_with_lead(reading, lead["lead"]) for reading in _read_plain(lead["rest"], answer)]
    first = match_statement(sentence, answer) or read_statement(sentence, answer)
    readings = [first] if first else []
    if answer is None:
        for part in askable(sentence):
            if any(_overlap(part, reading.answer) for reading in readings):
                continue
            other = match_statement(sentence, part) or read_statement(sentence, part)
            readings += [other] if other else []
    return readings


def _overlap(one: str, other: str) -> bool:
    left, right = one.lower().removeprefix("the "), other.lower().removeprefix("the ")
    return f" {left} " in f" {right} " or f" {right} " in f" {left} "


def _with_lead(reading: Reading, lead: str) -> Reading:
    """«In Melpek, shops close at noon»: every wording keeps what stands in front of the comma."""
    questions = tuple(f"{lead}, {lower_first(form)}" for form in reading.questions if ":" not in form)
    statements = tuple(f"{lead}, {lower_first(form)}" for form in reading.statements)
    return replace(reading, questions=questions, statements=statements)


def _spelled_out(key: str, value: str) -> str:
    """«Opening hours: 9 to 5» → «The opening hours are 9 to 5»."""
    first, _, rest = key.partition(" ")
    named = re.search(r"['’]s |^(?:the|our|my|a) ", key, re.IGNORECASE)
    key = key if named or first[1:] != first[1:].lower() else f"the {first.lower()} {rest}".strip()
    plural = re.match(r"(?:.*?)([a-z]+s)(?: of| for| at|$)", key)
    return f"{key} {'are' if plural and not plural[1].endswith('ss') else 'is'} {value}"


def read_asked(question: str, answer: str) -> list[Reading]:
    """The reading of a posted question, as a list of none or one."""
    plain = plain_question(question)
    if not plain:
        return []
    reading = match_question(plain, answer) or read_question(plain, answer)
    return [reading] if reading else []


def occurrence(text: str, part: str) -> tuple[int, int] | None:
    """Where `part` stands last in `text` as whole words, whatever the case."""
    bare = part.strip().rstrip(".!?") or part
    found = list(re.finditer(rf"(?<!\w){re.escape(bare)}(?!\w)", text, re.IGNORECASE))
    return found[-1].span() if found else None
