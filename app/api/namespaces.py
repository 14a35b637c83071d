"""/v1/admin/namespaces: whose facts, keys and versions are kept apart."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from app.api.bodies import NamespaceIn
from app.api.deps import Admin, Cursor, Limit, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import Outgoing, Page, example
from app.services import keys, namespaces
from app.services.audit import holder
from app.services.namespaces import NamespaceView
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin/namespaces", tags=["keys"], responses=KEYED)


class NamespaceOut(Outgoing):
    """A namespace: what is live there, and since when it is there."""

    model_config = example(
        name="atlas",
        live=12,
        facts=260,
        reason="the editors of the atlas",
        actor="the admin",
        created_at="2026-11-22T10:00:02Z",
    )

    name: str
    live: int = Field(description="the version that answers there now; 0 is the base")
    facts: int = Field(description="that are live")
    reason: str | None
    actor: str = Field(description="the name of the API key that made it; «slotwise» made `main`")
    created_at: datetime


@router.post("", status_code=HTTPStatus.CREATED, response_model=NamespaceOut, responses=problems(HTTPStatus.CONFLICT))
def create_namespace(body: NamespaceIn, key: Admin, session: SessionDep) -> NamespaceView:
    """Make a namespace, which begins at the base. It needs a key of `main`; `POST /v1/admin/keys` makes keys for it."""
    keys.require_main(key)
    return namespaces.create(session, body.name, reason=body.reason, actor=holder(key))


@router.get("", response_model=Page[NamespaceOut])
def list_namespaces(
    key: Admin, session: SessionDep, cursor: Cursor = None, limit: Limit = 50
) -> ServicePage[NamespaceView]:
    """Namespaces, newest first, with a key of `main`; with another, its own alone."""
    return namespaces.page(session, key.namespace, cursor, limit)
