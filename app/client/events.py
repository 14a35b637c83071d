"""Streams: lines of server-sent events to what they tell, of a query, of a chat and of a job. It reads no socket."""

import json
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from app.client.errors import NotUnderstood, Problem, from_openai, refusal
from app.client.results import Answer, Citation, Job, Piece

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Part = Piece | Answer


class Wording(Protocol[T_co]):
    """How a route words its events."""

    def part(self, name: str, data: dict[str, Any]) -> T_co | None:
        """What an event tells; None for one that tells nothing that is wanted. Raises Refused."""


class Lines(Generic[T]):
    """The lines of a stream, one after the other.

    is_complete  whether the last part has come: an answer, or a job that has ended
    last_id      the number of the last event that has one; empty before it
    """

    def __init__(self, wording: Wording[T]) -> None:
        self._wording = wording
        self._name = ""
        self.is_complete = False
        self.last_id = ""

    def read(self, line: str) -> Iterator[T]:
        """The part that a line completes, if any; the service sends one line of data an event.

        Raises Refused, NotUnderstood.
        """
        field, _, value = line.partition(": ")
        if field == "event":
            self._name = value
        elif field == "id":
            self.last_id = value
        elif field == "data" and value != "[DONE]":
            try:
                part = self._wording.part(self._name, json.loads(value))
            except (ValueError, KeyError, TypeError) as error:  # pydantic's and json's errors are values
                raise NotUnderstood(f"an event of the stream is none of the API's: {error}") from error
            self._name = ""
            if part is not None:
                self.is_complete = isinstance(part, Answer) or (isinstance(part, Job) and part.has_ended)
                yield part


class OfQuery:
    """`version`, `piece` many times, `answer` or `error`."""

    def part(self, name: str, data: dict[str, Any]) -> Part | None:
        """As the name of the event says."""
        if name == "error":
            raise refusal(Problem.model_validate(data))
        if name == "piece":
            return Piece.model_validate(data)
        return Answer.model_validate(data) if name == "answer" else None


class OfChat:
    """OpenAI's chunks: the answer is what they add up to, and the last choice says why it ended."""

    def __init__(self) -> None:
        self._text = ""

    def part(self, name: str, data: dict[str, Any]) -> Part | None:
        """A piece for a text, the answer for a reason to end."""
        if "error" in data:
            told = from_openai(data["error"])
            raise refusal(Problem.model_validate({"title": "The stream was ended", "status": 503, **told}))
        (choice,) = data["choices"]
        if choice["finish_reason"] is not None:
            return chat_answer(data, choice, self._text)
        text = choice["delta"].get("content") or ""
        self._text += text
        return Piece(text=text) if text else None


class OfJob:
    """The job after whatever happened to it; what that was, the service keeps."""

    def part(self, name: str, data: dict[str, Any]) -> Job | None:
        """The job as it is now."""
        return Job.model_validate(data) if name == "job" else None


def chat_answer(reply: dict[str, Any], choice: dict[str, Any], text: str) -> Answer:
    """The answer of a chat: the name of its model is that of the version, `slotwise@3`."""
    return Answer(
        answer=text,
        version=int(reply["model"].rpartition("@")[2]),
        finish=choice["finish_reason"],
        citations=tuple(Citation.model_validate(one) for one in choice["citations"]),
    )
