"""Where in a predicate the answer stands, given or guessed by shape."""

import re

from model.wordings.grammar import BE, FINITE_FORMS, NUMBER, PLACE_PREPOSITIONS, PREPOSITIONS, TIMES, shape_of
from model.wordings.verbs import main_verb

COUNTED = r"(?:[a-z-]+s|people|children|staff|women|men)"
_UNITS = {"measure", "duration", "money"}
# «moved to Melpek last year»: a time without a preposition is no part of the place.
BARE_TIME = re.compile(
    r"(?<=\S)(?<! of) (?:last|next|this|every|each|once a|twice a) (?:other )?"
    r"(?:second|minute|hour|morning|afternoon|evening|night|day|weekend|week|month|quarter|season|year|spring|summer|"
    r"autumn|winter|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)$|(?<=\S) (?:today|yesterday|tomorrow|daily|weekly)$"
)


def gap(rest: list[str], answer: str | None) -> tuple[list[str], str, str] | None:
    """(words before, answer, words after) in what follows a verb; None where a given answer cannot be cut out."""
    if answer is None:
        before, answer, after = _likely_gap(rest)
        # «under the pot» is the answer to «where», and «the pot» alone is not.
        for joined in (["next", "to"], ["close", "to"], ["across", "from"], ["far", "from"]):
            if before[-2:] == joined:
                return before[:-2], f"{' '.join(joined)} {answer}", after
        if before and before[-1] in PLACE_PREPOSITIONS - {"in", "at", "on", "from", "to", "into"}:
            answer = f"{before.pop()} {answer}"
        return before, answer, after
    behind = " ".join(rest)
    start = behind.lower().rfind(answer.lower())
    after = behind[start + len(answer) :].strip(" ,")
    if start < 0 or "," in after or after.startswith(("and ", "or ")):
        return None
    return behind[:start].split(), answer, after


def _likely_gap(rest: list[str]) -> tuple[list[str], str, str]:
    """The likeliest answer of a predicate: an amount, else what follows the last preposition, else all."""
    behind = " ".join(rest)
    time = BARE_TIME.search(behind)
    if time and time.start() > 0 and len(rest[: behind[: time.start()].count(" ") + 1]) > 1:
        before, answer, after = _likely_gap(behind[: time.start()].split())
        return before, answer, f"{after} {time[0].strip()}".strip()
    unit = re.match(rf"{NUMBER} [a-z]+", behind, re.IGNORECASE)
    if unit and shape_of(unit[0]) in _UNITS and not behind[unit.end() :].startswith(" of "):
        return [], unit[0], behind[unit.end() :].strip()
    number = re.match(rf"({NUMBER}) ({COUNTED}\b.*)", behind, re.IGNORECASE)
    if number and shape_of(behind) in {"count", "duration", "text"}:
        return [], number[1], number[2]
    if rest[0] in PREPOSITIONS:
        first, after = split_time(rest[1:], of_place=True)
        if after and shape_of(first, rest[0]) in TIMES:
            return rest[:1], first, after
    if "as" in rest[1:]:
        index = rest.index("as", 1)
        return [], " ".join(rest[:index]), " ".join(rest[index:])
    for index in range(len(rest) - 2, 0, -1):
        whole = " ".join(rest[index + 1 :])
        is_time = shape_of(whole, rest[index]) in TIMES
        is_phrase = rest[index] in PREPOSITIONS and "of" not in rest[:index]
        if is_phrase and (is_time or rest[0] not in PREPOSITIONS):
            return rest[: index + 1], whole, ""
    start = 1 if rest[0] in PREPOSITIONS and len(rest) > 1 else 0
    return rest[:start], " ".join(rest[start:]), ""


def split_time(words: list[str], *, of_place: bool = False) -> tuple[str, str]:
    """«Tessa Quorn in 2011» → («Tessa Quorn», «in 2011»); with `of_place` any adjunct is cut off."""
    for index in range(1, len(words) - 1):
        shape = shape_of(" ".join(words[index + 1 :]), words[index])
        price = words[index] == "for" and shape in {"money", "duration"}
        if words[index] in PREPOSITIONS and (of_place or price or shape in TIMES):
            return " ".join(words[:index]), " ".join(words[index:])
    return " ".join(words), ""


def split_adjunct(words: list[str]) -> tuple[str, str]:
    """«vinegar to the buffer every day» → («vinegar», «to the buffer every day»): cut at the first preposition."""
    text = " ".join(words)
    cut = next((index for index, word in enumerate(words) if index and word in PREPOSITIONS), None)
    if cut is not None:
        return " ".join(words[:cut]), " ".join(words[cut:])
    time = BARE_TIME.search(text)
    return (text[: time.start()], time[0].strip()) if time else (text, "")


def guessed_gap(sentence: str) -> tuple[int, bool]:
    """Where the part to learn begins in a sentence that no rule reads, and whether it looks like an answer.

    A short end behind the last place preposition or the verb is an answer; else all behind the subject is learned.
    """
    lead = re.match(r"(?:To|If|When|After|Before|For|In|On|At|During|Until) [^,]+, (?=\w)", sentence)
    if lead:
        return lead.end(), False
    words = list(re.finditer(r"\S+", sentence))
    plain = [word[0] for word in words]
    verb = main_verb(plain)
    for index in range(len(words) - 2, 0, -1):
        short = len(words) - index <= 4
        outside = PLACE_PREPOSITIONS - {"in", "at", "on"}
        if short and plain[index] in PLACE_PREPOSITIONS | BE | set(FINITE_FORMS) and (verb is None or index >= verb):
            return words[index + (plain[index] not in outside)].start(), True
    if len(words) == 1:
        return (len(sentence) // 2 if len(sentence) > 8 else 0), False
    start = verb if verb is not None and verb < len(words) else max(_names(plain), 1, min(4, len(words) // 3))
    return words[start].start(), False


def _names(words: list[str]) -> int:
    """How many capitalised words open a sentence that goes on in lower case: a name is not cut in two."""
    count = next((index for index, word in enumerate(words) if word[:1].islower()), len(words))
    return count if count < len(words) else 0
