"""/v1/admin/audit: every call that has changed something, by whom, and why."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.api.deps import Admin, Cursor, Limit, SessionDep
from app.api.errors import KEYED
from app.api.schemas import Outgoing, Page, example
from app.db.tables import AuditEntry
from app.services import audit
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin/audit", tags=["keys"], responses=KEYED)
_TEXT = "^[^\\x00]+$"


class AuditOut(Outgoing):
    """A row of the audit log: what its hash is made of, and its hash."""

    model_config = example(
        id=12,
        at="2026-11-22T10:00:02.123456Z",
        key=4,
        actor="the editors",
        action="versions.rollback",
        subject="version 3",
        reason="the atlas was wrong",
        request_id=None,
        hash="9f" * 32,
    )

    id: int
    at: datetime
    key: int | None = Field(validation_alias="key_id", description="null: a command on the service's machine")
    actor: str = Field(description="the name of the key, or «command line»")
    action: str
    subject: str
    reason: str | None
    request_id: str | None
    hash: str = Field(description="SHA-256 of the hash before and this row; docs/security.md has the formula")


@router.get("", response_model=Page[AuditOut])
def list_audit(
    key: Admin,
    session: SessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
    actor: Annotated[str | None, Query(pattern=_TEXT, description="of this key, by its name")] = None,
    action: Annotated[str | None, Query(pattern=_TEXT, description="such as `facts.teach` or `keys.create`")] = None,
) -> ServicePage[AuditEntry]:
    """What was changed with the keys of this namespace, newest first; with a key of `main`, in all."""
    return audit.page(session, key.namespace, cursor, limit, actor, action)
