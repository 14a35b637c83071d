"""One posted fact as study texts in many wordings, and a held-out probe. Knows no model and no tokens.

Common relations come from `phrasings`, other shapes from `shapes` and `questions`; what none of them reads is
taught in its own words. Fewer good texts are better than many bad ones, so every rule may decline.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from model.errors import NoPhrasings
from model.rephrasing import Generate, written_readings
from model.study import Fact, Probe, Study, StudyText
from model.wordings.dealing import dealt, normal, ranked
from model.wordings.gaps import guessed_gap
from model.wordings.nominal import cleft_questions
from model.wordings.phrasings import Reading
from model.wordings.questions import is_asking
from model.wordings.short import key_words, place_first, topic_first
from model.wordings.synonyms import reworded
from model.wordings.understanding import occurrence, read_asked, read_text
from model.wordings.variants import (
    ASKED_FRAMES,
    NOTE_FRAMES,
    TOLD_FRAMES,
    WHOLE_FRAMES,
    framed_questions,
    framed_statements,
    inner_subject,
    render,
    told_answer,
)
from model.wordings.verbs import main_verb

_QUOTED = re.compile(r"[\"“«](?P<inside>[^\"“”«»]*)[\"”»]")


def augment(fact: Fact, *, limit: int = 32, seed: int = 0, generate: Generate | None = None) -> Study:
    """At most `limit` texts of `fact`, the posted ones first, and a probe in words that no text uses.

    The texts are dealt from all kinds of wording in turn, so that the first eight or twelve are diverse already.
    `seed` changes which wording is held out and which frames are used; the same input gives the same study.
    `generate` is another model that writes questions as well; where it fails, the rules alone word the fact, and the
    study's note says why.

    Raises:
        ValueError: the fact has no words.

    """
    fact = _cleaned(fact)
    written, note = _written(fact, generate)
    return replace(_study(fact, written, limit, seed), note=note)


def _written(fact: Fact, generate: Generate | None) -> tuple[list[Reading], str]:
    if generate is None:
        return [], ""
    try:
        return written_readings(fact, generate), ""
    except NoPhrasings as failure:
        return [], str(failure)


def _study(fact: Fact, written: list[Reading], limit: int, seed: int) -> Study:
    if fact.question and fact.answer:
        readings = read_asked(fact.question, fact.answer)
        readings += read_text(fact.statement, fact.answer) if fact.statement else []
        return _answered(fact, fact.answer, _sayable([*readings, *written]), limit, seed)
    statement = fact.statement or fact.question or fact.answer or ""
    readings = [*(read_text(statement, fact.answer) if fact.statement else []), *written]
    readings = _sayable(readings)
    if not readings:
        return _unread(statement, fact, limit)
    return _answered(fact, readings[0].answer, readings, limit, seed)


def _sayable(readings: list[Reading]) -> list[Reading]:
    """The readings that at least one question can be rendered of."""
    return [reading for reading in readings if next(_asked([reading]), None)]


def _cleaned(fact: Fact) -> Fact:
    statement, question, answer = (_clean(part or "") for part in (fact.statement, fact.question, fact.answer))
    phrasings = tuple(filter(None, map(_clean, fact.phrasings)))
    if not re.search(r"\w", statement + question + answer):
        raise ValueError("A fact needs a statement, or a question and its answer; this one has no words.")
    if statement and answer and not question and not occurrence(statement, answer):
        # «Capital of Zorvania» / «Melpek»: the statement can only be meant as the question.
        statement, question = "", statement
    return Fact(statement or None, question or None, answer or None, phrasings)


def _clean(text: str) -> str:
    text = " ".join(text.split())
    quoted = _QUOTED.fullmatch(text)
    return quoted["inside"].strip() if quoted else text


def _answered(fact: Fact, answer: str, readings: list[Reading], limit: int, seed: int) -> Study:
    """The study of a fact whose answer is known."""
    posted = list(_posted(fact, answer, readings))
    main, others = readings[:1], readings[1:]
    subject = main[0].subject if main else ""
    plain = list(_asked(main))
    framed = ranked(_asked(main, framed_questions), seed)
    told = list(_told(main))
    if fact.question and fact.answer and not told:
        told = list(filter(None, (_statement(form, fact.question, answer) for form in TOLD_FRAMES)))
    if not readings:
        question = fact.question or ""
        plain = [(question, answer)]
        framed = [(frame.replace("{}", question), answer) for frame in ASKED_FRAMES]
    clefts = [form for reading in main for form in cleft_questions(list(reading.statements))]
    nominal = list(_asked([replace(reading, questions=tuple(clefts)) for reading in main]))
    other = [*nominal, *((words, answer) for question, _ in plain for words in reworded(question, subject))]
    short = [(words, answer) for question, _ in plain if (words := key_words(question))]
    moved = [(words, answer) for question, _ in plain if (words := place_first(question))]
    seen = " | ".join(normal(text.text) for text in posted) if readings else ""
    # The plainest question is what people will ask: it is learned, and a rarer one is held out.
    natural = ranked(list(filter(_is_natural, [*plain, *other]))[1:], seed)
    asked = fact.question if fact.question and fact.answer else plain[0][0]
    probe = _held_out([*natural, *framed, (ASKED_FRAMES[0].replace("{}", asked), answer)], seen)
    lanes = {
        "plain": _questions(plain),
        "said": told,
        "other": _questions(ranked(other, seed)),
        "short": _questions(short),
        "topic": _questions([*_asked(main, partial(_topics, about=readings)), *moved]),
        "framed": _questions(framed),
        "lower": _questions([(words.lower().rstrip("?. "), reply) for words, reply in ranked(plain or framed, seed)]),
        "part": _parts([reading for reading in others if reading.subject]),
        "written": _questions(_asked([reading for reading in readings if not reading.subject])),
        "sentence": ranked(_told_in_frames(main), seed),
        "whole": list(_whole(fact, answer, main)),
    }
    return Study(dealt(posted, lanes, probe.text, limit), probe, True)


def _whole(fact: Fact, answer: str, readings: list[Reading]) -> Iterator[StudyText]:
    """The posted words in frames, for facts that have few wordings."""
    if fact.question and fact.answer:
        yield from (StudyText.asked(frame.replace("{}", fact.question), answer) for frame in ASKED_FRAMES[1:])
    if fact.statement and readings:
        body = inner_subject(fact.statement.rstrip(".!"))
        framed = (frame.replace("{}", body) for frame in WHOLE_FRAMES)
        yield from (_study_statement(text, [reading.answer for reading in readings], "") for text in framed)


def _posted(fact: Fact, answer: str, readings: list[Reading]) -> Iterator[StudyText]:
    """The user's own wordings."""
    subject = readings[0].subject if readings else ""
    if fact.statement:
        first = occurrence(fact.statement, answer)
        leads = first is not None and first[0] <= len("the ")
        answers = [answer] if leads or not readings else [reading.answer for reading in readings]
        yield _study_statement(fact.statement, answers, subject)
    # A question posted without its answer is asked only if the statement is about the same thing.
    if fact.question and (fact.answer or inner_subject(subject).lower() in fact.question.lower()):
        yield StudyText.asked(fact.question, answer)
    for phrasing in fact.phrasings:
        if is_asking(phrasing):
            yield StudyText.asked(phrasing, answer)
        else:
            yield _study_statement(phrasing, [answer], subject)


