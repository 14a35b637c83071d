"""What callers give: facts, turns of a conversation, and how an answer is drawn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict


@dataclass(frozen=True)
class NewFact:
    """A fact to teach: a statement, or a question with its answer, or all three.

    phrasings   the same fact in other words of your own
    source      where it is from; answers cite it
    valid_from  kept beside it; without a zone it is UTC
    valid_until when it is forgotten; the same
    """

    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: Sequence[str] = ()
    source: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @property
    def body(self) -> dict[str, Any]:
        """As JSON, without what is not given."""
        fields = {**asdict(self), "phrasings": list(self.phrasings)}
        times = {"valid_from": self.valid_from, "valid_until": self.valid_until}
        fields |= {name: time.isoformat() for name, time in times.items() if time is not None}
        return given(**fields)


class Message(TypedDict):
    """A turn of a conversation; the last one is the user's."""

    role: Literal["system", "user", "assistant"]
    content: str


class Options(TypedDict, total=False):
    """What all calls that ask take; docs/api.md has the defaults.

    version          any published version, by its number or name; the live one without it
    max_tokens       tokens of the answer at most
    temperature      0 takes the most probable token every time
    top_p            draw among the most probable tokens that together have this probability
    seed             the same seed, prompt and version give the same answer
    stop             a text, or up to 4; the answer ends before the first of them
    timeout_seconds  within which the service must answer, waiting included
    """

    version: int | str
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    stop: str | list[str]
    timeout_seconds: float


def given(**fields: Any) -> dict[str, Any]:
    """What is not None."""
    return {name: value for name, value in fields.items() if value is not None}
