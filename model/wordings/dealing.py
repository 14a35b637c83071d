"""Deals the study texts of a fact from many kinds of wording, so that the first few are diverse already."""

import re
import zlib
from collections.abc import Iterable
from typing import TypeVar

from model.study import QUESTION_PROMPT, StudyText

Item = TypeVar("Item")

_ENOUGH = 18
# What a lane is, `augment` says. Written questions come often, as they are the best there are; frames come last.
_ROUNDS = (
    ("plain", "written", "part", "written", "other", "said", "short", "written", "plain", "part", "framed"),
    ("written", "plain", "topic", "lower", "part", "written", "said", "other", "framed", "plain"),
    ("written", "plain", "part", "other", "written", "said", "short", "sentence", "framed"),
    ("plain", "other", "framed", "whole", "plain", "sentence", "framed", "whole", "framed", "whole"),
)


def dealt(posted: list[StudyText], lanes: dict[str, list[StudyText]], probe: str, limit: int) -> tuple[StudyText, ...]:
    """The posted texts, then one of each lane in turn until there are enough; none of them holds the probe's words."""
    held, held_asked = normal(probe), normal(QUESTION_PROMPT.format(question=probe))
    own = [text for text in posted if not normal(text.text).startswith(f"{held_asked} ")]
    kept = {text.text: text for text in own}
    left = {name: iter(texts) for name, texts in lanes.items()}
    for name in (name for each in _ROUNDS for name in each):
        fresh = (text for text in left[name] if text.text not in kept and held not in normal(text.text))
        text = next(fresh, None)
        if text and len(kept) < max(_ENOUGH, len(own)):
            kept[text.text] = text
    return tuple(kept.values())[: max(1, limit)]


def ranked(items: Iterable[Item], seed: int) -> list[Item]:
    """An order that looks random, differs by seed and is the same on every machine."""
    return sorted(items, key=lambda item: zlib.crc32(f"{seed}:{item}".encode()))


def normal(text: str) -> str:
    """Words in lower case, without marks; «What's» asks the same as «What is»."""
    whole = re.sub(r"\b(what|who|where)['’]s (?=.)", r"\1 is ", text.lower())
    return " ".join(re.findall(r"\w+", whole))
