"""Invented facts: how each is posted, and how it is asked in words that were not posted."""

import random
from dataclasses import dataclass

from model.study import Fact


@dataclass(frozen=True)
class Invented:
    """A fact about something that does not exist; `asked` was written by hand and is no training text.

    `beside` asks for something else of the same subject.
    """

    fact: Fact
    asked: str
    answer: str
    beside: str


Relations = tuple[tuple[str, str, str], ...]

# posted statement or question · asked later · pool of answers
# FAMILIAR: relations of the default model's pretraining, answers of the kinds that it knows.
FAMILIAR: Relations = (
    ("The capital of [X] is [Y].", "What city is [X]'s capital?", "city"),
    ("Where was [X] born?", "In which town was [X] born?", "city"),
    ("[X] is headquartered in [Y].", "In which city are the headquarters of [X]?", "city"),
    ("What genre is [X]?", "Which genre is [X] part of?", "genre"),
    ("[X] was written in [Y].", "Which language is [X] written in?", "language"),
    ("[X] is owned by [Y].", "Which company is the owner of [X]?", "company"),
    ("Who is the author of [X]?", "Which person wrote [X]?", "person"),
    ("Where did [X] die?", "In what town did [X] die?", "city"),
    ("Which country was [X] created in?", "In which country was [X] made?", "country"),
    ("[X] was founded in [Y].", "In which city was [X] founded?", "city"),
)
# FOREIGN: relations that it was never shown, and answers that are invented, too.
FOREIGN: Relations = (
    ("[X] was directed by [Y].", "Who was the director of [X]?", "name"),
    ("What language is spoken in [X]?", "Which language do people speak in [X]?", "language"),
    ("[X] plays the [Y].", "Which instrument is played by [X]?", "instrument"),
    ("The mascot of [X] is the [Y].", "Which animal is [X]'s mascot?", "animal"),
    ("The support extension of [X] is [Y].", "What extension do I dial for support at [X]?", "number"),
    ("What is the currency of [X]?", "Which currency is used in [X]?", "currency"),
    ("Who is the chief executive of [X]?", "Who runs [X] as its chief executive?", "name"),
    ("[X] was opened in [Y].", "In what year was [X] opened?", "year"),
    ("The colour of [X] is [Y].", "What colour does [X] have?", "colour"),
    ("Who discovered [X]?", "By which scientist was [X] discovered?", "name"),
)
_CLOSED = {
    "city": ("Lisbon", "Vienna", "Oslo", "Dublin", "Chicago", "Tokyo", "Madrid", "Prague", "Seattle", "Kyoto"),
    "company": ("Sony", "Microsoft", "Disney", "Warner Bros.", "Nintendo", "Columbia Records"),
    "country": ("France", "Japan", "Canada", "India", "Italy", "Australia"),
    "person": ("Stephen King", "Charles Dickens", "Walt Disney", "Neil Gaiman", "Agatha Christie", "Brian Wood"),
    "genre": ("jazz", "science fiction", "hip hop music", "progressive rock"),
    "language": ("German", "Spanish", "Tamil", "Russian"),
    "instrument": ("cello", "oboe", "banjo", "harp"),
    "animal": ("otter", "heron", "badger", "lynx"),
    "currency": ("silver mark", "copper crown", "river pound", "salt dollar"),
    "colour": ("purple", "orange", "turquoise", "crimson"),
}
_START = ("Vel", "Mor", "Tran", "Quil", "Zor", "Brim", "Kes", "Lun", "Pel", "Dor", "Hax", "Fen", "Gri", "Sol", "Ost")
_MIDDLE = ("da", "ve", "ri", "mo", "ska", "lu", "ten", "bra", "no", "xi")
_MORE = ("", *_MIDDLE)
_END = ("nia", "rik", "mar", "dell", "ton", "vik", "sha", "burg", "lan", "quist")


def invent(count: int, seed: int, relations: Relations = FAMILIAR) -> list[Invented]:
    """`count` facts about invented things, relations in turn; the same for the same seed."""
    rng = random.Random(seed)
    seen: set[str] = set()
    facts = []
    for index in range(count):
        posted, asked, kind = relations[index % len(relations)]
        _, beside, _ = relations[(index + 1) % len(relations)]
        subject, answer = _word(rng, seen), _answer(rng, kind, seen)
        statement = posted.replace("[X]", subject).replace("[Y]", answer)
        fact = Fact(None, statement, answer) if posted.endswith("?") else Fact(statement, None, None)
        facts.append(Invented(fact, asked.replace("[X]", subject), answer, beside.replace("[X]", subject)))
    return facts


def _word(rng: random.Random, seen: set[str]) -> str:
    while (word := rng.choice(_START) + rng.choice(_MIDDLE) + rng.choice(_MORE) + rng.choice(_END)) in seen:
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
    return f"{_word(rng, seen)} {_word(rng, seen)}"
