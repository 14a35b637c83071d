"""A language model behind an OpenAI-compatible endpoint, which words facts for `study`. Knows no facts."""

import threading
import time
from collections.abc import Callable

import httpx

from app.settings import Settings
from model.errors import NoPhrasings

_PAUSE_SECONDS = 60.0
_MOST_TOKENS = 1_000
_TEMPERATURE = 0.8


class Phrasing:
    """Asks the endpoint of the settings. Whatever goes wrong is a NoPhrasings that says what; the key is never in it.

    After a failure of the endpoint it is left alone for a minute, so that a job of many facts does not wait for each.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        base = settings.phrasing_url.rstrip("/")
        self._url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        self._model, self._timeout = settings.phrasing_model, settings.phrasing_timeout_seconds
        key = settings.phrasing_key
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: tuple[float, str] | None = None

    @classmethod
    def configured(cls, settings: Settings) -> "Phrasing | None":
        """The endpoint of the settings; None where they name none."""
        return cls(settings) if settings.phrasing_url else None

    def __call__(self, prompt: str) -> str:
        """What the model answers to `prompt`.

        Raises:
            NoPhrasings: the endpoint is away, too slow, refuses, or answers with something else than a completion.

        """
        with self._lock:
            failed = self._failed
        if failed and self._clock() - failed[0] < _PAUSE_SECONDS:
            raise NoPhrasings(f"{failed[1]} (less than {_PAUSE_SECONDS:g} s ago; not asked again)")
        try:
            text = self._ask(prompt)
        except NoPhrasings as failure:
            with self._lock:
                self._failed = (self._clock(), str(failure))
            raise
        with self._lock:
            self._failed = None
        return text

    def _ask(self, prompt: str) -> str:
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": _TEMPERATURE,
            "max_tokens": _MOST_TOKENS,
        }
        try:
            response = httpx.post(self._url, json=body, headers=self._headers, timeout=self._timeout)
        except httpx.TimeoutException as error:
            raise NoPhrasings(f"{self._url} did not answer within {self._timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoPhrasings(f"{self._url} cannot be reached: {error}") from error
        if response.status_code != httpx.codes.OK:
            raise NoPhrasings(f"{self._url} answered {response.status_code} {response.reason_phrase}".rstrip())
        try:
            text = response.json()["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as error:
            raise NoPhrasings(f"{self._url} answered with something that is no chat completion") from error
        if not isinstance(text, str):
            raise NoPhrasings(f"{self._url} answered with a completion that holds no text")
        return text
