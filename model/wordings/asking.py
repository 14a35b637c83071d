"""How to ask for an answer: question words from its shape, its preposition and the verb in front of it."""

import re
from dataclasses import dataclass

from model.wordings.grammar import NUMBER, PLACE_PREPOSITIONS, TIMES, is_abstract, is_named_person, shape_of

_TIME_NOUNS = {"clock": "time", "year": "year", "date": "date", "month": "month", "day": "day"}
_NUMBERED_THINGS = {
    "extension",
    "port",
    "page",
    "channel",
    "version",
    "number",
    "frequency",
    "speed",
    "setting",
}
_TAKES_AMOUNT = {
    "weigh",
    "hold",
    "contain",
    "use",
    "need",
    "produce",
    "store",
    "carry",
    "have",
    "yield",
    "measure",
}
_LENGTH = r"(?:metres?|meters?|miles?|km|m|feet|yards?)\b"
_AMOUNTS = {"money", "measure", "duration", "frequency"}
_USUAL_PREPOSITION = {"clock": "at", "year": "in", "date": "on", "month": "in", "day": "on"}


@dataclass(frozen=True)
class Ask:
    """Ways to ask: (question words, preposition left behind); and the same for «What X holds is Y»."""

    fronts: tuple[tuple[str, str], ...]
    clefts: tuple[tuple[str, str], ...] = ()


def ask_like(front: tuple[str, str], answer: str, preposition: str, verb: str) -> Ask:
    """More ways to ask what a posted question asks with `front`."""
    words, left = front
    first, *noun = words.split()
    shape = shape_of(answer, preposition)
    if noun and first in {"What", "Which", "How"}:
        return _asked_by_noun(front, preposition)
    if first == "Where" and shape not in TIMES:
        return _ask_place(answer, preposition)
    if first == "When":
        known = shape in TIMES
        return _ask_time(shape, answer, preposition) if known else Ask((front,), (("The time when", ""),))
    if first == "Who":
        whom = ((f"{left.capitalize()} whom", ""),) if left else ()
        return Ask((front, *whom), (("The person that", left),))
    if first == "Why":
        return Ask((front, ("For what reason", "")), (("The reason why", ""),))
    if first == "What":
        what = ((f"{left.capitalize()} what", ""),) if left else ()
        return Ask((front, *what), (("What", left), *((("The thing that", ""),) if not left else ())))
    return Ask((front,))


def ask_for(answer: str, preposition: str, verb: str) -> Ask:
    """The ways to ask for an answer by its shape and by the preposition in front of it."""
    shape = shape_of(answer, preposition)
    if shape in TIMES and preposition in {"", "at", "in", "on", "since", "until", "till", "by", "from"}:
        return _ask_time(shape, answer, preposition)
    if shape == "frequency" and not preposition:
        return Ask((("How often", ""),))
    if shape == "duration" and preposition in {"", "for"}:
        return Ask((("How long", ""), ("For how long", "")), (("The length of time that", ""),))
    if shape == "measure" and not preposition and verb not in _TAKES_AMOUNT:
        far = re.search(_LENGTH, answer)
        return Ask((("How far", ""),), (("The distance that", ""),)) if far else Ask((("What", ""),))
    if shape in {"money", "measure"} and not preposition:
        return Ask((("How much", ""), ("What", "")), (("What", ""), ("The amount that", "")))
    if has_preposition(answer) and not preposition:
        return _ask_place(answer, "")
    if preposition == "at" and re.search(r"°|degrees", answer):
        return Ask((("At what temperature", ""), ("At which temperature", "")), (("The temperature at which", ""),))
    if preposition in PLACE_PREPOSITIONS and shape not in TIMES | _AMOUNTS and not is_abstract(verb, preposition):
        return _ask_place(answer, preposition)
    if shape == "person" or is_named_person(answer):
        fronts = (("Who", preposition), (f"{preposition} whom".strip().capitalize(), ""))
        return Ask(fronts, (("The person that", preposition),))
    numbered = _numbered_noun(answer)
    if numbered:
        return _asked_by_noun((f"Which {numbered}", preposition), preposition)
    if preposition:
        return Ask((("What", preposition), (f"{preposition.capitalize()} what", "")), (("What", preposition),))
    return Ask((("What", ""),), (("What", ""), ("The thing that", "")))


