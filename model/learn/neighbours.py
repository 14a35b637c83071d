"""Questions near an exchange that were never taught: its subject asked something else, other subjects asked the same.

Made from the words of its first question alone, and always the same ones for the same words. English gets most of them;
in other languages only names and numbers are exchanged, and where neither is to be seen there are none.
"""

import random
import re
import zlib

from model.facts import Exchange, Neighbours
from model.learn.english import ADVERBS, BASES, DETERMINERS, NOUNLIKE, PREPOSITIONS, is_plural, listed, participle_of
from model.learn.exclusives import exchanged, turned
from model.learn.names import COMMON, invented, is_person, names_in, namesakes, well_known
from model.learn.shape import shape_of

_BESIDE = 4
_OTHERS = 8
_NOUNS = tuple(sorted(listed("printer canteen gym warehouse garage laptop bicycle newsletter sauna workshop scanner")))
_REGIONAL = listed("capital mayor population inhabitants currency president anthem government")
_PEOPLE = tuple(sorted(listed("lawyer auditor landlord receptionist accountant architect dentist caretaker")))
_OF_FIRMS = (
    ("Who founded {}?", "founded founder started established"),
    ("When was {} founded?", "founded established exist existed began begin start started since year opened built"),
    ("Where is {}?", "where located place city street town room address"),
    ("Who owns {}?", "owns owner own owned belong belongs person"),
    ("How old is {}?", "old age since year founded built"),
    ("How many people work for {}?", "people employees staff many work"),
    ("What is the phone number of {}?", "phone number extension call dial reach contact"),
    ("How big is {}?", "big large size high tall long wide area weigh heavy length many"),
    ("Who is the director of {}?", "director head who leads runs chief boss manager ceo person"),
    ("Why is {} famous?", "famous known why"),
)
_OF_THINGS = (
    ("Who built {}?", "built made builder designed designer constructed"),
    ("When was {} built?", "built made since year exist existed old opened"),
    ("Where is {}?", "where located place city street town room address find kept stored"),
    ("How much does {} cost?", "cost costs price much pay fee charge priced expensive"),
    ("What colour is {}?", "colour color look"),
    ("Who owns {}?", "owns owner own owned belong belongs person"),
    ("How old is {}?", "old age since year built"),
    ("How big is {}?", "big large size high tall long wide area weigh heavy length many"),
    ("What is {} made of?", "made material"),
    ("Who is responsible for {}?", "responsible who leads runs manager maintains looks person"),
)
_OF_PEOPLE = (
    ("Where was {} born?", "born birthplace where come from"),
    ("How old is {}?", "old age born birthday"),
    ("Who is {} married to?", "married wife husband spouse marry who"),
    ("What does {} do for a living?", "living job profession occupation work do role"),
    ("Where does {} live?", "live lives residence where home"),
    ("What is the phone number of {}?", "phone number extension call dial reach contact"),
    ("What is {}'s favourite food?", "food eat favourite drink likes like"),
    ("How tall is {}?", "tall height"),
    ("Which languages does {} speak?", "language languages speak speaks"),
)
_OF_REGIONS = (
    ("What is the population of {}?", "population people inhabitants live many"),
    ("What is the largest city of {}?", "largest biggest city capital"),
    ("What is the longest river of {}?", "longest river"),
    ("What is the currency of {}?", "currency money pay"),
    ("Who is the president of {}?", "president head leads rules governs king queen person"),
    ("What is the official language of {}?", "language languages speak speaks spoken"),
    ("How big is {}?", "big large size area"),
    ("When was {} founded?", "founded established independent independence year since"),
)


def neighbours(exchange: Exchange) -> Neighbours:
    """At most four questions beside the exchange and eight about others, none of which the exchange asks."""
    question = exchange.questions[0]
    dice = random.Random(zlib.crc32(question.encode()))  # noqa: S311 — made-up names, the same each time
    names = names_in(question)
    own = {_plain(text) for text in (*exchange.questions, exchange.probe or "")}
    others = [text for text in _others(question, names, dice) if _plain(text) not in own]
    beside = [text for text in _beside(exchange, question, names, dice) if _plain(text) not in own]
    return Neighbours(tuple(dict.fromkeys(beside))[:_BESIDE], tuple(dict.fromkeys(others))[:_OTHERS])


