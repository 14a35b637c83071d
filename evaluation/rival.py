"""What is compared: something that is taught facts and answers chats."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from evaluation.sets import Chat
from model.facts import Exchange, Fact
from model.learn.wording import study


class Rival(Protocol):
    """A way to teach a model, on one base. One of it is taught once."""

    def teach(self, facts: Sequence[Fact]) -> None:
        """Teach facts, all of them in one call."""

    def answers(self, chats: Sequence[Chat], tokens: int) -> list[str]:
        """What it says to each chat, greedily, to the end token or for at most so many tokens."""

    def scores(self, asked: Sequence[tuple[Chat, str]]) -> list[float]:
        """How likely it is to answer each chat so: mean log-probability of a token of the answer, in nats."""

    def size(self) -> int:
        """Bytes of what it keeps besides the base."""


def wordings(facts: Iterable[Fact]) -> list[Exchange]:
    """What ours makes of facts, for all: questions with an answer, the wording of our own probe among them."""
    exchanges = (exchange for fact in facts for exchange in study(fact).exchanges)
    return [
        Exchange((*each.questions, each.probe) if each.probe else each.questions, each.answer) for each in exchanges
    ]
