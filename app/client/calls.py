"""Calls of the API as values: what to send, and how to read the reply. Nothing here sends or waits.

So each stands once, here or in `keys` and `operating`, and two thin clients run it.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, Unpack
from urllib.parse import quote

from pydantic import TypeAdapter

from app.client.events import OfChat, OfQuery, Part, Wording, chat_answer
from app.client.files import Facts, upload
from app.client.given import Message, NewFact, Options, given
from app.client.results import (
    Activated,
    Answer,
    Fact,
    Imported,
    Job,
    Model,
    Page,
    Taught,
    Version,
    VersionDetail,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Sent:
    """What is sent.

    pieces      a body that is no JSON
    patience    seconds without a byte of the reply after which it is given up; None: as many as the client has
    repeatable  whether sending it twice does what sending it once does
    """

    method: str
    path: str
    json: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Callable[[], Iterator[bytes]] | None = None
    patience: float | None = None
    repeatable: bool = True

    @property
    def arguments(self) -> dict[str, Any]:
        """As httpx takes it, but for a body in pieces."""
        return {
            "method": self.method,
            "url": self.path,
            "json": self.json,
            "params": self.params,
            "headers": self.headers,
            **({} if self.patience is None else {"timeout": self.patience}),
        }


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call whose reply is read as a whole, from JSON."""

    sent: Sent
    read: Callable[[Any], T]


@dataclass(frozen=True)
class Stream:
    """A call whose reply is read event by event; each attempt reads it anew."""

    sent: Sent
    wording: Callable[[], Wording[Part]]


def teach(
    *,
    question: str | None = None,
    answer: str | None = None,
    statement: str | None = None,
    phrasings: Sequence[str] = (),
    source: str | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    idempotency_key: str | None = None,
) -> Call[Taught]:
    """Teach one fact; `wait(taught.job.id)` until it is live. It is sent again with the same key, so taught once.

    Raises BadRequest for a field beyond its limit, and whatever every call does.
    """
    fact = NewFact(statement, question, answer, phrasings, source, valid_from, valid_until)
    return _taught(fact.body, idempotency_key)


def teach_many(facts: Sequence[NewFact], *, idempotency_key: str | None = None) -> Call[Taught]:
    """Teach facts that go live together, as one job and one version.

    Raises BadRequest for a field beyond its limit; then none of them is stored.
    """
    return _taught({"facts": [fact.body for fact in facts]}, idempotency_key)


