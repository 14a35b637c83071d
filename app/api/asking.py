"""What all calls that ask have in common: from a body to what the engine is asked, within the limits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.api.bodies import Sampled
from app.db.tables import ApiKey
from app.errors import InvalidInput
from app.settings import Settings

if TYPE_CHECKING:
    from app.serving import Ask


def ask_of(
    body: Sampled,
    prompts: Sequence[str],
    *,
    key: ApiKey,
    settings: Settings,
    version: int | None,
    max_tokens: int,
    logprobs: int | None,
) -> "Ask":
    """What is asked of the engine. Raises InvalidInput, naming field, value and limit."""
    from app.serving import Ask  # they bring torch, which a process that only reads the routes does without
    from model.engine import Sampling

    if max_tokens > settings.max_tokens:
        raise InvalidInput(f"max_tokens: {max_tokens:,}; at most {settings.max_tokens:,} are allowed")
    seconds = body.timeout_seconds or settings.query_seconds
    if seconds > settings.query_seconds:
        raise InvalidInput(f"timeout_seconds: {seconds:g}; at most {settings.query_seconds:g} are allowed")
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=body.temperature or 0.0,
        top_p=1.0 if body.top_p is None else body.top_p,
        seed=body.seed,
        stop=stop,
        logprobs=logprobs,
    )
    return Ask(tuple(prompts), sampling, version, seconds, client=str(key.id))
