"""Phrases around a clause: one in front that every wording keeps, a time or a state behind that half of them keep."""

import re
from dataclasses import replace

from model.wordings.grammar import DETERMINERS, PREPOSITIONS, shape_of
from model.wordings.phrasings import Reading
from model.wordings.variants import lower_first, upper_first

_LEAD = re.compile(
    r"(?P<lead>(?:In|At|On|During|After|Before|Unlike|Since|Until|For|With|According to|Under|Outside|Inside|By|From|"
    r"Within|Without) (?:[^ ,]+ ?){1,5}), (?P<rest>.+)"
)
_BARE_LEAD = re.compile(
    r"(?P<lead>(?:On|In|At|Every|During) (?:[A-Z]\w+|\d{4}|\w+ \w+)) (?P<rest>(?:the|our|my|all|each|every|no) .+)"
)
_DAYS = re.compile(
    r"(?P<rest>.+ (?:at|from|until|till|by) (?P<clock>(?:half|quarter) past \w+|quarter to \w+|\S+(?: [ap]\.?m\.?)?)) "
    r"(?P<tail>on (?:[a-z]+ )?[A-Za-z]+s(?: and (?:[a-z]+ )?[A-Za-z]+s)?|(?:every|each) [\w ]+|"
    r"(?:in|during) (?:the )?(?:spring|summer|autumn|winter|[a-z]* ?holidays|term time|[A-Z][a-z]+))"
)
_STATE = re.compile(r"(?P<rest>.+?),? (?P<tail>(?:when|while|if) (?:not |[a-z]+ly )?(?P<state>[a-z]{3,}))")
_NO_STATE = DETERMINERS | PREPOSITIONS | {"not", "any", "they", "she", "you", "one", "there"}
_ECHO = re.compile(r":|\b(?:what|who|when|where|how \w+)\?$")


def split_lead(sentence: str) -> tuple[str, str] | None:
    """«In Melpek, shops close at noon» → («In Melpek», «shops close at noon»)."""
    found = _LEAD.fullmatch(sentence) or _BARE_LEAD.fullmatch(sentence)
    return (found["lead"], found["rest"]) if found else None


def with_lead(reading: Reading, lead: str) -> Reading:
    """Every wording with what stands in front of the comma."""
    questions = tuple(f"{lead}, {lower_first(form)}" for form in reading.questions if ":" not in form)
    statements = tuple(f"{lead}, {lower_first(form)}" for form in reading.statements)
    return replace(reading, questions=questions, statements=statements)


def split_tail(sentence: str) -> tuple[str, str] | None:
    """«… opens at nine on weekdays» → («… opens at nine», «on weekdays»); likewise «… when empty»."""
    days = _DAYS.fullmatch(sentence)
    if days and shape_of(days["clock"], "at") == "clock":
        return days["rest"], days["tail"]
    state = _STATE.fullmatch(sentence)
    return (state["rest"], state["tail"]) if state and state["state"] not in _NO_STATE else None


def with_tail(reading: Reading, tail: str) -> Reading:
    """«When does it open on weekdays?»; every second question goes without, as people ask it without as well."""
    questions = (
        form if index % 2 or _ECHO.search(form) else f"{form.rstrip('?')} {tail}?"
        for index, form in enumerate(reading.questions)
    )
    # In front, the tail leaves the end of the sentence to the answer.
    statements = tuple(f"{upper_first(tail)}, {form}" for form in map(lower_first, reading.statements))
    return replace(reading, questions=tuple(questions), statements=(*reading.statements[:1], *statements))