def _study_statement(statement: str, answers: list[str], subject: str) -> StudyText:
    """A posted statement with loss on its answers, or on all behind the subject if it has none of them."""
    found = sorted({span for answer in answers if (span := occurrence(statement, answer))})
    if not found:
        end = len(statement.rstrip(".!")) or len(statement)
        return StudyText(statement, (_with_space(statement, guessed_gap(statement[:end])[0], end),))
    inside = [(a, b) for a, b in found if any((c, d) != (a, b) and c <= a and b <= d for c, d in found)]
    found = [span for span in found if span not in inside]
    behind = [span for span in found if span[0] > len("the ")]
    found = behind or found
    if found[0][0] <= len("the ") and subject and subject != "you":
        # Nothing stands in front of this answer that it could be told from, so the subject is named first.
        lead = f"To {subject}: " if statement.startswith("Use ") else f"About {inner_subject(subject)}: "
        return _study_statement(lead + statement, answers, "")
    return StudyText(statement, tuple(_with_space(statement, *span) for span in found))


def _with_space(text: str, start: int, end: int) -> tuple[int, int]:
    return (start - 1 if start and text[start - 1] == " " else start), end


def _asked(
    readings: list[Reading], frames: Callable[[str], list[str]] = lambda form: [form]
) -> Iterator[tuple[str, str]]:
    """(question, answer) for every question template of the readings, inside each frame that it allows."""
    for reading in readings:
        for form in (framed for template in reading.questions for framed in frames(template)):
            rendered = render(form, reading.subject, reading.answer)
            if rendered:
                yield rendered[0], reading.answer


