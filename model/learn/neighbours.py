"""Questions near an exchange that were never taught: its subject asked something else, other subjects asked the same.

Made from the words of its first question alone, and always the same ones for the same words. English gets most of them;
in other languages only names and numbers are exchanged, and where neither is to be seen there are none.
"""

import random
import re
import zlib

from model.facts import Exchange, Neighbours
from model.learn.english import (
    ADVERBS,
    BASES,
    DETERMINERS,
    NOUNLIKE,
    PREPOSITIONS,
    finite,
    is_plural,
    listed,
    participle_of,
)
from model.learn.shape import shape_of

_BESIDE = 6
_OTHERS = 8
_COMMON = listed(
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
_KINDS = (
    "street lane road avenue square",
    "hall house court tower building",
    "bank insurance logistics foods labs systems motors",
    "school college institute academy",
    "museum library theatre gallery",
    "lake river mount island bay",
    "medal prize award cup",
    "silver golden bronze copper iron",
    "eagle falcon heron raven otter",
)
_KNOWN = _COMMON | BASES | DETERMINERS | PREPOSITIONS | listed(" ".join(_KINDS[:7]))
# Words of which any two exclude each other: who asks for one does not ask for the other.
_QUALIFIERS = tuple(
    words.split()
    for words in (
        "gold silver bronze platinum",
        "first second third last",
        "north south east west",
        "northern southern eastern western",
        "adults children students seniors",
        "monday tuesday wednesday thursday friday saturday sunday",
        "mondays tuesdays wednesdays thursdays fridays saturdays sundays",
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
        "one two three four five six seven eight nine ten twelve",
        "contractors employees visitors interns",
        "weekly monthly yearly",
    )
)
_OF_NAMES = tuple(words.split() for words in _KINDS)
_OPPOSITES = (
    ("open", "close"),
    ("opens", "closes"),
    ("start", "end"),
    ("begin", "end"),
    ("leave", "arrive"),
    ("buy", "sell"),
    ("born", "buried"),
    ("founded", "closed"),
    ("longest", "shortest"),
    ("oldest", "newest"),
)
_WELL_KNOWN = {
    "person": ("Albert Einstein", "Marie Curie", "Barack Obama", "William Shakespeare"),
    "company": ("Microsoft", "Apple", "Toyota", "Amazon", "Siemens"),
    "place": ("Germany", "Paris", "Japan", "London", "Canada"),
}
_OF_PLACES = listed("capital mayor population inhabitants country city town river president government vat")
_NOUNS = tuple(sorted(listed("printer canteen gym warehouse garage laptop bicycle newsletter sauna workshop scanner")))
_PEOPLE = tuple(sorted(listed("lawyer auditor landlord receptionist accountant architect dentist caretaker")))
_ONSETS = tuple(sorted(listed("B Br C D Dr F G H K L M N P R S St T Tr V W")))
_MIDDLES = tuple(sorted(listed("al an ar el en er il in or ul")))
_ENDINGS = tuple(sorted(listed("ard elm ova wick ley mar ia ert ung ost")))
# (question, words that show that an exchange asks the same)
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
_TOKEN = re.compile(r"[«„“\"][^»”\"]+[»”\"]|[\w][\w'’.&/-]*\w|\w|&")


def neighbours(exchange: Exchange) -> Neighbours:
    """At most six questions beside the exchange and eight about others, none of which the exchange asks."""
    question = exchange.questions[0]
    dice = random.Random(zlib.crc32(question.encode()))  # noqa: S311 — made-up names, the same each time
    names = _names(question)
    own = {_plain(text) for text in (*exchange.questions, exchange.probe or "")}
    others = [text for text in _others(question, names, dice) if _plain(text) not in own]
    beside = [text for text in _beside(exchange, question, names, dice) if _plain(text) not in own]
    return Neighbours(tuple(dict.fromkeys(beside))[:_BESIDE], tuple(dict.fromkeys(others))[:_OTHERS])


def _names(question: str) -> list[tuple[int, int]]:
    """Spans of names: capitals, digits and quotes; in a question without any, its rare words."""
    tokens = list(_TOKEN.finditer(question))
    english = any(token[0].lower() in _COMMON for token in tokens)
    marked = [_is_marked(token[0], index == 0, english) for index, token in enumerate(tokens)]
    if not any(marked) and english:
        marked = [not _is_common(token[0]) and not token[0].isdigit() for token in tokens]
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
    known = word.isupper() and word.lower() in _COMMON  # CEO, VAT
    capital = any(map(str.isupper, word)) and word != "I" and not known
    return capital and (not first or (english and not _is_common(word)))


def _is_common(word: str) -> bool:
    plain = word.lower().removesuffix("'s")
    if plain in _KNOWN:
        return True
    return plain.removesuffix("s") in _COMMON or (finite(plain) or ("", ""))[1] in BASES


def _others(question: str, names: list[tuple[int, int]], dice: random.Random) -> list[str]:
    """The question about others: names exchanged, then numbers, qualifiers, and nouns where there is no name."""
    found = []
    for start, end in names[::-1][:2]:
        name = question[start:end]
        known = _well_known(question, name, dice)
        alike, made = _namesakes(name, dice), [_invented(name, dice) for _ in range(3)]
        order = [*alike[:1], *made[:1], *known[:1], *alike[1:], *made[1:], *known[1:]]
        found.append([_swapped(question, start, end, other) for other in order if other != name])
    found.append(list(_exchanged(question, dice)))
    if not names:
        found.append(list(_other_nouns(question, dice)))
    longest = max(map(len, found), default=0)
    return [group[index] for index in range(longest) for group in found if index < len(group)]


def _swapped(question: str, start: int, end: int, other: str) -> str:
    """The question with other words in a span, and the article that they need."""
    before = re.sub(r"\b([Aa])n? $", r"\1n " if other[0].lower() in "aeiou" else r"\1 ", question[:start])
    return before + other + question[end:]


def _namesakes(name: str, dice: random.Random) -> list[str]:
    """The name with one word changed: another kind of place or firm, another number, another ending."""
    found = _exchanged(name, dice)
    words = name.split()
    rare = [index for index, word in enumerate(words) if len(word) > 3 and word[0].isalpha() and not _is_common(word)]
    for index in (rare[-2:] * 2)[:2]:
        word = words[index]
        ending = dice.choice([ending for ending in _ENDINGS if not word.lower().endswith(ending)])
        changed = word[: max(2, min(len(word) - 2, (len(word) + 1) // 2))].rstrip("aeiou") + ending
        found.append(" ".join([*words[:index], changed, *words[index + 1 :]]))
    return found[:3]


def _invented(name: str, dice: random.Random) -> str:
    """A made-up name of the same shape; words that say what kind of thing it is stay."""
    words = name.split()
    stays = [_is_common(word) or not word[0].isalpha() for word in words]
    if all(stays):
        stays = [not word[0].isalpha() or index > 0 for index, word in enumerate(words)]
    return " ".join(
        _digits(word, dice) if stay else _made_up(word, dice) for word, stay in zip(words, stays, strict=True)
    )


def _made_up(word: str, dice: random.Random) -> str:
    if word.isupper() and len(word) > 1:
        return "".join(dice.choice("BCDFGKLMPRSTVX") if letter.isalpha() else letter for letter in word)
    made = dice.choice(_ONSETS) + dice.choice(_MIDDLES) + dice.choice(_ENDINGS)
    if word[0] in '«„“"':
        return word[0] + made + word[-1]
    return made if word[0].isupper() else made.lower()


def _digits(word: str, dice: random.Random) -> str:
    return re.sub(r"\d", lambda digit: str((int(digit[0]) + dice.randint(1, 8)) % 9 + 1), word)


def _well_known(question: str, name: str, dice: random.Random) -> list[str]:
    """Two names that everybody knows, of the kind that the name seems to be."""
    words = set(_plain(question).split())
    inside = re.search(rf"\bin {re.escape(name)}", question) is not None
    kind = "person" if _is_person(name) else "place" if inside or words & _OF_PLACES else "company"
    known = dice.sample(_WELL_KNOWN[kind], 2)
    return known if name != name.lower() else [other.lower() for other in known]


def _is_person(name: str) -> bool:
    return shape_of(name) == "person" and not any(_is_common(word) for word in name.split())


def _exchanged(text: str, dice: random.Random) -> list[str]:
    """The text with one number or one qualifier changed, for each that it has."""
    found = []
    for number in re.finditer(r"\d+", text):
        value = int(number[0]) if len(number[0]) < 9 else 0
        made = (str(value + 1), str(value + dice.randint(2, 9))) if value else (_digits(number[0], dice),)
        found += [text[: number.start()] + other + text[number.end() :] for other in made]
    for word in re.finditer(r"[^\W\d_]+", text):
        for group in (*_QUALIFIERS, *_OF_NAMES):
            if word[0].lower() in group and (group not in _OF_NAMES or word[0][0].isupper()):
                other = dice.choice([other for other in group if other != word[0].lower()])
                found.append(
                    text[: word.start()] + (other.title() if word[0][0].isupper() else other) + text[word.end() :]
                )
                break
    return found


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
    if not subject or not any(word in _COMMON for word in words):
        return []
    is_thing = subject.split()[0] in DETERMINERS and subject[-1:].isalpha() and subject.split()[-1].islower()
    someone = _is_person(subject) or (words[0] == "who" and subject.startswith(("our ", "my ")))
    forms = _OF_PEOPLE if someone else _OF_THINGS if is_thing else _OF_FIRMS
    shape = {"money": "cost", "colour": "colour", "person": "person"}.get(shape_of(exchange.answer), "")
    asked = [text.format(subject) for text, same in forms if not {*words, shape} & set(same.split())]
    if is_plural(subject.split()) and is_thing:
        for one, many in (("is", "are"), ("was", "were"), ("does", "do")):
            asked = [re.sub(rf"^(?!Who)(\w+(?: \w+)?) {one}\b", rf"\1 {many}", text) for text in asked]
    dice.shuffle(asked)
    turned = [
        re.sub(rf"\b{one}\b", other, question)
        for pair in _OPPOSITES
        for one, other in (pair, pair[::-1])
        if re.search(rf"\b{one}\b", question)
    ]
    return [*turned[:1], *sorted(asked, key=lambda text: _plain(text).split()[0] != words[0])]


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
