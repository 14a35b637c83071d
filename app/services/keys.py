"""API keys: made, shown once, recognised by their hash."""

import hashlib
import secrets
from typing import get_args

from sqlalchemy import exists as sql_exists
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import ApiKey, Role
from app.errors import InvalidInput, KeyRejected, RoleTooLow

PREFIX = "sw_"
MAX_NAME_CHARACTERS = 200
ROLES: tuple[Role, ...] = get_args(Role)


def create(session: Session, name: str, role: Role) -> tuple[ApiKey, str]:
    """Make a key; the second value is its plain text, which nobody can read again."""
    if not name.strip() or len(name) > MAX_NAME_CHARACTERS:
        raise InvalidInput(f"name: {len(name)} characters; between 1 and {MAX_NAME_CHARACTERS} are allowed")
    if role not in ROLES:
        raise InvalidInput(f"role: {role!r}; it must be one of {', '.join(ROLES)}")
    plain = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(name=name, role=role, key_sha256=_sha256(plain))
    with transaction(session):
        session.add(key)
    return key, plain


def authenticate(session: Session, plain: str) -> ApiKey:
    """The key whose plain text this is. Raises KeyRejected when it is unknown or revoked."""
    key = session.scalar(select(ApiKey).where(ApiKey.key_sha256 == _sha256(plain), ApiKey.revoked_at.is_(None)))
    if key is None:
        raise KeyRejected("the API key is unknown or revoked")
    return key


def require(key: ApiKey, role: Role) -> None:
    """Raises RoleTooLow unless the key's role is `role` or a higher one."""
    if ROLES.index(key.role) < ROLES.index(role):
        raise RoleTooLow(f"this needs the role {role}; the key {key.name!r} has the role {key.role}")


def exists(session: Session) -> bool:
    """Whether any key was ever made: the first start of a data folder makes one."""
    return bool(session.scalar(select(sql_exists().select_from(ApiKey))))


def _sha256(plain: str) -> str:
    # No salt: a key is 256 random bits, which no list of hashes holds, and an index must find it.
    # A caller may send any text: what is not UTF-8 is escaped, and then unknown.
    return hashlib.sha256(plain.encode(errors="backslashreplace")).hexdigest()