def _ask_time(shape: str, answer: str, preposition: str) -> Ask:
    noun = _TIME_NOUNS[shape]
    lead = preposition or _USUAL_PREPOSITION[shape]
    which = f"{lead.capitalize()} {'what' if shape == 'clock' else 'which'} {noun}"
    # «The day on which it meets is Tuesdays» would be wrong.
    single = not re.search(r"days\b|^every | at ", answer)
    clefts = ((f"The {noun} {lead} which", ""),) if single else ()
    if lead in {"since", "until", "till", "by", "from"}:
        return Ask(((f"{lead.capitalize()} when", ""), (which, "")), clefts)
    whens = ((f"The {noun} when", ""),) if single else ()
    return Ask((("When", ""), (which, ""), (f"What {noun}", "")), clefts + whens)


def _ask_place(answer: str, preposition: str) -> Ask:
    moving = preposition if preposition in {"from", "to"} else ""
    fronts = [("Where", moving)]
    if preposition in {"in", "at", "from", "to"}:
        fronts.append((f"{preposition.capitalize()} which place", ""))
    numbered = _numbered_noun(answer)
    if numbered in _NUMBERED_THINGS:
        return _asked_by_noun((f"Which {numbered}", preposition), preposition)
    if numbered and preposition:
        fronts += [(f"Which {numbered}", preposition), (f"{preposition.capitalize()} which {numbered}", "")]
    if moving:
        fronts += [("From where", "")] if moving == "from" else [("Where", "")]
        return Ask(tuple(fronts), (("The place that", moving), ("Where", moving)))
    # «Where the club meets is under the bridge»: without its preposition the place alone would be wrong.
    plain = preposition in {"in", "at", "on", ""}
    return Ask(tuple(fronts), (("The place where", ""), ("Where", "")) if plain else ())


def _asked_by_noun(front: tuple[str, str], preposition: str) -> Ask:
    """«Which pier … from» also reads «From which pier …», and «The pier that … from is»."""
    words, left = front
    first, *rest = words.split()
    noun = " ".join(rest)
    if first == "How" or not noun:
        return Ask((front,))
    other = "What" if first == "Which" else "Which"
    fronts = [front, (f"{other} {noun}", left)]
    if left:
        fronts.append((f"{left.capitalize()} {first.lower()} {noun}", ""))
    if noun in _TIME_NOUNS.values():
        lead = preposition or _USUAL_PREPOSITION.get({v: k for k, v in _TIME_NOUNS.items()}[noun], "at")
        return Ask((*fronts, ("When", "")), ((f"The {noun} {lead} which", ""),))
    return Ask(tuple(fronts), ((f"The {noun} that", left),))


def _numbered_noun(answer: str) -> str:
    """«pier twelve» → pier, «the third floor» → floor, anything else → nothing."""
    behind = re.fullmatch(rf"([a-z]+) (?:{NUMBER}|[A-Z]\d*|\d+\w?)", answer)
    ordinal = re.fullmatch(r"the (?:\w+(?:th|st|nd|rd)|first|second|third) ([a-z]+)", answer)
    found = behind or ordinal
    return found[1] if found else ""


def has_preposition(answer: str) -> bool:
    """Whether an answer brings its own preposition: «under the mat»."""
    first = answer.split()[0].lower()
    apart = re.match(r"(?:next|close|across|far|north|south|east|west|north-?east|south-?west) (?:to|from|of) ", answer)
    return first in PLACE_PREPOSITIONS or bool(apart)
