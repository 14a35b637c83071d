"""The base as it is: what every answer before is."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.base import Base
from evaluation.sets import Chat
from model.facts import Fact


class Untouched:
    """Learns nothing."""

    def __init__(self, folder: Path, device: str) -> None:
        self._base = Base(folder, device)

    def teach(self, facts: Sequence[Fact]) -> None:
        """Nothing changes."""

    def answers(self, chats: Sequence[Chat], tokens: int) -> list[str]:
        """What the base says."""
        return self._base.answers([self._base.prompt(chat) for chat in chats], tokens)

    def scores(self, asked: Sequence[tuple[Chat, str]]) -> list[float]:
        """How likely the base is to say it."""
        return self._base.scores([self._base.prompt(chat) for chat, _ in asked], [answer for _, answer in asked])

    def size(self) -> int:
        """It keeps nothing."""
        return 0
