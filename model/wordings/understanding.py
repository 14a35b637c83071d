"""From posted words to readings: sentences, pronouns and «key: value» notes, then relations, then shapes."""

import re
from dataclasses import replace

from model.wordings.adjuncts import split_lead, split_tail, with_lead, with_tail
from model.wordings.constructions import aside, plainer, read_construction
from model.wordings.grammar import BE, MODALS
from model.wordings.limits import threshold
from model.wordings.parts import askable
from model.wordings.phrasings import Reading, match_question, match_statement
from model.wordings.questions import plain_question, read_question
from model.wordings.shapes import read_statement
from model.wordings.verbs import main_verb

_MOST_SENTENCES = 4
_SENTENCE_END = re.compile(r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bSt)(?<!\bNo)(?<!\bMrs)(?<!\b[A-Z])[.!?]\s+(?=[A-Z«\"“])")
_PRONOUN = re.compile(r"^(?:It|He|She)\b(?! is \w+ that)")
_OWN = re.compile(r"^(?:Its|His|Her) (?=[a-z])")
_NOTE = re.compile(r"(?P<key>[^:=]{2,80}?)\s?(?:: | = )(?P<value>[^:]+)")
_DATED = re.compile(r"(?P<subject>.+) (?P<tail>(?:in|on|since) (?:[A-Z]\w+ |\d{1,2} [A-Z]\w+ )?\d{4})")


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
    plain, by_the_way = plainer(sentence), aside(sentence)
    for form in dict.fromkeys((plain, by_the_way, sentence)):
        readings = readings or (_read_form(form, there) if form else [])
    if by_the_way and not answer:
        if ", who " in sentence:
            # «Rosa Bell, who joined in May, runs the mill» is about Rosa Bell: rather what she runs than who runs it.
            readings = sorted(readings, key=lambda reading: plain.startswith(reading.answer))
        readings += _read_form(by_the_way, None)
    # The posted spelling of the answer is the one that is taught.
    return [replace(reading, answer=answer) for reading in readings] if answer and not note else readings


def _read_form(sentence: str, answer: str | None) -> list[Reading]:
    return read_construction(sentence, answer) or _read_plain(sentence, answer)


def _read_plain(sentence: str, answer: str | None) -> list[Reading]:
    """A clause, perhaps with a phrase in front of it or behind it."""
    lead, tail = split_lead(sentence), split_tail(sentence)
    if lead and (answer is None or answer not in lead[0]):
        return [with_lead(reading, lead[0]) for reading in _read_plain(lead[1], answer)]
    if tail and (answer is None or answer in tail[0]) and (found := _read_form(tail[0], answer)):
        return [with_tail(reading, tail[1]) for reading in found]
    first = match_statement(sentence, answer)
    dated = _DATED.fullmatch(first.subject) if first else None
    if first and dated:
        # «Who founded Norvik Labs in 2011?» is about Norvik Labs.
        first = with_tail(replace(first, subject=dated["subject"]), dated["tail"])
    first = first or read_statement(sentence, answer)
    readings = [first] if first else []
    if answer is None:
        readings = _with_threshold(sentence, readings)
        for part in askable(sentence):
            if any(_overlap(part, reading.answer) for reading in readings):
                continue
            other = match_statement(sentence, part) or read_statement(sentence, part)
            readings += [other] if other else []
    return readings


def _with_threshold(sentence: str, readings: list[Reading]) -> list[Reading]:
    """«Orders above 75 dollars ship free at Pebble» rather tells from what amount than where."""
    limit = threshold(sentence)
    if not limit:
        return readings
    act = sentence.partition(f" {limit.answer} ")[2]
    told = readings and (act.split()[0] in BE | MODALS or re.match(rf"\w+ {re.escape(readings[0].answer)}", act))
    return [*readings, limit] if told else [limit, *readings]


def _overlap(one: str, other: str) -> bool:
    left, right = one.lower().removeprefix("the "), other.lower().removeprefix("the ")
    return f" {left} " in f" {right} " or f" {right} " in f" {left} "


def _spelled_out(key: str, value: str) -> str:
    """«Opening hours: 9 to 5» → «The opening hours are 9 to 5»."""
    first, _, rest = key.partition(" ")
    named = re.search(r"['’]s |^(?:the|our|my|a) ", key, re.IGNORECASE)
    key = key if named or first[1:] != first[1:].lower() else f"the {first.lower()} {rest}".strip()
    plural = re.match(r"(?:.*?)\b([a-z]+s)(?: of| for| at|$)", key)
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