def _others(question: str, names: list[tuple[int, int]], dice: random.Random) -> list[str]:
    """The question about others: names exchanged, then numbers, qualifiers, and nouns where there is no name."""
    found = []
    for start, end in names[::-1][:2]:
        name = question[start:end]
        known = well_known(question, name, dice)
        alike, made = namesakes(name, dice), [invented(name, dice) for _ in range(3)]
        order = [*alike[:1], *made[:1], *known[:1], *alike[1:], *made[1:], *known[1:]]
        found.append([_swapped(question, start, end, other) for other in order if other != name])
    found.append(list(exchanged(question, dice)))
    if not names:
        found.append(list(_other_nouns(question, dice)))
    longest = max(map(len, found), default=0)
    return [group[index] for index in range(longest) for group in found if index < len(group)]


def _swapped(question: str, start: int, end: int, other: str) -> str:
    """The question with other words in a span, and the article that they need."""
    before = re.sub(r"\b([Aa])n? $", r"\1n " if other[0].lower() in "aeiou" else r"\1 ", question[:start])
    return before + other + question[end:]


def _other_nouns(question: str, dice: random.Random) -> list[str]:
    """«Where is the canteen?» → «Where is the library?»"""
    subject = _subject(question, [])
    people = re.match(r"who\b", question, re.IGNORECASE) and subject.split()[:1] == ["our"]
    pool = dice.sample([noun for noun in (_PEOPLE if people else _NOUNS) if noun not in question], 5)
    several, article = subject and is_plural(subject.split()), "our" if people else "the"
    return [question.replace(subject, f"{article} {noun}{'s' if several else ''}") for noun in pool] if subject else []


def _beside(exchange: Exchange, question: str, names: list[tuple[int, int]], dice: random.Random) -> list[str]:
    """Other questions about the subject; those that begin like the exchange's come first, for they are the nearest."""
    subject = _subject(question, names)
    words = _plain(" ".join(exchange.questions)).split()
    if not subject or not any(word in COMMON for word in words):
        return []
    is_thing = subject.split()[0] in DETERMINERS and subject[-1:].isalpha() and subject.split()[-1].islower()
    someone = is_person(subject) or (words[0] == "who" and subject.startswith(("our ", "my ")))
    region = bool(_REGIONAL & set(words)) and not is_thing
    forms = _OF_PEOPLE if someone else _OF_REGIONS if region else _OF_THINGS if is_thing else _OF_FIRMS
    shape = {"money": "cost", "colour": "colour", "person": "person"}.get(shape_of(exchange.answer), "")
    asked = [text.format(subject) for text, same in forms if not {*words, shape} & set(same.split())]
    if is_plural(subject.split()) and is_thing:
        for one, many in (("is", "are"), ("was", "were"), ("does", "do")):
            asked = [re.sub(rf"^(?!Who)(\w+(?: \w+)?) {one}\b", rf"\1 {many}", text) for text in asked]
    dice.shuffle(asked)
    return [*turned(question)[:2], *sorted(asked, key=lambda text: _plain(text).split()[0] != words[0])]


def _subject(question: str, names: list[tuple[int, int]]) -> str:
    """The last name with its article and the nouns behind it; without a name, what follows the first article."""
    before, start, end = "", 0, 0
    named = [span for span in names if re.search(r"[^\W\d_]{3}", question[span[0] : span[1]])]
    if named:
        start, end = named[-1]
        article = re.search(r"\b(?:the|our|my|a|an) $", question[:start], re.IGNORECASE)
        before = article[0].lower() if article else ""
    else:
        article = re.search(r"\b(?:the|our|my|your) \w+", question)
        if article:
            start, end = article.span()
            more = re.match(r" (?:of|for) (?:[a-z]+)\b", question[end:])
            end += more.end() if more else 0
    phrase, has_do = question[start:end], re.search(r"\b(?:do|does|did)\b", question)
    for word in question[end:].split(" ")[1:4] if article and question[end : end + 1] == " " else ():
        plain = word.rstrip("?.,!")
        noun = phrase == question[start:end] and plain in NOUNLIKE and (plain == word or not has_do)
        if not plain.isalpha() or (_ends_subject(plain) and not noun):
            break
        phrase += f" {plain}"
        if plain != word:
            break
    return before + phrase


def _ends_subject(word: str) -> bool:
    """Whether a word behind a noun is no noun: a preposition, a verb, an adjective."""
    if word in PREPOSITIONS | ADVERBS | {"of", "not", "and", "or", "valid", "last", "shut", "is", "are", "in"}:
        return True
    return word in BASES or participle_of(word) is not None or bool(re.search(r"(?:able|ible)$", word))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
