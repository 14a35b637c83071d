"""API keys: made, shown once, recognised by their hash, and revoked."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import get_args

from sqlalchemy import ColumnElement, and_, func, or_, select, true, update
from sqlalchemy import exists as sql_exists
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import MAIN, ApiKey, Role
from app.errors import InvalidInput, KeyNotFound, KeyRejected, LastAdminKey, OfMainOnly, RoleTooLow
from app.services import audit, intake, namespaces
from app.services.audit import COMMAND_LINE, Actor
from app.services.pages import Page, newest, page_of

PREFIX = "sw_"
MAX_NAME_CHARACTERS = 200
MAX_LIMIT = 1_000_000_000  # of requests or facts: as good as none
ROLES: tuple[Role, ...] = get_args(Role)
_USE_IS_NOTED_AFTER = timedelta(hours=1)


def create(
    session: Session,
    name: str,
    role: Role,
    *,
    requests_per_minute: int | None = None,
    facts_per_day: int | None = None,
    namespace: str = MAIN,
    actor: Actor = COMMAND_LINE,
) -> tuple[ApiKey, str]:
    """Make a key of a namespace; the second value is its plain text, which nobody can read again.

    requests_per_minute, facts_per_day  limits of its own, instead of those of the settings
    Raises InvalidInput, NamespaceNotFound.
    """
    if not name.strip() or len(name) > MAX_NAME_CHARACTERS:
        raise InvalidInput(f"name: {len(name)} characters; between 1 and {MAX_NAME_CHARACTERS} are allowed")
    intake.check_text("name", name)
    if role not in ROLES:
        raise InvalidInput(f"role: {role!r}; it must be one of {', '.join(ROLES)}")
    for field, limit in (("requests_per_minute", requests_per_minute), ("facts_per_day", facts_per_day)):
        if limit is not None and not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"{field}: {limit}; between 1 and {MAX_LIMIT:,} are allowed")
    plain = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(namespace=namespace, name=name, role=role, key_sha256=_sha256(plain))
    key.requests_per_minute, key.facts_per_day = requests_per_minute, facts_per_day
    with transaction(session):
        namespaces.check_there_is(session, namespace)
        session.add(key)
        session.flush()
        where = "" if namespace == MAIN else f" of {namespace}"
        audit.record(session, actor, "keys.create", f"key {key.id}{where}, {role}: {name}")
    return key, plain


def page(session: Session, namespace: str, cursor: int | None, limit: int) -> Page[ApiKey]:
    """Keys that a namespace sees, newest first, older than `cursor`; revoked ones, too."""
    query = newest(select(ApiKey).where(_seen_by(namespace)), ApiKey.id, cursor, limit)
    return page_of(session.scalars(query).all(), limit, lambda key: key.id)


def revoke(session: Session, key_id: int, *, namespace: str = MAIN, actor: Actor = COMMAND_LINE) -> ApiKey:
    """Let a key be refused from now on; revoking it twice is once. Raises KeyNotFound, LastAdminKey.

    namespace  that of who revokes: others than those that it sees are not found
    """
    with transaction(session):
        # All keys that this may hang on: of two admins who revoke each other at once, one waits and is then the last.
        admins = and_(ApiKey.namespace == MAIN, ApiKey.role == "admin", ApiKey.revoked_at.is_(None))
        query = select(ApiKey).where(or_(and_(ApiKey.id == key_id, _seen_by(namespace)), admins))
        query = query.order_by(ApiKey.id).with_for_update(key_share=True)
        found = {key.id: key for key in session.scalars(query.execution_options(populate_existing=True))}
        key = found.get(key_id)
        if key is None or namespace not in (MAIN, key.namespace):
            raise KeyNotFound(f"there is no key {key_id}")
        if key.revoked_at is not None:
            return key
        if key.namespace == MAIN and key.role == "admin" and len(found) == 1:
            raise LastAdminKey(f"key {key_id} is the last admin key; make another before it is revoked")
        key.revoked_at = session.scalars(select(func.clock_timestamp())).one()
        audit.record(session, actor, "keys.revoke", f"key {key.id}, {key.role}: {key.name}")
    return key


def authenticate(session: Session, plain: str) -> ApiKey:
    """The key whose plain text this is. Raises KeyRejected when it is unknown or revoked."""
    key = session.scalar(select(ApiKey).where(ApiKey.key_sha256 == _sha256(plain), ApiKey.revoked_at.is_(None)))
    if key is None:
        raise KeyRejected("the API key is unknown or revoked")
    return key


def note_use(session: Session, key: ApiKey) -> None:
    """Note that a key is used, once an hour: so a call that asks seldom writes."""
    if key.last_used_at is not None and datetime.now(UTC) - key.last_used_at < _USE_IS_NOTED_AFTER:
        return
    longer_ago = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - _USE_IS_NOTED_AFTER)
    with transaction(session):
        noted = update(ApiKey).where(ApiKey.id == key.id, longer_ago).values(last_used_at=func.now())
        session.execute(noted.execution_options(synchronize_session=False))


def require(key: ApiKey, role: Role) -> None:
    """Raises RoleTooLow unless the key's role is `role` or a higher one."""
    if ROLES.index(key.role) < ROLES.index(role):
        raise RoleTooLow(f"this needs the role {role}; the key {key.name!r} has the role {key.role}")


def require_main(key: ApiKey) -> None:
    """Raises OfMainOnly unless the key belongs to the namespace `main`."""
    if key.namespace != MAIN:
        told = f"the key {key.name!r} belongs to {key.namespace!r}"
        raise OfMainOnly(f"this is about all namespaces, and needs a key of {MAIN!r}; {told}")


def exists(session: Session) -> bool:
    """Whether any key was ever made: the first start of a data folder makes one."""
    return bool(session.scalar(select(sql_exists().select_from(ApiKey))))


def _seen_by(namespace: str) -> ColumnElement[bool]:
    """The keys of a namespace; those of `main` run the installation, and see all."""
    return true() if namespace == MAIN else ApiKey.namespace == namespace


def _sha256(plain: str) -> str:
    # No salt: a key is 256 random bits, which no list of hashes holds, and an index must find it.
    # A caller may send any text: what is not UTF-8 is escaped, and then unknown.
    return hashlib.sha256(plain.encode(errors="backslashreplace")).hexdigest()
