"""The plainest questions of an English clause, each with the part of the clause that answers it. Knows no facts.

A clause is taken apart into subject, verb and chunks («from stand fourteen», «on Fridays»). One chunk, or the subject,
is the answer; a question word that fits its look moves to the front and everything else stays as it was said. What is
not understood is not asked: an empty list is an honest reply.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from model.learn import english
from model.learn.english import BASES, BE, DETERMINERS, PLACES, PREPOSITIONS, SUBORDINATORS, listed
from model.learn.forms import by_form
from model.learn.predicate import (
    ADJECTIVE,
    FREE,
    NEXT_TO,
    PARTICLES,
    Asked,
    Chunk,
    Predicate,
    chunks_of,
    lowered,
    predicate_of,
    question_of,
)
from model.learn.shape import AMOUNTS, NUMBER, TIMES, is_someone

_MOST = 2
_LEAST = 4.0
_OF_THINGS = {
    "in": listed("specialise specialize invest trade result consist deal written paid"),
    "on": listed("run depend rely focus spend feed based listen vote built"),
    "from": listed("made translated suffer differ benefit built"),
    "at": listed("set aim priced"),
}
_MOTION = listed("go move fly send sent lead travel return come walk drive sail ship moved shipped deliver bring write")
_DOERS = listed("lead head run teach direct found own chair coach edit beat replace succeed invent discover write")
_MAKERS = listed("win open design build paint compose create develop launch produce")
_MEANING = listed("stand mean called named renamed titled")
_CAUSES = listed("caused damaged destroyed flooded triggered killed powered heated driven delayed")
_ASKED_FOR = listed("ask call contact email tell notify bring wear use press choose")
_AMOUNT_NOUN = re.compile(
    r"(?:price|cost|fee|fare|rate|rent|budget|salary|size|limit|length|duration|timeout|period|number|speed|weight|"
    r"height|width|age|revenue|time|interval|population|distance|depth|load|charge)s?\b"
)
_MEMBERS = re.compile(r".*\b(?:rotation|team|board|committee|group|crew|panel|jury|council|band|shift|staff)(?: .*)?")
_LABELLED = re.compile(r"(port|extension|channel|page|line|level|version) (\S*\d\S*)")


def plain_questions(clause: str) -> list[Asked]:
    """What a clause without its final mark answers: the likeliest question first, at most two."""
    told = re.sub(r"^[A-Z]\w+(?: \w+){0,4} (?:said|says|reported|announced|confirmed) that (?=\w)", "", clause)
    told, polite = told.removeprefix("Please "), told.startswith("Please ")
    if found := by_form(told) or _of_note(told):
        return found
    lead, rest = _lead(told)
    words = rest.split()
    verb = english.find_verb(words)
    if verb is None or polite or (words[0].lower() in BASES and words[1].lower() in DETERMINERS):
        ranked = list(_of_imperative(words))
    else:
        predicate = predicate_of(words[:verb], words[verb:])
        later = chunks_of(lead.split()) if lead else []
        ranked = list(_readings(replace(predicate, chunks=(*predicate.chunks, *later)), rest, len(predicate.chunks)))
    best: dict[str, Asked] = {}
    for weight, asked in sorted(ranked, key=lambda reading: -reading[0]):
        if weight >= _LEAST and re.search(r"\w", asked.answer):
            best.setdefault(asked.answer, replace(asked, answer=_verbatim(asked.answer, clause)))
    return list(best.values())[:_MOST]


def _of_note(clause: str) -> list[Asked]:
    """«Emergency exit of Hall D: behind the stage»."""
    match = re.fullmatch(r"([^:=]{3,80}?)(?:: | = | – )([^:]+)", clause)
    words = match[1].split() if match else []
    if not match or english.find_verb(words) is not None or len(words) > 12:
        return []
    value, key = (
        match[2],
        match[1] if words[0].lower() in DETERMINERS or "'s " in match[1] else f"the {lowered(match[1])}",
    )
    if words[0][1:].islower() and words[1:2] and words[1].islower():
        key = key.replace(words[0], words[0].lower(), 1)
    asking = "where" if value.split()[0].lower() in PLACES - {"to"} else _asking(value)
    return [Asked(question_of(asking, "are" if english.is_plural(words) else "is", key), value)]


def _lead(clause: str) -> tuple[str, str]:
    """«On Fridays the shop shuts» → («on Fridays», «the shop shuts»)."""
    first, _, rest = clause.partition(", ")
    words = clause.split()
    if words[0].lower() not in PREPOSITIONS | SUBORDINATORS:
        return "", clause
    if rest and english.find_verb(rest.split()) is not None:
        return first[0].lower() + first[1:], rest
    for count in (2, 3, 4):
        begins = len(words) > count + 2 and (words[count].lower() in DETERMINERS or words[count][0].isupper())
        if begins and Chunk("", " ".join(words[1:count])).is_time:
            lead = " ".join(words[:count])
            return lead[0].lower() + lead[1:], " ".join(words[count:])
    return "", clause


def _readings(predicate: Predicate, clause: str, askable: int) -> Iterator[tuple[float, Asked]]:
    """(weight, question with its answer) for each part that can be asked for."""
    if predicate.negated or not predicate.chunks or FREE.fullmatch(predicate.chunks[0].text):
        yield _whether(predicate, clause)
    if predicate.auxiliary in BE and not predicate.verb:
        yield from _of_copula(predicate, clause) if predicate.chunks else ()
        return
    first = predicate.chunks[0] if predicate.chunks else Chunk("by", "")
    has_object = not first.preposition and not first.is_time and not FREE.fullmatch(first.text)
    owned = has_object and re.match(r"(?:its|his|her|their|your) ", first.text)
    for index, chunk in enumerate(predicate.chunks[:askable]):
        if FREE.fullmatch(chunk.text) or (index and chunk.shape == "days" and predicate.chunks[index - 1].is_time):
            continue
        agent = predicate.passive and chunk.preposition == "by" and chunk.shape in {"text", "person", "count"}
        if agent and not re.match(r"\w+ing |the end ", chunk.text):
            yield 8.5, _by_whom(predicate, index)
            continue
        weight, asked = _of_chunk(predicate, index)
        if has_object and index and weight < 8:
            weight = 7.5 if owned else 7.2 if chunk.shape in {"span", "clock"} else weight - 2.8
        yield weight - index * 0.05 - (4 if owned and not index else 0), asked
    if has_object and not owned and not predicate.passive and not predicate.negated and first.shape not in AMOUNTS:
        yield _of_subject(predicate)


def _of_chunk(predicate: Predicate, index: int) -> tuple[float, Asked]:
    """How likely a chunk is what is asked for, and how it is asked for."""
    chunk, asked = predicate.chunks[index], predicate.asked
    before, text, shape = chunk.preposition, chunk.text, chunk.shape
    verb = (predicate.verb.split() or [""])[-1]
    counted, labelled = re.fullmatch(rf"({NUMBER}) ([a-z].*)", text), _LABELLED.fullmatch(text)
    if before in {"because", "because of", "due to"}:
        return 9.0, asked("why", index)
    if before in SUBORDINATORS and shape not in TIMES | {"duration", "money"}:
        return 4.5, asked("when", index, answer=chunk.said)
    if before == "to" and text.split(" ")[0] in BASES:
        return (
            (8.0, asked("what", index, "for", chunk.said))
            if index
            else (7.0, asked("what", index, "to do", chunk.said))
        )
    if before and labelled:
        return 7.3, asked(f"{before} which {labelled[1]}", index, answer=labelled[2])
    if (before in {"via", "through"} and predicate.passive) or (before == "by" and re.match(r"\w+ing ", text)):
        return 7.2, asked("how", index, answer=chunk.said)
    if shape in {"frequency", "score"}:
        return 8.0, asked("how often" if shape == "frequency" else "how", index)
    if shape in TIMES and before == "between":
        return 6.9, asked("when", index, answer=chunk.said)
    if shape in TIMES:
        when = "at what time" if shape == "clock" and before in {"at", ""} and " on " not in text else "when"
        when = f"{before} {when}" if before in {"since", "until", "till", "by", "before", "after"} else when
        return 7.5 if before in {"since", "until"} else 6.9, asked(when, index)
    if shape == "duration" and (before or verb in {"last", "take", "wait", "run", "stay"}):
        how = {"": "how long", "for": "how long", "after": "after how long"}.get(before, f"{before} what time")
        return 7.4, asked(how, index)
    if shape == "money" and before in {"", "for", "at"}:
        return 7.6, asked("how much", index, before)
    if shape == "degrees":
        return 7.4, asked(f"{before} what temperature".strip(), index)
    if not before and shape == "measure" and verb in {"weigh", "hold", "carry", "store"}:
        return 7.6, asked("how much", index)
    if not before and counted:
        return 7.6, asked(f"how many {counted[2]}", index, answer=counted[1])
    asking = "what" if verb in _MEANING else _asking(text)
    moving = before not in {"to", "into", "onto", "towards"} or verb in _MOTION or re.search(r"@|\w/|\w\.\w", text)
    place = before in PLACES | NEXT_TO and verb not in _OF_THINGS.get(before, ()) and shape not in AMOUNTS
    if place and moving and (asking == "what" or before not in {"to", "from"}):
        inside = before in {"in", "at", "on", "from", "to", "into", "inside", "onto"}
        return 6.8, asked("where", index, "from" if before == "from" else "", None if inside else chunk.said)
    return 6.8 if index else 7.5 if before == "that" else 7.0, asked(asking, index, before.replace("that", ""))


def _asking(text: str) -> str:
    """«the Denver site» → «which site», «Ada Lund» → «who»; what has no plain head is only «what»."""
    head = re.fullmatch(r"(?:[Tt]he|[Oo]ur) (?:[A-Z0-9]\S* )+([a-z]+)", text)
    return f"which {head[1]}" if head else "who" if is_someone(text) else "what"


def _by_whom(predicate: Predicate, index: int) -> Asked:
    """«The mural was painted by Delia» → «Who painted the mural?»"""
    chunk = predicate.chunks[index]
    asking = _asking(chunk.text)
    named = re.search(r"[A-Z]", chunk.text) and predicate.verb not in _CAUSES
    if chunk.shape == "count" or (named and asking == "what"):
        asking = "who"
    first, _, more = predicate.verb.removeprefix("being ").partition(" ")
    base, tense = english.participle_of(first), predicate.auxiliary
    if tense not in BE or not base or predicate.negated:
        by = f"by {asking.replace('who', 'whom')}"
        return Asked(question_of(by, tense, predicate.subject, predicate.verb, *predicate.others(index)), chunk.text)
    form = english.past(base) if tense in {"was", "were"} else english.third_person(base)
    return Asked(question_of(asking, form, more, predicate.subject, *predicate.others(index)), chunk.text)


def _of_subject(predicate: Predicate) -> tuple[float, Asked]:
    """«Who teaches pottery at the Slunce workshop?»"""
    subject, weight = predicate.subject, 0.0
    named = all(word[:1].isupper() or word[:1].isdigit() for word in subject.split())
    bare = not re.search(r"[A-Z]|'s ", subject) and subject.split()[0] not in DETERMINERS
    if is_someone(subject) or named:
        weight = 7.3 if predicate.verb in _DOERS else 6.5 if predicate.verb in _MAKERS else 0
    elif bare and re.search(r"\b[A-Z]", predicate.chunks[0].text) and len(predicate.chunks) < 3:
        weight = 7.2 if predicate.auxiliary == "did" else 0
    asking = "who" if named and predicate.verb in _DOERS else _asking(subject)
    return weight, Asked(question_of(asking, predicate.finite, *predicate.told), subject)


def _whether(predicate: Predicate, clause: str) -> tuple[float, Asked]:
    """«Contractors are not allowed to use the car» → «Are contractors allowed to use the car?» «No, contractors …»"""
    question = question_of(predicate.auxiliary, predicate.subject, predicate.verb, *predicate.told)
    can = re.sub(r"^(?:Are|Is|Were|Was) (.+) (?:allowed|permitted) to ", r"Can \1 ", question)
    does = predicate.auxiliary in {"do", "does", "did"}
    weight = (6.0 if does else 7.6) if predicate.negated else 7.2
    answer = f"{'No' if predicate.negated else 'Yes'}, {lowered(clause)}"
    return weight, Asked(question, answer, can if can != question else "")


def _of_copula(predicate: Predicate, clause: str) -> Iterator[tuple[float, Asked]]:
    """«X is Y»: asks for Y by its look, or for X where Y only tells which one is meant."""
    subject, copula, first = predicate.subject, predicate.auxiliary, predicate.chunks[0]
    said, rest = " ".join(predicate.told), " ".join(predicate.told[1:])
    owned = r"(?:the|our|my|a|an|every|each) |.*'s "
    if re.match(r"(?:the|our|my|\S+'s) ", said) and not re.match(owned, subject) and subject[:1].isupper():
        # Not «Who is Ingrid Vasholt?», too: a person is many things, and each would take the place of the last.
        which = re.match(r"(?:the|our|my) (?:\w+est|most|least|first|last)\b", said)
        yield 8.0, Asked(question_of("which" if which else _asking(subject), copula, said), subject)
    elif said.startswith("out of ") or (
        first.text.islower() and first.preposition in PARTICLES - {"in", "on"} | {"under", "without"}
    ):
        yield _whether(predicate, clause)
    elif first.preposition:
        yield (7.0, predicate.asked("what", 0, "for")) if first.preposition == "for" else _of_chunk(predicate, 0)
    elif ADJECTIVE.fullmatch(first.text) and not predicate.negated:
        yield _whether(predicate, clause)
    elif not predicate.negated:
        shape = first.shape
        asking = {"colour": "what colour", "clock": "at what time", "frequency": "how often"}.get(shape, "")
        asking = asking or ("when" if shape in TIMES else "")
        if not asking and not _AMOUNT_NOUN.search(subject.split(" of ")[0]):
            asking = {"money": "how much", "duration": "how long", "distance": "how far"}.get(shape, "")
        members = re.search(r"[A-Z]\S*(?:, | and )[A-Z]", first.text) and _MEMBERS.fullmatch(subject)
        if re.search(r"\b(?:name|title|brand)\b", subject.split(" of ")[0]):
            asking = "what"
        asking = "who is in" if members else f"{asking or _asking(first.text)} {copula}"
        yield 7.0, Asked(question_of(asking, subject, rest), first.text)


def _of_imperative(words: list[str]) -> Iterator[tuple[float, Asked]]:
    """«Send receipts to expenses@orlane.example», «Use the brass key to open the archive»."""
    if len(words) < 3 or words[0].lower() not in BASES:
        return
    predicate = Predicate("I", "should", words[0].lower(), tuple(chunks_of(words[1:])))
    last = len(predicate.chunks) - 1
    if last > 0 and (predicate.chunks[-1].text.split(" ")[0] in BASES or predicate.verb in _ASKED_FOR):
        yield 7.0, predicate.asked("who" if predicate.verb in {"ask", "contact", "tell", "notify"} else "what", 0)
    elif last > 0:
        yield 7.0, _of_chunk(predicate, last)[1]


def _verbatim(answer: str, clause: str) -> str:
    """An answer as the clause spells it, a determiner at its start aside."""
    start = clause.lower().find(answer.lower())
    lowered = answer.split()[0] in DETERMINERS | {"No,", "Yes,"}
    return answer if start < 0 or lowered else clause[start : start + len(answer)]
