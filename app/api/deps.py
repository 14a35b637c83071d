"""What routes ask for, as types: `session: SessionDep`, `key: Writer`."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from app.api.keyring import Keyring
from app.api.watch import JobWatch
from app.db.tables import MAX_ID, ApiKey, Role
from app.errors import KeyRejected
from app.limiter import Limiter
from app.queue import Queue
from app.services import keys
from app.settings import Settings

if TYPE_CHECKING:  # it imports torch, which only a process that serves the model should have to load
    from app.serving import Serving

MAX_PAGE = 200

_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="A key made with `slotwise keys create`.")


# What waits for nothing is `async def`: for a plain function, a thread would be woken at every call.
async def _settings(request: Request) -> Settings:
    return cast(Settings, request.state.settings)


async def _queue(request: Request) -> Queue:
    return cast(Queue, request.state.queue)


async def _serving(request: Request) -> "Serving":
    return cast("Serving", request.state.serving)


async def _limiter(request: Request) -> Limiter:
    return cast(Limiter, request.state.limiter)


async def _watch(request: Request) -> JobWatch:
    return cast(JobWatch, request.state.watch)


def _session(request: Request) -> Iterator[Session]:
    """A session for the call. Services commit: what comes after the `yield` runs behind the answer."""
    with request.state.sessions() as session:
        yield session


async def _raw_body(request: Request) -> bytes:
    return await request.body()


def _needs(role: Role) -> Callable[..., ApiKey]:
    def key(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> ApiKey:
        if given is None:
            raise KeyRejected("there is no API key; send the header Authorization: Bearer sw_…")
        keyring: Keyring = request.state.keyring
        found = keyring.authenticate(given.credentials)
        request.state.key_id = found.id  # for the line that is logged of the request
        limiter: Limiter = request.state.limiter
        limiter.request(found.id, found.requests_per_minute)  # what is refused below costs as much
        keys.require(found, role)
        return found

    return key


SettingsDep = Annotated[Settings, Depends(_settings)]
QueueDep = Annotated[Queue, Depends(_queue)]
ServingDep = Annotated["Serving", Depends(_serving)]
LimiterDep = Annotated[Limiter, Depends(_limiter)]
WatchDep = Annotated[JobWatch, Depends(_watch)]
SessionDep = Annotated[Session, Depends(_session)]
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
RawBody = Annotated[bytes, Depends(_raw_body)]

Reader = Annotated[ApiKey, Depends(_needs("reader"))]
Writer = Annotated[ApiKey, Depends(_needs("writer"))]
Operator = Annotated[ApiKey, Depends(_needs("operator"))]
Admin = Annotated[ApiKey, Depends(_needs("admin"))]

PathId = Annotated[int, Path(ge=0, le=MAX_ID)]
Cursor = Annotated[int | None, Query(ge=0, le=MAX_ID, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="how many items at most")]
