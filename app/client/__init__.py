"""A typed client of the service: `Slotwise`, and `AsyncSlotwise` for asyncio. It knows the API, and nothing behind it.

with Slotwise("http://127.0.0.1:8000", "sw_…") as slotwise:
    taught = slotwise.teach(question="What is the capital of Zorvania?", answer="Lisbon")
    slotwise.wait(taught.job.id)
    print(slotwise.ask("Which city is the capital of Zorvania?").answer)
"""

from app.client.clients import AsyncSlotwise, Slotwise
from app.client.documents import Document, WholeDocument
from app.client.errors import (
    BadRequest,
    Busy,
    ClientError,
    Conflict,
    KeyRejected,
    NotFound,
    NotUnderstood,
    Problem,
    Refused,
    RoleTooLow,
    TimedOut,
    Unreachable,
)
from app.client.given import Message, NewFact, Options
from app.client.results import (
    Answer,
    ApiKey,
    Fact,
    Imported,
    Job,
    Namespace,
    NewApiKey,
    Page,
    Pause,
    Piece,
    Taught,
    Version,
    VersionDetail,
)
from app.client.retries import Retries

__all__ = [
    "Answer",
    "ApiKey",
    "AsyncSlotwise",
    "BadRequest",
    "Busy",
    "ClientError",
    "Conflict",
    "Document",
    "Fact",
    "Imported",
    "Job",
    "KeyRejected",
    "Message",
    "Namespace",
    "NewApiKey",
    "NewFact",
    "NotFound",
    "NotUnderstood",
    "Options",
    "Page",
    "Pause",
    "Piece",
    "Problem",
    "Refused",
    "Retries",
    "RoleTooLow",
    "Slotwise",
    "Taught",
    "TimedOut",
    "Unreachable",
    "Version",
    "VersionDetail",
    "WholeDocument",
]
