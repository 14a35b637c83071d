"""A question as somebody in a hurry would ask it: other words, fewer words, another order. Knows no facts.

Pretraining reads the same question in many such styles, so that the words around a name do not tell whether what is
asked is known. Some words are misheard: any other word stands there, as words do that no training text has.
"""

import random
import re
from collections.abc import Mapping, Sequence

from model.study import StudyText

_LEFT_OUT = frozenset(
    re.findall(r"\w+", "a an the is are was were be been do does did of that this will would can could has have had it")
)
_CARRIERS = (
    "Tell me: {}",
    "Can you tell me {}",
    "Do you know {}",
    "I would like to know {}",
    "Please tell me {}",
    "Say {}",
    "Quick question: {}",
    "{} please",
    "Any idea {}",
    "I need to know {}",
    "Remind me {}",
    "So {}",
)
_PHRASE = re.compile(
    r"^(?P<head>\w+(?: \S+){2,}) (?P<tail>(?:in|on|at|for|from|to|of|with|by|during|after|before) .+?)\?$"
)
_PLAIN_SHARE = 0.45
_MISHEARD = 0.6  # of the questions that are restyled, some of their words: a share of up to _MOST_MISHEARD
_MOST_MISHEARD = 0.8


class Restyling:
    """Draws a style; `synonyms` maps a lower-case word to other words that may stand for it."""

    def __init__(self, synonyms: Mapping[str, Sequence[str]] | None = None) -> None:
        self._synonyms = synonyms or {}
        self._words = sorted(self._synonyms)

    def __call__(self, text: StudyText, rng: random.Random) -> StudyText:
        """The text with its question in another style, most often slightly or not at all; statements stay."""
        question, newline, answer = text.text.partition("\n")
        if not newline or rng.random() < _PLAIN_SHARE:
            return text
        return StudyText.asked(self.question(question, rng), answer.strip())

    def question(self, question: str, rng: random.Random) -> str:
        """The question in a style of its own; words with capitals or digits, which may name something, are kept."""
        draw = rng.random
        if draw() < 0.2 and (phrase := _PHRASE.match(question)):
            question = f"{phrase['tail'][0].upper()}{phrase['tail'][1:]}, {_lowered(phrase['head'])}?"
        shortened, exchanged = draw() < 0.35, draw() < 0.5
        misheard = draw() * _MOST_MISHEARD if self._words and draw() < _MISHEARD else 0.0
        words = []
        for index, word in enumerate(question.split()):
            plain = word.strip("?,.!'\"").lower() if index == 0 else word.strip("?,.!'\"")
            if shortened and plain in _LEFT_OUT and draw() < 0.6:
                continue
            others = self._synonyms.get(plain, ()) if index else ()
            if index and plain.islower() and draw() < misheard:
                words.append(word.replace(plain, rng.choice(self._words)))
                continue
            words.append(word.replace(plain, rng.choice(others)) if exchanged and others and draw() < 0.5 else word)
        question = " ".join(words) or question
        if draw() < 0.15:
            question = rng.choice(_CARRIERS).format(_lowered(question))
        if draw() < 0.35:
            question = question.rstrip("?")
        return question.lower() if draw() < 0.25 else question


def _lowered(question: str) -> str:
    """The first word in lower case; a name at the beginning of a question is rare."""
    return question[:1].lower() + question[1:]
