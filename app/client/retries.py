"""How often a call is tried, and how long is waited in between. It sleeps nowhere: its caller does."""

import random
from dataclasses import dataclass

from app.client.errors import Busy, ClientError, Conflict, Refused, Unreachable

_dice = random.SystemRandom()


@dataclass(frozen=True)
class Retries:
    """The first pause doubles with each attempt; the half of it is drawn, lest many clients come back at once.

    attempts         in all, with the first one
    first_seconds    the first pause
    longest_seconds  of any pause; a service that asks for more is not waited for
    """

    attempts: int = 5
    first_seconds: float = 0.25
    longest_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts: {self.attempts}; at least 1 is needed")
        if not 0 <= self.first_seconds <= self.longest_seconds:
            raise ValueError(f"first_seconds: {self.first_seconds:g}; 0 to {self.longest_seconds:g} are allowed")


class Attempts:
    """The attempts of one call.

    repeatable  whether the call may be sent twice: it changes nothing, or the service knows it again by its key
    """

    def __init__(self, retries: Retries, *, repeatable: bool) -> None:
        self._retries = retries
        self._repeatable = repeatable
        self._failed = 0

    def begun(self) -> None:
        """A part of the reply is with the caller already: what fails from here on is not tried again."""
        self._repeatable = False

    def pause_after(self, error: ClientError) -> float:
        """Seconds until the next attempt. Raises the error where there is none."""
        self._failed += 1
        retries, asked_for = self._retries, _asked_for(error)
        if not self._repeatable or not _passes(error) or self._failed >= retries.attempts:
            raise error
        if asked_for > retries.longest_seconds:
            raise error
        pause = min(retries.longest_seconds, retries.first_seconds * 2.0 ** (self._failed - 1))
        return asked_for + pause * _dice.uniform(0.5, 1)  # many clients are told the same second


def _passes(error: ClientError) -> bool:
    """Whether another attempt may end better. A conflict that passes says when: the first call still runs."""
    if isinstance(error, Conflict):
        return error.problem.retry_after is not None
    return isinstance(error, Busy | Unreachable)


def _asked_for(error: ClientError) -> float:
    return (error.problem.retry_after or 0.0) if isinstance(error, Refused) else 0.0
