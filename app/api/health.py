"""/healthz and /readyz, without a key: is the process alive, and does it answer queries?"""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from app.api.deps import ServingDep
from app.api.errors import problems
from app.api.refusals import Refusal
from app.api.schemas import Outgoing, example
from app.db.outage import DATABASE_AWAY
from app.db.tables import MAIN
from app.embedded.told import told
from app.services import pausing

router = APIRouter(tags=["health"])


class Health(Outgoing):
    """The process answers."""

    model_config = example(status="ok")

    status: Literal["ok"] = "ok"


class Process(Outgoing):
    """A process that `slotwise up` keeps running; `ends` is how often it ended by itself since it last kept well."""

    name: str
    state: Literal["running", "ended"]
    ends: int
    ended_at: datetime | None


class Ready(Outgoing):
    """Queries are answered: the version that the engine gives new requests of `main`, and the one at its head."""

    model_config = example(
        status="ready",
        engine="host-4711-a1b2c3",
        version=3,
        head=3,
        learning="running",
        lag=0,
        state_hash="9f" * 32,
        views={"places": {"used": 2, "of": 32}, "rows": {"used": 128, "of": 1048576}},
        processes=[{"name": "worker", "state": "ended", "ends": 2, "ended_at": "2026-11-28T10:00:02Z"}],
    )

    status: Literal["ready"] = "ready"
    engine: str
    version: int
    head: int
    learning: Literal["running", "paused"] | None = Field(
        None, description="whether jobs of `main` are begun; null while the database is away"
    )
    lag: int | None = Field(description="moves of the head not followed yet; null while the database is away")
    state_hash: str
    views: dict[str, Any] = Field(description="room for views, and how they were built")
    processes: list[Process] | None = Field(
        None, description="those of `slotwise up`, which starts again what has ended; null where it runs nothing"
    )


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Health:
    """The event loop turns. It says nothing of the model, lest a planned pause get the process killed."""
    return Health()


@router.head("/readyz", include_in_schema=False, response_model=None)
@router.get("/readyz", response_model=Ready, responses=problems(HTTPStatus.SERVICE_UNAVAILABLE))
def readyz(request: Request, serving: ServingDep) -> Ready | JSONResponse:
    """A token was generated just now, the database was heard of, and the engine follows the head."""
    state = serving.readiness()
    if not state.failing:
        room = {name: room for name, room in state.views.items() if name != "resident"}  # which is for operators
        learning, processes = _learning(request), told(request.state.settings.data_dir)
        more = {"learning": learning, "processes": processes, "views": room}
        return Ready.model_validate({**asdict(state), **more})
    detail = "; ".join(f"{part}: {reason}" for part, reason in state.failing.items())
    refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, "NotReady", more={"failing": state.failing})
    return refusal.reply(request.url.path)


def _learning(request: Request) -> Literal["running", "paused"] | None:
    try:
        with request.state.sessions() as session:
            return "paused" if pausing.is_paused(session, MAIN) else "running"
    except DATABASE_AWAY:
        return None
