"""Words that exclude each other: who asks for the second pump does not ask for the third.

A group is a list of choices, a choice one word or several that mean the same. Four kinds of groups: qualifiers of what
is asked about, kinds of names («Tannery Lane», «Tannery Street»), which count only where they are capitalised, and what
can be asked of one thing, in words that can stand in each other's place and in others.
"""

import random
import re
from collections.abc import Iterator
from itertools import chain, zip_longest

Group = tuple[tuple[str, ...], ...]


def _groups(*lines: str) -> tuple[Group, ...]:
    return tuple(tuple(tuple(choice.split("/")) for choice in line.split()) for line in lines)


_QUALIFIERS = _groups(
    "one/first two/second three/third four/fourth five/fifth six/sixth seven/seventh eight/eighth nine/ninth ten/tenth "
    "eleven/eleventh twelve/twelfth",
    "gold silver bronze platinum",
    "first/earliest last/final/latest",
    "north/northern south/southern east/eastern west/western",
    "adults children students seniors",
    "monday/mondays tuesday/tuesdays wednesday/wednesdays thursday/thursdays friday/fridays saturday/saturdays "
    "sunday/sundays",
    "january february march april june july august september october november december",
    "morning afternoon evening night",
    "summer winter spring autumn",
    "red blue green yellow black white",
    "basic plus pro premium enterprise",
    "test staging production",
    "minimum maximum",
    "upper lower",
    "left right",
    "men women",
    "sales finance marketing procurement research security",
    "breakfast lunch dinner",
    "contractors employees visitors interns",
    "weekly monthly yearly/annual",
    "full empty",
    "incoming outgoing",
    "before after",
    "imports/import exports/export",
)
_OF_NAMES = _groups(
    "street lane road avenue square",
    "hall house court tower building mill",
    "bank insurance logistics foods labs systems motors",
    "school college institute academy",
    "museum library theatre gallery",
    "lake river mount island bay",
    "medal prize award cup",
    "silver golden bronze copper iron",
    "eagle falcon heron raven otter",
    "mr mrs/ms/miss",
)
_OPPOSITES = _groups(
    "open/opens/opened/opening close/closes/closed/closing/shut/shuts",
    "start/starts/begin/begins end/ends/finish/finishes",
    "leave/leaves/depart/departs arrive/arrives",
    "buy/buys sell/sells",
    "longest/tallest/highest shortest/smallest/lowest",
    "oldest newest",
    "cheapest dearest",
    "capital population/inhabitants currency president anthem flag",
)
_ATTRIBUTES = _groups(
    "capital language/languages river/rivers mountain/mountains area largest/biggest",
    "ceo founder/founded chairman cfo cto owner/owns",
    "founded closed",
    "phone/telephone email/mail website fax",
    "price/cost/costs weight/heavy/weigh colour/color height/tall speed/fast",
    "birthday/born death/died/die buried wife/husband/spouse/married",
    "author/wrote publisher/published",
)
NUMBER_WORDS = frozenset(chain.from_iterable(_QUALIFIERS[0]))
OF_KINDS = frozenset(chain.from_iterable(chain.from_iterable(_OF_NAMES[:7])))
_WORD = re.compile(r"[^\W\d_]+")


def exchanged(text: str, dice: random.Random) -> list[str]:
    """The text with one number or one qualifier changed, for each that it has."""
    found = []
    for number in re.finditer(r"\d+", text):
        value = int(number[0]) if len(number[0]) < 9 else 0
        made = (str(value + 1), str(value + dice.randint(2, 9))) if value else (other_digits(number[0], dice),)
        found += [text[: number.start()] + other + text[number.end() :] for other in made]
    for word in _WORD.finditer(text):
        group = next(_groups_of(word[0], (*_QUALIFIERS, *_OF_NAMES)), None)
        if group is not None:
            found.append(_with(text, word, dice.choice(_others(word[0].lower(), group))))
    return found


def turned(text: str) -> list[str]:
    """The text with what is asked turned into something else, for each word that names it."""
    found = []
    for word in _WORD.finditer(text):
        group = next(_groups_of(word[0], _OPPOSITES), None)
        if group is not None:
            found.append(_with(text, word, _others(word[0].lower(), group)[0]))
    return found


def exclusions(text: str) -> list[tuple[str, str]]:
    """(word of the text, word that it excludes), those first that stand nearest to each other in their lists."""
    found: list[list[tuple[str, str]]] = []
    for word in _WORD.finditer(text):
        own = word[0].lower()
        for group in _groups_of(word[0], (*_QUALIFIERS, *_OF_NAMES, *_OPPOSITES, *_ATTRIBUTES)):
            place = _place(own, group)
            far = sorted((index for index in range(len(group)) if index != place), key=lambda index: abs(index - place))
            found.append([(own, spelling) for index in far for spelling in group[index]])
    return [pair for few in zip_longest(*found) for pair in few if pair is not None]


def other_digits(text: str, dice: random.Random) -> str:
    """The text with each of its digits changed."""
    return re.sub(r"\d", lambda digit: str((int(digit[0]) + dice.randint(1, 8)) % 9 + 1), text)


def _groups_of(word: str, groups: tuple[Group, ...]) -> Iterator[Group]:
    for group in groups:
        if word.lower() in chain.from_iterable(group) and (group not in _OF_NAMES or word[0].isupper()):
            yield group


def _place(word: str, group: Group) -> int:
    return next(index for index, choice in enumerate(group) if word in choice)


def _others(word: str, group: Group) -> list[str]:
    """Of each other choice the spelling that stands where the word stands in its own."""
    own = group[_place(word, group)]
    return [choice[min(own.index(word), len(choice) - 1)] for choice in group if choice is not own]


def _with(text: str, word: re.Match[str], other: str) -> str:
    return text[: word.start()] + (other.title() if word[0][0].isupper() else other) + text[word.end() :]
