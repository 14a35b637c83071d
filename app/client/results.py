"""What calls give: frozen values, read from JSON.

States and kinds are texts, and fields that a newer service sends beside these are left out: so a client does not break
when the service learns another word.
"""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
_FINAL_STATES = ("succeeded", "failed", "rejected", "cancelled")


class Result(BaseModel):
    """What a call gives."""

    model_config = ConfigDict(frozen=True)


class Page(Result, Generic[T]):
    """Items, newest first; `next_cursor` is the `cursor` of the page behind it, None on the last one."""

    items: tuple[T, ...]
    next_cursor: int | None


class JobRef(Result):
    """The job that teaches, or forgets, the facts of one call."""

    id: int
    state: str


class FactRef(Result):
    """A fact in the reply to its call."""

    id: int
    status: str


class Taught(Result):
    """Facts of a call, in the order sent, with the job that teaches or forgets them, now or before."""

    job: JobRef
    facts: tuple[FactRef, ...]


class Probe(Result):
    """What the model is asked to see whether it learned a fact."""

    text: str
    answer: str
    held_out: bool


class StandsIn(Result):
    """A sentence of a document: its chunk, and its characters from `start` to before `end`, counted from 0."""

    document: int
    chunk: int
    start: int
    end: int


class Fact(Result):
    """A fact as it was sent, and what became of it."""

    id: int
    status: str
    reason: str | None
    statement: str | None
    question: str | None
    answer: str | None
    phrasings: tuple[str, ...]
    source: str | None
    valid_from: datetime | None
    valid_until: datetime | None = None
    probe: Probe | None
    probe_answer: str | None
    job: int
    version: int | None
    replaces: tuple[int, ...]
    replaced_by: int | None
    documents: tuple[StandsIn, ...] = ()
    report: dict[str, Any] | None
    verified_at: datetime | None = None
    stale: bool = False
    said_instead: str | None = None
    erased_at: datetime | None = None
    created_at: datetime


class JobFact(FactRef):
    """A fact of a job."""

    reason: str | None
    replaces: tuple[int, ...]


class Progress(Result):
    """How many facts have been trained."""

    done: int
    total: int


class Job(Result):
    """A job; `facts` are empty in a list of jobs."""

    id: int
    state: str
    kind: str
    progress: Progress
    version: int | None
    report: dict[str, Any] | None
    error: str | None
    created_at: datetime
    facts: tuple[JobFact, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether its state is a last one."""
        return self.state in _FINAL_STATES

    @property
    def succeeded(self) -> bool:
        """Whether it became a version, which went live."""
        return self.state == "succeeded"


class Citation(Result):
    """A taught fact that an answer was read from; `gate` is how far it opened, from 0 to 1."""

    fact: int
    source: str | None
    gate: float


class Alternative(Result):
    """A token that could have stood there, and the logarithm of its probability."""

    token: str
    logprob: float


class Token(Alternative):
    """A token of an answer, and the most probable ones in its place."""

    top: tuple[Alternative, ...]


class Answer(Result):
    """What the model says, which version of it said so, and which facts it was read from.

    answer    None with `only_taught` where no taught fact opened
    finish    «stop», «length» or «untaught»
    logprobs  of every token, where they were asked for; None in chats and streams
    """

    answer: str | None
    version: int
    finish: str
    citations: tuple[Citation, ...]
    logprobs: tuple[Token, ...] | None = None


class Piece(Result):
    """What a stream adds to the answer."""

    text: str


class Model(Result):
    """A name under which a version can be asked."""

    id: str
    version: int


class Version(Result):
    """A version; `facts` and `slots` are counts of what it changed."""

    id: int
    parent_id: int | None
    kind: str
    state: str
    live: bool
    created_at: datetime
    facts: int
    slots: int


class VersionDetail(Version):
    """A version with how it came about and the facts that it taught."""

    state_hash: str
    fingerprint: str
    job: int | None
    report: dict[str, Any] | None
    fact_list: tuple[Fact, ...]


class Activated(Result):
    """The version that is live now, and the one that was before."""

    live: int
    previous: int


class Engine(Result):
    """A process that serves the model; `lag` counts moves of the head that it has not followed yet."""

    id: str
    alive: bool
    version: int
    state_hash: str
    lag: int
    heartbeat: datetime
    report: dict[str, Any] | None


class ApiKey(Result):
    """A key: what it may do, and how much; a limit of None is the service's."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    namespace: str = "main"
    name: str
    role: str
    requests_per_minute: int | None
    facts_per_day: int | None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewApiKey(ApiKey):
    """A key that has just been made, and its text, which cannot be read again."""

    key: str = Field(repr=False)


class Namespace(Result):
    """A namespace: the version that is live there, and how many facts are."""

    name: str
    live: int
    facts: int
    reason: str | None
    actor: str
    created_at: datetime


class Health(Result):
    """The process answers."""

    status: str


class LineError(Result):
    """A line that an import refused; `field` is None where it is the line as a whole."""

    line: int
    field: str | None
    message: str


class MadeJob(Result):
    """A job of an import, and how many facts it teaches."""

    id: int
    facts: int


class Imported(Result):
    """What became of the lines of a file: each was accepted, a duplicate, overruled by a later one, or refused.

    errors  of the lines that were refused the first
    """

    dry_run: bool
    lines: int
    accepted: int
    duplicates: int
    overruled: int
    refused: int
    errors: tuple[LineError, ...]
    jobs: tuple[MadeJob, ...]


class Pause(Result):
    """Learning was paused, or let on."""

    id: int
    paused: bool
    reason: str
    actor: str
    created_at: datetime


class Process(Result):
    """A process that `slotwise up` keeps running: «running» or «ended», and how often in a row it ended by itself."""

    name: str
    state: str
    ends: int
    ended_at: datetime | None


class Ready(Result):
    """Queries are answered: the version that new ones get, and the one at the head.

    learning   «running» or «paused»; None while the database is away
    processes  those of `slotwise up`; None where something else runs the service
    """

    status: str
    engine: str
    version: int
    head: int
    learning: str | None = None
    lag: int | None
    state_hash: str
    views: dict[str, Any]
    processes: tuple[Process, ...] | None = None
