"""What all calls that ask have in common: from a body to what the engine is asked, within the limits; and its reply."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from fastapi import Request, Response

from app.api.bodies import Sampled
from app.api.citations import Cited, cited
from app.api.streams import EventStream, Script, cancelled_when_gone, version_header
from app.db.tables import ApiKey
from app.errors import InvalidInput
from app.services.names import Named
from app.settings import Settings

if TYPE_CHECKING:
    from app.serving import Ask, Feed, Serving
    from model.base.prompts import Prompt

B = TypeVar("B", bound=Sampled)
R = TypeVar("R")


@dataclass(frozen=True)
class Asked(Generic[B]):
    """A call that asks: its body, what the engine is asked for it, and headers that its reply has."""

    body: B
    ask: "Ask"
    headers: dict[str, str] = field(default_factory=dict)


def question_prompt(field: str, question: str, serving: "Serving", settings: Settings) -> "Prompt":
    """What asks a question that a caller sent in `field`. Raises InvalidInput, PromptTooLong."""
    if len(question) > settings.max_statement_characters:
        limit = f"at most {settings.max_statement_characters:,} are allowed"
        raise InvalidInput(f"{field}: {len(question):,} characters; {limit}")
    return serving.question_prompt(question)


def ask_of(
    body: Sampled,
    prompts: "Sequence[Prompt]",
    *,
    key: ApiKey,
    settings: Settings,
    version: Named | None,
    max_tokens: int,
    logprobs: int | None,
    echo: bool = False,
    only_taught: bool = False,
) -> "Ask":
    """What is asked of the engine. Raises InvalidInput, naming field, value and limit."""
    from app.serving import Ask  # they bring torch, which a process that only reads the routes does without
    from model.engine import Sampling

    if max_tokens > settings.max_tokens:
        raise InvalidInput(f"max_tokens: {max_tokens:,}; at most {settings.max_tokens:,} are allowed")
    seconds = body.timeout_seconds or settings.query_seconds
    if seconds > settings.query_seconds:
        raise InvalidInput(f"timeout_seconds: {seconds:g}; at most {settings.query_seconds:g} are allowed")
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=body.temperature or 0.0,
        top_p=1.0 if body.top_p is None else body.top_p,
        seed=body.seed,
        stop=tuple(body.stop or ()),
        logprobs=logprobs,
        echo=echo,
    )
    return Ask(tuple(prompts), sampling, key.namespace, version, seconds, client=str(key.id), only_taught=only_taught)


async def replied(
    asked: Asked[B],
    serving: "Serving",
    request: Request,
    response: Response,
    script: "Callable[[Feed, Asked[B]], Script]",
    whole: "Callable[[Feed, Asked[B], list[Cited]], R]",
) -> R | EventStream:
    """The reply to a call that asks, in the words of its route: events while the answers are made, or all at the end.

    script  the events; they end when the client goes, or one of the answers fails
    whole   the body of a reply that is no stream, from all answers
    """
    if asked.body.stream:
        feed = await serving.stream(asked.ask)
        return EventStream(feed, script(feed, asked), serving, asked.headers)
    feed = await serving.ask(asked.ask)
    response.headers.update(version_header(feed) | asked.headers)
    async with cancelled_when_gone(feed, request.receive):
        answers = await feed.answers()
    return whole(feed, asked, await cited(serving, answers))