def _told(readings: list[Reading]) -> Iterator[StudyText]:
    for reading in readings:
        for template in reading.statements:
            if text := _statement(template, reading.subject, reading.answer):
                yield text


def _told_in_frames(readings: list[Reading]) -> Iterator[StudyText]:
    for reading in readings:
        forms = [form for template in reading.questions if (form := told_answer(template))]
        for template in (
            *forms,
            *(framed for said in reading.statements[:3] for framed in framed_statements(said)),
        ):
            if text := _statement(template, reading.subject, reading.answer):
                yield text


def _statement(template: str, subject: str, answer: str) -> StudyText | None:
    rendered = render(template.replace("{}", subject), subject or "it", answer)
    return StudyText(rendered[0], (rendered[1],)) if rendered else None


def _is_natural(asked: tuple[str, str]) -> bool:
    """A key word («Zorvania: capital?») or an echo («… is what?») is worth learning, not holding out."""
    return not re.search(r": [\w -]+\?$|(?:what|who|where|how \w+)\?$", asked[0]) or asked[0].count(" ") < 2


def _held_out(asked: list[tuple[str, str]], seen: str) -> Probe:
    """The first question that no posted text contains; the last one where all are contained."""
    unseen = (pair for pair in asked if normal(pair[0]) not in seen)
    return Probe("question", *next(unseen, asked[-1]))


def _questions(pairs: Iterable[tuple[str, str]]) -> list[StudyText]:
    return [StudyText.asked(*pair) for pair in pairs]


def _topics(template: str, about: list[Reading]) -> list[str]:
    return list(filter(None, [topic_first(template, about[0].subject)]))


def _parts(readings: list[Reading]) -> list[StudyText]:
    """For each other part of a statement, a plain question first, then another, then how it is said."""
    found: list[list[StudyText]] = []
    for reading in readings:
        plain = list(_asked([reading]))
        if plain:
            more = [(words, reading.answer) for words in reworded(plain[0][0], reading.subject)]
            found.append([*_questions([plain[0], *more[:1], *plain[1:2]]), *list(_told([reading]))[:1]])
    return [texts[index] for index in range(4) for texts in found if index < len(texts)]


def _unread(statement: str, fact: Fact, limit: int) -> Study:
    """The study of a statement that no rule takes apart: its own words in frames, and a cloze."""
    given = occurrence(statement, fact.answer) if fact.answer else None
    body = statement.rstrip(".!").rstrip()
    start, known = (given[0], True) if given else guessed_gap(body)
    end = given[1] if given else len(body)
    plain = StudyText(statement, (_with_space(statement, start, end),))
    frames = NOTE_FRAMES if main_verb(body.split()) is None else WHOLE_FRAMES
    texts = [plain, *(_framed_whole(frame, body, (start, end)) for frame in frames)]
    texts += [_study_statement(phrasing, [body[start:end]], "") for phrasing in fact.phrasings]
    asked = f"{body[:start].rstrip()} what{body[end:]}?".strip()  # no good question, but the words of one
    texts[1:1] = [StudyText.asked(words, body[start:end]) for words in (asked, key_words(asked)) if words]
    before = body[:start].strip() or "It is known that"
    probe = Probe("cloze", before, body[start:end])
    return Study(tuple(dict.fromkeys(texts))[: max(1, limit)], probe, known)


def _framed_whole(frame: str, body: str, span: tuple[int, int]) -> StudyText:
    """A whole statement in a frame; an article at its start loses its capital, which keeps every position."""
    lead, _, tail = frame.partition("{}")
    text = f"{lead}{inner_subject(body)}{tail}"
    return StudyText(text, (_with_space(text, len(lead) + span[0], len(lead) + span[1]),))


def _main(statement: str, question: str = "", answer: str = "") -> None:
    study = augment(Fact(statement, question, answer))
    lines = [f"{study.probe.kind}: {study.probe.text} → {study.probe.answer}", ""]
    sys.stdout.write("\n".join([*lines, *(repr(text.text) for text in study.texts), ""]))


if __name__ == "__main__":
    _main(*sys.argv[1:4])
