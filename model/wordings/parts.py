"""Which other parts of a statement may be asked for, besides the likeliest: who acts, on what, where, when."""

import re

from model.wordings.gaps import BARE_TIME
from model.wordings.grammar import (
    BASES,
    BE,
    DETERMINERS,
    FINITE_FORMS,
    MODALS,
    NUMBER,
    PREPOSITIONS,
    is_participle,
    shape_of,
)
from model.wordings.verbs import NOUNLIKE, main_verb

_MOST = 3
# «takes off», «takes place», «next to»: no part of these can be asked for.
_PARTICLES = {"off", "place", "up", "out", "next", "free", "part", "down", "away", "back", "over", "close", "again"}
# «is six miles from the shop», «is the first version with maps»: no part behind the preposition is asked for alone.
_COMPARED = re.compile(
    rf" (?:is|are|was|were) (?:(?:half an?|an?|{NUMBER}) [a-z]+ (?:away )?(?:from|above|below|behind|beyond)|"
    r"the (?:first|last|only|next|latest|[a-z]+est) [a-z ]+ with(?:out)?) "
)
_NO_DEEDS = {"stands", "stand", "means", "mean", "existed", "exists", "lies", "lie", "costs", "cost", "has", "have"}


def askable(sentence: str) -> list[str]:
    """At most three parts of a plain sentence that a question of their own makes sense for."""
    words = sentence.split()
    index = main_verb(words)
    if index is None or re.search(r'[;:()"]', sentence) or len(words) > 24 or _COMPARED.search(sentence):
        return []
    subject, rest = words[:index], words[index + 1 :]
    start = next((i for i, word in enumerate(rest) if not _is_verbal(word)), len(rest))
    found = [part for part in _phrases(rest[start:]) if _is_answer(part)]
    told = " ".join(rest)
    someone = shape_of(" ".join(subject)) == "person"
    # «What costs 7 euros?» would teach that seven euros always mean this ticket.
    if _is_doer(" ".join(subject), words[index]) and re.search(r"[A-Z]" if not someone else r"[A-Z\d]", told):
        found.insert(0, " ".join(subject))
    return found[:_MOST]


def _is_verbal(word: str) -> bool:
    return word in {"been", "being", "be", "not"} | MODALS or is_participle(word)


def _phrases(words: list[str]) -> list[str]:
    """The noun phrases behind a verb: cut at prepositions, but not at «of»; a time at the end stands alone."""
    text = " ".join(words)
    time = BARE_TIME.search(text)
    tail = [time[0].strip()] if time else []
    words = text[: time.start()].split() if time else words
    cuts = [i for i, word in enumerate(words) if word in PREPOSITIONS]
    pieces: list[str] = []
    start = 0
    for cut in [*cuts, len(words)]:
        # «as small as 20 centimetres» is one thing.
        if words[start:cut] and "as" not in words and not _is_done(words, start):
            pieces.append(" ".join(words[start:cut]))
        start = cut + 1
    return [piece.strip(" ,") for piece in pieces] + tail


def _is_done(words: list[str], start: int) -> bool:
    """Whether a piece is a deed behind «to»: «the first man to cross Lake Fenn»."""
    verb = words[start]
    return start > 0 and words[start - 1] == "to" and verb in BASES and verb not in NOUNLIKE


def _is_answer(part: str) -> bool:
    words = part.split()
    if not words or len(words) > 6 or words[0].lower() in {"and", "or", "to", "that", "which", "who"}:
        return False
    if words[0] in FINITE_FORMS | dict.fromkeys(BE | MODALS) or part.lower() in DETERMINERS | _PARTICLES | {
        "it",
        "them",
        "him",
    }:
        return False
    return words[-1].lower() not in DETERMINERS | {"and", "or", "of", "to", "than", "as"}


def _is_doer(subject: str, verb: str) -> bool:
    if not subject or subject.lower() in {"it", "he", "she", "they", "we", "you", "i", "there", "this", "that"}:
        return False
    return verb not in BE | MODALS | _NO_DEEDS and (
        shape_of(subject) == "person" or bool(re.search(r"[A-Z]", subject[1:]))
    )
