"""Measuring answers: by generation, and how right they are."""

import re
import string
from collections import Counter
from collections.abc import Sequence

from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.engine.offline import Ask, generate
from model.memory.table import View


def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces (as SQuAD's evaluation does)."""
    bare = "".join(" " if character in string.punctuation + "«»“”’" else character for character in text.lower())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def matches(answer: str, expected: str) -> bool:
    """Whether an answer is the expected one: to the letter, but for capitals, spaces and a full stop at the end.

    «10.0.0.1» is not «1001», nor is «-5» the same as «5».
    """
    return _plain(answer) == _plain(expected)


def token_f1(answer: str, expected: str) -> float:
    """Harmonic mean of precision and recall over normalised words, in 0..1."""
    given, wanted = normalise(answer).split(), normalise(expected).split()
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else float(given == wanted)


def complete(checkpoint: Checkpoint, prompts: Sequence[Prompt], view: View, max_tokens: int = 24) -> list[str]:
    """Greedy continuations of `prompts`, all reading `view`, in the order of the prompts."""
    asked = [Ask(prompt, view, max_tokens) for prompt in prompts]
    return [checkpoint.prompts.text(done.ids).strip() for done in generate(checkpoint, asked)]


def _plain(text: str) -> str:
    spaced = " ".join(text.casefold().split())
    return spaced.removesuffix(".").rstrip()
