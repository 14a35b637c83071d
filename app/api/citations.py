"""Answers with the facts whose rows opened while they were made, each with the source that it was posted with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from app.api.schemas import Outgoing, example

if TYPE_CHECKING:
    from app.serving import Serving
    from model.engine import Answer, Citation


class CitationOut(Outgoing):
    """A taught fact that an answer was read from."""

    model_config = example(fact=12, source="atlas-2026", gate=0.93)

    fact: int
    source: str | None = Field(description="as posted; null while the database is away, too")
    gate: float = Field(description="how far it opened, from 0 to 1: how near the question is to the taught one")


@dataclass(frozen=True)
class Cited:
    """An answer as the engine gives it, and what it was read from; nothing where the base alone answers."""

    answer: "Answer"
    citations: list[CitationOut]

    @property
    def as_json(self) -> list[dict[str, object]]:
        """The citations, for an event."""
        return [citation.model_dump() for citation in self.citations]


async def cited(serving: "Serving", answers: "Sequence[Answer]") -> list[Cited]:
    """Answers with their citations; the database is asked only where there are any."""
    facts = {citation.fact for answer in answers for citation in answer.citations}
    sources = await serving.sources(facts) if facts else {}
    return [Cited(answer, [_shown(citation, sources) for citation in answer.citations]) for answer in answers]


def _shown(citation: "Citation", sources: Mapping[int, str | None]) -> CitationOut:
    return CitationOut(fact=citation.fact, source=sources.get(citation.fact), gate=citation.gate)
