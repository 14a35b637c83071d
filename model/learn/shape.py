"""What kind of thing an answer is, by its look: a time, an amount, a person, a colour. Knows no sentences."""

import re
from functools import lru_cache

_SMALL = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
_LARGE = "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion"
_WORD = "(?:" + "|".join((_SMALL + _LARGE).split()) + ")"
_ABOUT = r"(?:(?:up to|at least|at most|more than|less than|about|over|around|almost|nearly|minus) |[-+−])?"
NUMBER = rf"{_ABOUT}(?:\d[\d.,]*(?: (?:million|billion|thousand))?|{_WORD}(?:[- ](?:and )?{_WORD})*)(?: and a half)?"
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_ORDINAL = r"(?:first|second|third|fourth|fifth|tenth|fifteenth|last|\d{1,2}(?:st|nd|rd|th))"
_CLOCK = (
    r"(?:\d{1,2}(?:[:.]\d\d)? ?[ap]\.?m\.?|\d{1,2}:\d\d|noon|midnight|\S+ o'clock|half past \S+|"
    r"quarter (?:to|past) \S+)"
)
_UNIT = (
    r"(?:[kcm]?m|[km]?g|m?l|k?W|[KMGT]B|k?Hz|km/h|mph|square \w+|cubic \w+|(?:kilo|mega|giga|tera)?(?:byte|bit|watt)s?|"
    r"(?:kilo|centi|milli)?(?:met(?:re|er)|gram|lit(?:re|er))s?|kilos?|tonnes?|tons?|miles?|feet|inch(?:es)?|yards?|"
    r"acres?|hectares?|knots?|volts?|pounds?)"
)
_NAME = r"(?:[A-ZÀ-ÞŠŽŁŚÅØČ][\w'’-]+|[A-Z]\.)"
_TITLE = (
    r"(?:(?:Dr|Prof|Mrs?|Ms)\.?|Sir|Dame|Captain|Professor|Mayor|Novelist|Inspector|Bishop|King|Queen|Duke|Duchess)"
)
# The first that fits names the shape.
_SHAPES = tuple(
    (name, re.compile(pattern, re.IGNORECASE if name in {"frequency", "clock", "span"} else 0))
    for name, pattern in (
        ("frequency", r"every .+|(?:once|twice|\w+ (?:times|days|hours)) an? \w+|daily|weekly|monthly|yearly|hourly"),
        ("span", rf"{_CLOCK} (?:to|until|and) (?:{_CLOCK}|{_WORD}|\d+)(?: on .*)?|(?:{_DAY}s?|daily) from .*"),
        ("span", rf"{_MONTH} to {_MONTH}"),
        ("score", r"\d+(?: to |[-–:])\d"),
        ("clock", rf"{_CLOCK}(?: (?:sharp|in the|on) .*)?|(?:{_WORD}|\d+) in the (?:morning|afternoon|evening)"),
        ("year", r"(?:1\d|20|21)\d\d"),
        ("month", rf"(?:(?:early|late|mid) )?(?:{_MONTH}|spring|summer|autumn|winter)(?: \d{{4}})?"),
        ("date", rf"(?:{_MONTH} \d.*|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}.*|\d{{4}}-\d\d-\d\d)"),
        ("date", rf"the {_ORDINAL}(?: \w+)? of .+|the end of .+"),
        ("days", rf"{_DAY}s(?: .*)?|weekdays|weekends"),
        ("day", r"(?:next|last|this) (?:year|spring|summer|autumn|winter|week|month)"),
        ("day", rf"(?:next |last |this )?{_DAY}(?: (?:morning|afternoon|evening|night))?"),
        ("duration", rf"{NUMBER}[- ](?:working )?(?:second|minute|hour|day|week|month|year)s?"),
        ("duration", rf"{NUMBER} (?:hour|day|week|month)s? (?:before|after) .*"),
        ("money", rf"[€$£¥] ?\d.*|{NUMBER} ?(?:[€$£¥]|(?:euro|dollar|pound|franc|crown|cent|EUR|USD|GBP|CHF)s?\b).*"),
        ("degrees", rf"{NUMBER} ?(?:°C?F?|degrees?)(?: .*)?"),
        ("percent", rf"{NUMBER} ?(?:%|per ?cent)"),
        ("distance", rf"{NUMBER} ?(?:k?m|kilomet\w+|met(?:re|er)s?|miles?|feet|yards?)"),
        ("measure", rf"{NUMBER} ?{_UNIT}(?: (?:per|a|an) \w+)?"),
        ("number", NUMBER),
        ("count", rf"{NUMBER} [a-z][a-z'-]*(?: .*)?"),
        ("person", rf"(?:{_TITLE} )?{_NAME}(?: (?:{_NAME}|van|de|von|da|al)){{1,3}}|{_TITLE} {_NAME}"),
    )
)
_NOT_PEOPLE = re.compile(
    r"\b(?:The|Labs?|Bank|Inc|Ltd|University|College|School|Street|Road|Avenue|Lane|Square|River|Lake|Bridge|Hall|House|"
    r"Club|Island|Mount|Mountains?|City|Town|Company|Group|Institute|Museum|Park|Station|Airport|Harbour|Society|Press|"
    r"Hotel|Theatre|Library|Hospital|Council|Union|United|Motors|Works|Systems|Software|Bay|Valley|Hill|Building|Tower|"
    r"Centre|Center|Office|North|South|East|West|New|Saint|Air|Steel|Medal|Prize|Cross|Award|Foods|Brewery|Project|"
    r"Orchestra|Trio|Port|Gate|Room|Zoo|Insurance|Isle|Team|Desk|Agency|Trust)\b"
)
_SOMEONE = re.compile(
    r"(?:the|her|his|its|our|my|their|a|an) (?:(?!of |for |to |in |at |on |that |who )[\w-]+ ){0,4}(?:king|queen|"
    r"duke|duchess|prince|bishop|cousin|brother|sister|son|daughter|nephew|niece|wife|husband|uncle|aunt|friend|chief|staff|"
    r"team|family|office|desk|board|council|committee|company|department|ministry|group|lead|[a-z]+(?:man|woman|ist|ian))"
    rf"s?(?: of .*)?|(?:the|her|his|its|our|my|their) (?:(?!of |for |in |on )[a-z]+ ){{1,2}}{_NAME}(?: {_NAME})*|"
    r"(?:the|our|my) (?:(?!of |for )[\w-]+ )*[a-z]{3,}(?:[gcdnskv]er|cher|[tsn]or|[ae]nt)s?(?: of .*)?"
)
_THINGS = re.compile(r"(?:river|tower|floor|door|corner|order|motor|sensor|server|plant|printer|cabinet|tent|agent)s?$")
_COLOUR = re.compile(
    r"(?:(?:dark|light|bright|pale) )?(?:red|blue|green|yellow|orange|purple|violet|pink|brown|black|white|grey|gray|"
    r"teal|turquoise|crimson|scarlet|gold|silver|beige|cream|maroon|navy|burgundy)"
)
AMOUNTS = frozenset({"money", "degrees", "percent", "distance", "measure", "number", "count", "duration"})
TIMES = frozenset({"clock", "year", "month", "date", "days", "day", "span"})


@lru_cache(4096)
def shape_of(answer: str) -> str:
    """One of frequency, span, clock, year, month, date, days, day, duration, money, degrees, … person, colour, text."""
    for name, pattern in _SHAPES:
        if pattern.fullmatch(answer) and not (name == "person" and _NOT_PEOPLE.search(answer)):
            return name
    return "colour" if all(_COLOUR.fullmatch(part) for part in re.split(r", | and ", answer)) else "text"


def is_someone(answer: str) -> bool:
    """Whether an answer is asked for with «who»: a name, a role, a team."""
    if shape_of(answer) == "person":
        return True
    parts = re.split(r", | and ", answer)
    if len(parts) > 1 and all(shape_of(part) == "person" for part in parts):
        return True
    return bool(_SOMEONE.fullmatch(answer)) and not _THINGS.search(re.split(r" of ", answer)[0])
