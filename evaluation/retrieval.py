"""Facts in the prompt: those that the words of the question find, by BM25 (Robertson et al. 1994)."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rank_bm25 import BM25Okapi

from evaluation.base import Base
from evaluation.sets import Chat
from model.facts import Fact

_TOLD = "Facts that may help:\n{}\n\n{}"


class Retrieval:
    """The untouched base, told in front of the last turn what a search finds.

    most   facts that are told
    least  BM25 score below which a fact is not told
    """

    def __init__(self, folder: Path, device: str, most: int, least: float) -> None:
        self._base, self._most, self._least = Base(folder, device), most, least
        self._told: list[str] = []

    def teach(self, facts: Sequence[Fact]) -> None:
        """Keep facts, and index their words."""
        self._told = [fact.statement or f"{fact.question} {fact.answer}" for fact in facts]
        self._index = BM25Okapi([_words(text) for text in self._told])

    def answers(self, chats: Sequence[Chat], tokens: int) -> list[str]:
        """What the base says to chats with what was found for their last turns."""
        return self._base.answers([self._base.prompt(self._with_facts(chat)) for chat in chats], tokens)

    def scores(self, asked: Sequence[tuple[Chat, str]]) -> list[float]:
        """How likely the base is to say it, told what was found for the question."""
        prompts = [self._base.prompt(self._with_facts(chat)) for chat, _ in asked]
        return self._base.scores(prompts, [answer for _, answer in asked])

    def size(self) -> int:
        """Of the texts."""
        return sum(len(text.encode()) for text in self._told)

    def _with_facts(self, chat: Chat) -> Chat:
        *before, (role, asked) = chat
        scores = np.asarray(self._index.get_scores(_words(asked)))
        found = [self._told[at] for at in (-scores).argsort()[: self._most] if scores[at] >= self._least]
        return (*before, (role, _TOLD.format("\n".join(f"- {text}" for text in found), asked))) if found else chat


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