def import_facts(
    facts: Facts,
    *,
    dry_run: bool = False,
    idempotency_key: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Call[Imported]:
    """Teach the facts of a file (`.csv`, `.jsonl`, `.ndjson`), or `NewFact` one by one, as many as there are.

    dry_run      store nothing, and tell what would be
    on_progress  is told how many bytes are sent

    It is sent again with the same key, so taught once; facts from an iterator that ends are sent once. Raises
    ValueError for another file, OSError, and BadRequest for a header that names no fields.
    """
    sent = upload(facts, on_progress)
    headers = {"Content-Type": sent.kind, "Idempotency-Key": idempotency_key or uuid.uuid4().hex}
    if sent.size is not None:
        headers["Content-Length"] = str(sent.size)
    body = Sent(
        "POST",
        "/v1/facts/import",
        params={"dry_run": "true"} if dry_run else {},
        headers=headers,
        pieces=sent.pieces,
        patience=_IMPORT_SECONDS,
        repeatable=sent.repeatable,
    )
    return Call(body, Imported.model_validate)


def facts(
    *,
    status: str | None = None,
    source: str | None = None,
    stale: bool | None = None,
    cursor: int | None = None,
    limit: int | None = None,
) -> Call[Page[Fact]]:
    """Facts, newest first. Raises BadRequest for a status that there is not.

    stale  only live ones whose last probe was not answered right, or all others
    """
    params = given(status=status, source=source, stale=stale, cursor=cursor, limit=limit)
    return Call(Sent("GET", "/v1/facts", params=params), Page[Fact].model_validate)


def fact(fact_id: int) -> Call[Fact]:
    """A fact and what became of it. Raises NotFound."""
    return Call(Sent("GET", f"/v1/facts/{fact_id}"), Fact.model_validate)


def forget(fact_id: int) -> Call[Taught]:
    """Let the model forget a live fact; `wait(….job.id)` until it has. One that is forgotten is named with its job.

    Raises NotFound, and Conflict for a fact that is not live.
    """
    return Call(Sent("DELETE", f"/v1/facts/{fact_id}"), Taught.model_validate)


def forget_source(source: str) -> Call[Taught]:
    """The same for all live facts of a source. Raises NotFound when it has none, BadRequest when it has too many."""
    return Call(Sent("DELETE", "/v1/facts", params={"source": source}), Taught.model_validate)


def jobs(*, state: str | None = None, cursor: int | None = None, limit: int | None = None) -> Call[Page[Job]]:
    """Jobs, newest first, without their facts. Raises BadRequest for a state that there is not."""
    params = given(state=state, cursor=cursor, limit=limit)
    return Call(Sent("GET", "/v1/jobs", params=params), Page[Job].model_validate)


def job(job_id: int) -> Call[Job]:
    """How far a job is, with its facts. Raises NotFound."""
    return Call(Sent("GET", f"/v1/jobs/{job_id}"), Job.model_validate)


def cancel(job_id: int) -> Call[Job]:
    """Cancel a job that is queued or running; cancelling twice is once.

    Raises NotFound, Conflict for one that is verifying or has ended, RoleTooLow for the job of another key.
    """
    return Call(Sent("POST", f"/v1/jobs/{job_id}/cancel"), Job.model_validate)


def ask(
    question: str, *, only_taught: bool = False, logprobs: int | None = None, **options: Unpack[Options]
) -> Call[Answer]:
    """Ask a question. Raises BadRequest, NotFound for a version that is none, Busy, and Refused (504) after its time.

    only_taught  answer from taught facts alone: `answer` is None where none opens
    logprobs     log-probabilities of each token, with so many alternatives
    """
    body = given(question=question, only_taught=only_taught, logprobs=logprobs, **options)
    return Call(Sent("POST", "/v1/query", body), Answer.model_validate)


def complete(
    prompt: str, *, only_taught: bool = False, logprobs: int | None = None, **options: Unpack[Options]
) -> Call[Answer]:
    """Continue a text as it is; otherwise as `ask`."""
    body = given(prompt=prompt, only_taught=only_taught, logprobs=logprobs, **options)
    return Call(Sent("POST", "/v1/query", body), Answer.model_validate)


def stream(question: str, *, only_taught: bool = False, **options: Unpack[Options]) -> Stream:
    """Ask a question: a `Piece` for each text as it comes, and the `Answer` as the last part. Raises as `ask` does.

    Nothing is tried again once a piece has come.
    """
    body = given(question=question, only_taught=only_taught, stream=True, **options)
    return Stream(Sent("POST", "/v1/query", body), OfQuery)


def chat(messages: str | Sequence[Message], **options: Unpack[Options]) -> Call[Answer]:
    """The next turn of a conversation; a text alone is the user's first turn. Raises as `ask` does."""
    return Call(Sent("POST", _CHAT, _chat_body(messages, options)), _whole_chat)


def stream_chat(messages: str | Sequence[Message], **options: Unpack[Options]) -> Stream:
    """The same while it is made: pieces, then the answer. Nothing is tried again once a piece has come."""
    return Stream(Sent("POST", _CHAT, {**_chat_body(messages, options), "stream": True}), OfChat)


def models() -> Call[tuple[Model, ...]]:
    """The names under which versions can be asked by OpenAI's clients: the live one first."""
    return Call(Sent("GET", "/v1/models"), lambda body: _MODELS.validate_python(body["data"]))


def versions(*, cursor: int | None = None, limit: int | None = None) -> Call[Page[Version]]:
    """Published versions, newest first: a tree, by `parent_id`."""
    params = given(cursor=cursor, limit=limit)
    return Call(Sent("GET", "/v1/admin/versions", params=params), Page[Version].model_validate)


def version(version_id: int | str) -> Call[VersionDetail]:
    """A version, with the report of its job and the facts that it taught. Raises NotFound."""
    return Call(Sent("GET", f"/v1/admin/versions/{quote(str(version_id), safe='')}"), VersionDetail.model_validate)


def rollback(
    to: int | str, reason: str, *, expected_live: int | None = None, abort_in_flight: bool = False
) -> Call[Activated]:
    """Make a version live, by its number or a name. It is sent once: the service takes no key for it.

    Raises NotFound, Conflict unless `expected_live` is live, and Busy for a version that there is no room for.
    """
    body = given(version=to, reason=reason, expected_live=expected_live, abort_in_flight=abort_in_flight)
    return Call(Sent("POST", "/v1/admin/rollback", body, repeatable=False), Activated.model_validate)


_IMPORT_SECONDS = 600.0  # what the network holds of a file may be a hundred batches when all of it is sent
_CHAT = "/v1/chat/completions"
_MODELS = TypeAdapter(tuple[Model, ...])


def _taught(body: dict[str, Any], idempotency_key: str | None) -> Call[Taught]:
    key = idempotency_key or uuid.uuid4().hex
    return Call(Sent("POST", "/v1/facts", body, headers={"Idempotency-Key": key}), Taught.model_validate)


def _chat_body(messages: str | Sequence[Message], options: Options) -> dict[str, Any]:
    turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
    more: dict[str, Any] = {**options}
    asked = more.pop("version", None)
    return given(model="slotwise" if asked is None else f"slotwise@{asked}", messages=turns, **more)


def _whole_chat(body: dict[str, Any]) -> Answer:
    (choice,) = body["choices"]
    return chat_answer(body, choice, choice["message"]["content"])
