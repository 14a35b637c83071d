"""An amount in the subject of a sentence: «Orders above 75 euros ship free» tells from what amount they do."""

import re

from model.wordings.grammar import BASES, BE, MODALS, shape_of
from model.wordings.phrasings import Reading

_THRESHOLD = re.compile(
    r"(?P<what>[A-Z][a-z]+(?: (?:for|to|of|from|at|in|with) .+?)?) (?P<side>above|over|under|below) (?P<behind>.+)"
)
_PEOPLE = re.compile(r"(?:Children|Kids|People|Adults|Visitors|Guests|Passengers|Pupils|Students|Girls|Boys|Drivers)\b")
# What is measured, by the unit or, where none of these fits, by the shape.
_UNITS = (
    (re.compile(r".*\b(?:k?g|kilos?|\w*grams?|tonn?e?s?)"), "weight"),
    (re.compile(r".*(?:degrees?|°C)"), "temperature"),
    (re.compile(r".*\b(?:km/h|mph|knots?)"), "speed"),
    (re.compile(r".*\b(?:[ck]?m|\w*met(?:re|er)s?|feet|inches|miles?)"), "length"),
)
_SHAPES = {"duration": "length of time", "number": "age"}


def threshold(sentence: str) -> Reading | None:
    """«Parcels above [20 kilos] travel by rail»: above what weight?"""
    found = _THRESHOLD.fullmatch(sentence)
    amount, act = _amount(found["behind"].split()) if found else ("", [])
    if not found or len(act) < 2 or act[0] not in BASES | BE | MODALS:
        return None
    shape, what, side = shape_of(amount), found["what"], found["side"]
    noun = next((noun for unit, noun in _UNITS if unit.fullmatch(amount)), _SHAPES.get(shape, "amount"))
    if shape == "number" and not _PEOPLE.match(what):
        return None
    verb, rest = act[0], " ".join(act[1:])
    asked = f"{verb} [X] {rest}" if verb in BE | MODALS else f"do [X] {verb} {rest}"
    questions = (
        f"{side.capitalize()} what {noun} {asked}?",
        f"{side.capitalize()} which {noun} {asked}?",
        f"What is the {noun} {side} which [X] {verb} {rest}?",
        f"For [X], what is the {noun} {side} which they {verb} {rest}?",
    )
    return Reading(what, amount, questions, (f"The {noun} {side} which [X] {verb} {rest} is [Y].",))


def _amount(words: list[str]) -> tuple[str, list[str]]:
    """The amount at the start of `words` and what follows it; empty where there is none."""
    starts = [" ".join(words[:count]) for count in range(1, 5)]
    shapes = [shape_of(start) for start in starts]
    count = next((index for index, shape in enumerate(shapes, 1) if shape in {"money", "measure", "duration"}), 0)
    count = count or next((index for index in (4, 3, 2, 1) if shapes[index - 1] == "number"), 0)
    return " ".join(words[:count]), words[count:] if count else []
