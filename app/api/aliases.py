"""/v1/admin/aliases: names of versions, and what was changed of them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from app.api.bodies import AliasIn, Reason
from app.api.deps import Cursor, Limit, Operator, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import Outgoing, Page, example
from app.db.tables import Alias, AliasChange
from app.services import aliases
from app.services.audit import holder
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin", tags=["versions"], responses=KEYED)
# The service says what a name may be: reserved ones are refused with another sentence than those that are no names.
Name = Annotated[str, Path(description="1 to 64 of a-z, 0-9, dot, hyphen and underscore; not digits alone")]


class AliasOut(Outgoing):
    """A name of a version, with the reason of its last change and who made it."""

    model_config = example(
        name="production",
        version=3,
        reason="checked by the editors",
        actor="the editors",
        updated_at="2026-11-22T10:00:02Z",
    )

    name: str
    version: int = Field(validation_alias="version_id")
    reason: str
    actor: str
    updated_at: datetime


class AliasesOut(Page[AliasOut]):
    """Aliases, the newest name first, beside what the two reserved names mean now."""

    live: int
    previous: int | None = Field(description="the parent of the live version; null while the base is live")


class AliasChangeOut(Outgoing):
    """A name was set, or deleted."""

    model_config = example(
        id=4,
        name="production",
        version=3,
        previous=2,
        reason="checked by the editors",
        actor="the editors",
        created_at="2026-11-22T10:00:02Z",
    )

    id: int
    name: str
    version: int | None = Field(validation_alias="version_id", description="null: it was deleted")
    previous: int | None = Field(validation_alias="previous_id", description="what it meant before; null: nothing")
    reason: str
    actor: str
    created_at: datetime


@router.get("/aliases")
def list_aliases(key: Operator, session: SessionDep, cursor: Cursor = None, limit: Limit = 50) -> AliasesOut:
    """Names of versions, the newest name first."""
    page = aliases.page(session, key.namespace, cursor, limit)
    return AliasesOut.model_validate({**vars(aliases.derived(session, key.namespace)), **vars(page)})


@router.put("/aliases/{name}", response_model=AliasOut, responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def put_alias(name: Name, body: AliasIn, key: Operator, session: SessionDep) -> Alias:
    """Let a name mean a published version. It follows nothing: it means this one until it is set again."""
    return aliases.put(session, key.namespace, name, body.version, reason=body.reason, actor=holder(key))


@router.delete("/aliases/{name}", status_code=HTTPStatus.NO_CONTENT, responses=problems(HTTPStatus.NOT_FOUND))
def delete_alias(
    name: Name,
    key: Operator,
    session: SessionDep,
    reason: Annotated[Reason, Query(description="why; it is written down with the name of the key")],
) -> None:
    """Let a name mean nothing; what it has meant stays written down."""
    aliases.delete(session, key.namespace, name, reason=reason, actor=holder(key))


@router.get("/alias-changes", response_model=Page[AliasChangeOut])
def list_changes(
    key: Operator,
    session: SessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
    name: Annotated[str | None, Query(pattern="^[^\\x00]+$", description="of one name alone")] = None,
) -> ServicePage[AliasChange]:
    """Every name that was set or deleted: by whom, when and why, newest first."""
    return aliases.changes(session, key.namespace, cursor, limit, name)
