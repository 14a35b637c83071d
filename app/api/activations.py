"""/v1/admin/activations: who made which version live, when and why."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.bodies import Instant
from app.api.deps import Cursor, Limit, Operator, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import Outgoing, Page, example
from app.db.tables import Activation
from app.errors import InvalidInput
from app.services import activations
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin/activations", tags=["versions"], responses=KEYED)
At = Annotated[Instant | None, Query(description="a moment in RFC 3339: the one activation that was in force then")]


class ActivationOut(Outgoing):
    """A move of the head: from then on `version` was live."""

    model_config = example(
        id=9,
        version=3,
        previous=2,
        reason="the atlas was right",
        actor="the editors",
        abort_in_flight=False,
        created_at="2026-11-22T10:00:02Z",
    )

    id: int
    version: int = Field(validation_alias="version_id")
    previous: int | None = Field(validation_alias="previous_id", description="live until then; null at the first start")
    reason: str
    actor: str = Field(description="the name of the API key, or the part of the service that made it live")
    abort_in_flight: bool
    created_at: datetime


@router.get("", response_model=Page[ActivationOut], responses=problems(HTTPStatus.NOT_FOUND))
def list_activations(
    key: Operator,
    session: SessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
    at: At = None,
) -> ServicePage[Activation]:
    """Moves of the head, newest first; with `at`, the one that says which version was live at that moment."""
    if at is None:
        return activations.page(session, key.namespace, cursor, limit)
    if cursor is not None:
        raise InvalidInput(f"cursor: {cursor}; with at there is one activation and no page, so leave one of them out")
    return ServicePage([activations.at(session, key.namespace, at)], None)
