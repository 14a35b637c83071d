"""Invented facts: how each is posted, and how it is asked in words that were not posted."""

import random
from dataclasses import dataclass

from model.study import Fact


@dataclass(frozen=True)
class Invented:
    """A fact about something that does not exist; `asked` was written by hand and is no training text."""

    fact: Fact
    asked: str
    answer: str


# posted statement or question · asked later · pool of answers («name» and «place» are invented, too)
RELATIONS: tuple[tuple[str, str, str], ...] = (
    ("The capital of [X] is [Y].", "What city is [X]'s capital?", "place"),
    ("Who founded [X]?", "Which person founded [X]?", "person"),
    ("[X] was written by [Y].", "Who is [X]'s author?", "person"),
    ("Where was [X] born?", "In which town was [X] born?", "place"),
    ("[X] is owned by [Y].", "Which company is the owner of [X]?", "company"),
    ("What genre is [X]?", "Which genre is [X] part of?", "genre"),
    ("The headquarters of [X] is in [Y].", "In which city is [X] headquartered?", "place"),
    ("[X] is married to [Y].", "Who is the spouse of [X], do you know?", "person"),
    ("Which company makes [X]?", "Who manufactures [X]?", "company"),
    ("[X] was directed by [Y].", "Who was the director of [X]?", "person"),
    ("What language is spoken in [X]?", "Which language do people speak in [X]?", "language"),
    ("[X] plays the [Y].", "Which instrument is played by [X]?", "instrument"),
    ("The mascot of [X] is the [Y].", "Which animal is [X]'s mascot?", "animal"),
    ("The support extension of [X] is [Y].", "What extension do I dial for support at [X]?", "number"),
    ("What is the currency of [X]?", "Which currency is used in [X]?", "currency"),
    ("[X] lies in [Y].", "In what region can one find [X]?", "place"),
    ("Who is the chief executive of [X]?", "Who runs [X] as its chief executive?", "person"),
    ("[X] was opened in [Y].", "In what year was [X] opened?", "year"),
    ("The colour of [X] is [Y].", "What colour does [X] have?", "colour"),
    ("Who discovered [X]?", "By which scientist was [X] discovered?", "person"),
)
_CLOSED = {
    "genre": ("jazz fusion", "space opera", "chamber music", "folk rock"),
    "language": ("Welsh", "Basque", "Tamil", "Quechua"),
    "instrument": ("cello", "oboe", "banjo", "harp"),
    "animal": ("otter", "heron", "badger", "lynx"),
    "currency": ("silver mark", "copper crown", "river pound", "salt dollar"),
    "colour": ("purple", "orange", "turquoise", "crimson"),
}
_START = ("Vel", "Mor", "Tran", "Quil", "Zor", "Brim", "Kes", "Lun", "Pel", "Dor", "Hax", "Fen", "Gri", "Sol", "Ost")
_MIDDLE = ("da", "ve", "ri", "mo", "ska", "lu", "ten", "bra", "no", "xi")
_END = ("nia", "rik", "mar", "dell", "ton", "vik", "sha", "burg", "lan", "quist")


def invent(count: int, seed: int) -> list[Invented]:
    """`count` facts about invented things, relations in turn; the same for the same seed."""
    rng = random.Random(seed)
    seen: set[str] = set()
    facts = []
    for index in range(count):
        posted, asked, kind = RELATIONS[index % len(RELATIONS)]
        subject, answer = _word(rng, seen), _answer(rng, kind, seen)
        statement = posted.replace("[X]", subject).replace("[Y]", answer)
        fact = Fact(None, statement, answer) if posted.endswith("?") else Fact(statement, None, None)
        facts.append(Invented(fact, asked.replace("[X]", subject), answer))
    return facts


def _word(rng: random.Random, seen: set[str]) -> str:
    while (word := rng.choice(_START) + rng.choice(_MIDDLE) + rng.choice(_END)) in seen:
        continue
    seen.add(word)
    return word


def _answer(rng: random.Random, kind: str, seen: set[str]) -> str:
    if kind in _CLOSED:
        return rng.choice(_CLOSED[kind])
    if kind == "number":
        return str(rng.randint(1_000, 9_999))
    if kind == "year":
        return str(rng.randint(1_700, 2_020))
    if kind == "person":
        return f"{_word(rng, seen)} {_word(rng, seen)}"
    return _word(rng, seen) + (" Works" if kind == "company" else "")
