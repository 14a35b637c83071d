"""/v1/admin/keys: API keys, made, listed and revoked. The text of one is in the reply that makes it, and only there."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field, JsonValue

from app.api.bodies import KeyIn
from app.api.deps import Admin, Cursor, Limit, PathId, SessionDep
from app.api.errors import KEYED, problems
from app.api.schemas import Outgoing, Page, example
from app.db.tables import MAIN, ApiKey, Role
from app.errors import NamespaceNotFound
from app.services import keys
from app.services.audit import holder
from app.services.pages import Page as ServicePage

router = APIRouter(prefix="/v1/admin/keys", tags=["keys"], responses=KEYED)
_EXAMPLE: dict[str, JsonValue] = {
    "id": 4,
    "namespace": "main",
    "name": "the assistant",
    "role": "reader",
    "requests_per_minute": 600,
    "facts_per_day": None,
    "created_at": "2026-11-22T10:00:02Z",
    "last_used_at": None,
    "revoked_at": None,
}


class KeyOut(Outgoing):
    """A key, without its text or anything that is made of it."""

    model_config = example(**_EXAMPLE)

    id: int
    namespace: str
    name: str
    role: Role
    requests_per_minute: int | None = Field(description="null: the limit of the settings")
    facts_per_day: int | None = Field(description="the same")
    created_at: datetime
    last_used_at: datetime | None = Field(description="to the hour; null: never")
    revoked_at: datetime | None = Field(description="since then it is refused; null: it is good")


class NewKeyOut(KeyOut):
    """A key that has just been made, and its text, which is shown this once."""

    model_config = example(**_EXAMPLE, key="sw_kOk3kUjPrmV9tGqIlnYKJNyqcjhJ7s1NUbNHC3WqvYM")

    key: str


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(HTTPStatus.NOT_FOUND))
def create_key(body: KeyIn, key: Admin, session: SessionDep) -> NewKeyOut:
    """Make a key. Its text is in this reply, and cannot be read again."""
    given = body.model_dump()
    wanted = given.pop("namespace") or key.namespace
    if key.namespace not in (MAIN, wanted):  # it is not told whether there is one
        raise NamespaceNotFound(f"there is no namespace {wanted!r}")
    made, plain = keys.create(session, **given, namespace=wanted, actor=holder(key))
    return NewKeyOut.model_validate({**KeyOut.model_validate(made).model_dump(), "key": plain})


@router.get("", response_model=Page[KeyOut])
def list_keys(key: Admin, session: SessionDep, cursor: Cursor = None, limit: Limit = 50) -> ServicePage[ApiKey]:
    """Keys, newest first, with those that are revoked."""
    return keys.page(session, key.namespace, cursor, limit)


@router.delete("/{key_id}", response_model=KeyOut, responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def revoke_key(key_id: PathId, key: Admin, session: SessionDep) -> ApiKey:
    """Revoke a key: the next call with it is refused. Twice is once. The last admin key of `main` stays."""
    return keys.revoke(session, key_id, namespace=key.namespace, actor=holder(key))
