"""Finds the verb of a sentence among words that may be nouns as well."""

import re

from model.wordings.grammar import BASES, BE, DETERMINERS, FINITE_FORMS, MODALS, PREPOSITIONS

# These are nouns as often as verbs: as verbs they count only when the clause has no other.
_NOUNLIKE_WORDS = """
    work support house head play study store record mine plant park guard score test water wash face front
    result review report trade train walk want ring name number cost link list load mark measure base book
    call charge cook cover dig drink drive ship sign smell sound start stop taste treat use visit voice vote
    fall feed fight hit set stand move cut border bear present display exhibit supply transport offer order
    return service change display export import address focus need"""
NOUNLIKE = set(_NOUNLIKE_WORDS.split())


def main_verb(words: list[str]) -> int | None:
    """Where the finite verb stands: the first sure one, else the first that could also be a noun."""
    unsure = None
    for index in range(1, len(words)):
        previous, word = words[index - 1].lower(), words[index]
        if previous in DETERMINERS | PREPOSITIONS | {"of", "to", "and", "that", "which", "who", "or"}:
            continue
        if word in BE | MODALS:
            return index
        plural = re.search(r"[^s'’]s$|^(?:they|we|i|you|people|children)$", previous)
        base = FINITE_FORMS[word][1] if word in FINITE_FORMS else word if plural and word in BASES else None
        if base and base not in NOUNLIKE:
            return index
        if base and unsure is None:
            unsure = index
    return unsure
