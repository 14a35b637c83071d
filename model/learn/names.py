"""Names in questions, and other names in their place: near ones, made-up ones, and some that everybody knows.

A name is told by its capitals, digits and quotes, or in a text without any by the rarity of its words.
"""

import random
import re

from model.learn.english import BASES, DETERMINERS, PREPOSITIONS, finite, listed
from model.learn.exclusives import OF_KINDS, exchanged, other_digits
from model.learn.shape import shape_of

COMMON = listed(
    """who whom whose what which where when why how much many long far often old big tall is are was were be been being
    do does did has have had can could may might must shall should will would not i you he she it we they me us
    them my your his her its our their this that these those there here and or but if then than as of no yes
    please tell know one two three four five six seven eight nine ten first second third last next new current
    former main general annual monthly weekly daily good best high low large small short early late free name
    number code password wifi network phone email address street city town country capital company team group
    department manager director head chief executive officer president mayor king queen captain author editor
    founder owner maintainer member members employee employees people person staff children adults students
    pupils teacher doctor day days week weeks month months year years time hour hours minute minutes date
    deadline morning evening night monday tuesday wednesday thursday friday saturday sunday january february
    march april june july august september october november december summer winter spring autumn price cost fee
    rate salary discount ticket plan budget revenue tax percent euros dollars pounds size weight height length
    width speed temperature colour color material kind type sort version release language licence license port
    file server database app application system software hardware computer laptop printer router project product
    service support desk office building room floor hall house tower gate door key car bus train ship boat plane
    flight ferry shuttle road lane bridge river lake mountain island sea beach park garden museum library school
    university college hospital clinic bank shop store market hotel restaurant canteen cafe bar gym club church
    theatre cinema film book novel song opera painting mural game match meeting event conference festival party
    holiday leave policy rule form report contract invoice order account card badge pass permit visa insurance
    warranty guarantee emergency exit fire alarm lever button switch lamp light window wall roof table chair box
    bin cabinet freezer bottle cup food lunch dinner breakfast coffee tea water milk bread meat fish fruit
    medicine dosage dose patient nurse animal dog cat bird plant flower tree wood metal copper silver gold stone
    glass paper power energy oil gas error default maximum minimum total extension contact born married dead
    located based made called named founded built written opened closed north south east west upper lower left
    right red blue green yellow orange black white grey avenue square labs lab institute foods steel motors ltd
    inc ag society award medal prize trio orchestra choir brewery health united air airlines media hr ceo cto cfo
    sla id ip url vpn api iban pin vat security samples ethics protection"""
)
_KNOWN = COMMON | BASES | DETERMINERS | PREPOSITIONS | OF_KINDS

_WELL_KNOWN = {
    "person": ("Albert Einstein", "Marie Curie", "Barack Obama", "William Shakespeare"),
    "company": ("Microsoft", "Apple", "Toyota", "Amazon", "Siemens"),
    "place": ("Germany", "Paris", "Japan", "London", "Canada"),
}
_OF_PLACES = listed("capital mayor population inhabitants country city town river president government vat")
_ONSETS = tuple(sorted(listed("B Br C D Dr F G H K L M N P R S St T Tr V W")))
_MIDDLES = tuple(sorted(listed("al an ar el en er il in or ul")))
_ENDINGS = tuple(sorted(listed("ard elm ova wick ley mar ia ert ung ost")))
_TOKEN = re.compile(r"[«„“\"][^»”\"]+[»”\"]|[\w][\w'’.&/-]*\w|\w|&")


def names_in(question: str) -> list[tuple[int, int]]:
    """Spans of names: capitals, digits and quotes; in a question without any, its rare words."""
    tokens = list(_TOKEN.finditer(question))
    english = any(token[0].lower() in COMMON for token in tokens)
    marked = [_is_marked(token[0], index == 0, english) for index, token in enumerate(tokens)]
    if not any(marked) and english:
        marked = [not is_common(token[0]) and not token[0].isdigit() for token in tokens]
    spans: list[tuple[int, int]] = []
    for token, mark in zip(tokens, marked, strict=True):
        gap = question[spans[-1][1] : token.start()] if spans else ""
        if (
            mark
            and spans
            and gap in {" ", " of ", " & ", " the ", " of the "}
            and (token[0][0].isupper() or gap == " ")
        ):
            spans[-1] = (spans[-1][0], token.end())
        elif mark:
            spans.append(token.span())
    return [(a, b - 2 if question[a:b].endswith(("'s", "’s")) else b) for a, b in spans]


def _is_marked(word: str, first: bool, english: bool) -> bool:
    """Whether a token is spelt like a name; the first word of a question only if it is no common one."""
    if word[0] in '«„“"' or (any(map(str.isdigit, word)) and any(map(str.isalpha, word))):
        return True
    known = word.isupper() and word.lower() in COMMON  # CEO, VAT
    capital = any(map(str.isupper, word)) and word != "I" and not known
    return capital and (not first or (english and not is_common(word)))


def is_common(word: str) -> bool:
    """Whether a word, or what it is a form of, is one of the few hundred that everybody uses."""
    plain = word.lower().removesuffix("'s")
    if plain in _KNOWN:
        return True
    return plain.removesuffix("s") in COMMON or (finite(plain) or ("", ""))[1] in BASES


def namesakes(name: str, dice: random.Random) -> list[str]:
    """The name with one word changed: another kind of place or firm, another number, another ending."""
    found = exchanged(name, dice)
    words = name.split()
    rare = [index for index, word in enumerate(words) if len(word) > 3 and word[0].isalpha() and not is_common(word)]
    for index in (rare[-2:] * 2)[:2]:
        word = words[index]
        ending = dice.choice([ending for ending in _ENDINGS if not word.lower().endswith(ending)])
        changed = word[: max(2, min(len(word) - 2, (len(word) + 1) // 2))].rstrip("aeiou") + ending
        found.append(" ".join([*words[:index], changed, *words[index + 1 :]]))
    return found[:3]


def invented(name: str, dice: random.Random) -> str:
    """A made-up name of the same shape; words that say what kind of thing it is stay."""
    words = name.split()
    stays = [is_common(word) or not word[0].isalpha() for word in words]
    if all(stays):
        stays = [not word[0].isalpha() or index > 0 for index, word in enumerate(words)]
    return " ".join(
        other_digits(word, dice) if stay else _made_up(word, dice) for word, stay in zip(words, stays, strict=True)
    )


def _made_up(word: str, dice: random.Random) -> str:
    if word.isupper() and len(word) > 1:
        return "".join(dice.choice("BCDFGKLMPRSTVX") if letter.isalpha() else letter for letter in word)
    made = dice.choice(_ONSETS) + dice.choice(_MIDDLES) + dice.choice(_ENDINGS)
    if word[0] in '«„“"':
        return word[0] + made + word[-1]
    return made if word[0].isupper() else made.lower()


def well_known(question: str, name: str, dice: random.Random) -> list[str]:
    """Two names that everybody knows, of the kind that the name seems to be."""
    words = set(re.findall(r"\w+", question.casefold()))
    inside = re.search(rf"\bin {re.escape(name)}", question) is not None
    person = is_person(name) and f"the {name}" not in question
    kind = "person" if person else "place" if inside or words & _OF_PLACES else "company"
    known = dice.sample(_WELL_KNOWN[kind], 2)
    return known if name != name.lower() else [other.lower() for other in known]


def is_person(name: str) -> bool:
    """Whether a name looks like a person's: several capitalised words, none of them a common one."""
    return shape_of(name) == "person" and not any(is_common(word) for word in name.split())
