"""/v1/admin/engines: the processes that serve the model."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.api.deps import Operator, SessionDep, SettingsDep
from app.api.errors import KEYED
from app.api.schemas import Outgoing, Page, example
from app.services import engines, keys
from app.services.engines import EngineView
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin/engines", tags=["engines"], responses=KEYED)


class EngineOut(Outgoing):
    """An engine: what it answers with, how far behind the head it is, and what it told with its last heartbeat."""

    model_config = example(
        id="host-4711-a1b2c3",
        alive=True,
        version=3,
        state_hash="9f" * 32,
        lag=0,
        heartbeat="2026-11-22T10:00:02Z",
        report={
            "views": {
                "resident": [{"version": 3, "users": 2, "idle_seconds": 0.1, "enter_seconds": 0.004}],
                "places": {"used": 2, "of": 32},
                "rows": {"used": 128, "of": 1048576},
                "pages": {"used": 2, "of": 32},
                "builds": {"count": 1, "last_seconds": 0.006, "longest_seconds": 0.006, "refused": 0},
            },
            "requests": {"waiting": 0, "running": 2, "running_by_version": {"3": 2}},
        },
    )

    id: str
    alive: bool = Field(description="heard of lately: versions wait for it before they go live")
    version: int
    state_hash: str
    lag: int = Field(description="moves of the head that it has not followed yet")
    heartbeat: datetime
    report: dict[str, Any] | None = Field(description="its resident views, their room, and its requests")


@router.get("", response_model=Page[EngineOut])
def list_engines(key: Operator, session: SessionDep, settings: SettingsDep) -> ServicePage[EngineView]:
    """Every engine heard of in the last day that has not stopped in order, the newest heartbeat first."""
    keys.require_main(key)
    return ServicePage(engines.every(session, settings), None)
