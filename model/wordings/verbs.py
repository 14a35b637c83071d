"""Finds the verb of a sentence among words that may be nouns as well."""

import re

from model.wordings.grammar import BASES, BE, DETERMINERS, FINITE_FORMS, MODALS, PREPOSITIONS

# These are nouns as often as verbs: as verbs they count only when the clause has no other.
_NOUNLIKE_WORDS = """
    work support house head play study store record mine plant park guard score test water wash face front
    result review report trade train walk want ring name number cost link list load mark measure base book
    call charge cook cover dig drink drive ship sign smell sound start stop taste treat use visit voice vote
    fall feed fight hit set stand move cut border bear present display exhibit supply transport offer order
    return service change display export import address focus need
    add aim archive attack block book bottle centre chair coat colour command commission concern copy count craft
    decline delay demand divide document drain drop dry exchange experience file fill film filter fit flash form
    fuel function fund grant hand harm heat invoice issue judge label lack lecture license lift lock map match model
    monitor mount neighbour notice orbit package patent permit phase photograph pick process program project pump
    push quote rank rate recall reform repeat respect reward ride roll rule sail sample scan schedule seat shift
    signal silence sketch slip sort spray stain station stem stretch suit suspect switch tax term touch transfer
    trigger trust tune turn type update upgrade upload view waste watch welcome wrap show spread split spin swing
    experience favour pull quit warm extract license matter spray steer forge label colour project pour
    burst default light"""
NOUNLIKE = set(_NOUNLIKE_WORDS.split())
# With its preposition such a word is a verb behind a plural: «Two flags on the beach stand for danger».
_WITH_PREPOSITION = {("stand", "for"), ("call", "for"), ("point", "to"), ("default", "to"), ("result", "in")}
_ADJECTIVES = {"close", "open", "complete", "separate", "clean"}


def main_verb(words: list[str]) -> int | None:
    """Where the finite verb stands: the first sure one, else the first that could also be a noun."""
    unsure: int | None = None
    for index in range(1, len(words)):
        previous, word = words[index - 1].lower(), words[index]
        if previous in {"that", "which", "who"} and index > 1:
            # «the laptop that was issued to Melpek runs»: the verb of the inner clause is not the sentence's.
            continue
        if previous in BE | MODALS and words[index - 2] in {"that", "which", "who"}:
            continue
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
    bare = _bare_verb(words)
    if unsure is None or bare is None:
        return bare if unsure is None else unsure
    # «Security reports for Tansy go to …»: a plural in front of a preposition is no verb if a later word can be one,
    # nor is the last word if an earlier one can: «The staff of Rowan Court speak Polish words».
    before_preposition = bare > unsure and words[unsure].endswith("s") and words[unsure + 1] in PREPOSITIONS | {"of"}
    return bare if before_preposition or unsure == len(words) - 1 else unsure


def _bare_verb(words: list[str]) -> int | None:
    """«The staff of Rowan Court speak Polish»: a plain form behind a noun that does not look plural."""
    cut = next((index for index, word in enumerate(words) if word in PREPOSITIONS | {"of"}), 0)
    plural = cut > 0 and words[cut - 1].endswith("s")
    for index in range(2, len(words) - 1):
        sure = words[index] in BASES and words[index] not in NOUNLIKE | _ADJECTIVES
        sure = sure or (plural and index > cut + 1 and (words[index], words[index + 1]) in _WITH_PREPOSITION)
        if sure and words[index - 1].lower() not in DETERMINERS | PREPOSITIONS | {"of", "to", "and", "or", "that"}:
            return index
    return None
