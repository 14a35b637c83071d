"""What callers call versions: numbers, `live`, `previous`, and aliases of their own. It sets none: `aliases` does."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Alias, Version
from app.errors import NoPreviousVersion, VersionNotFound

MAX_CHARACTERS = 64
RESERVED = {"live": "the version that answers now", "previous": "the parent of the live version"}
PATTERN = rf"[a-z0-9._-]{{1,{MAX_CHARACTERS}}}"
ALLOWED = f"1 to {MAX_CHARACTERS} of a-z, 0-9, dot, hyphen and underscore"

_NAME = re.compile(PATTERN)
_NO_ADDRESS = (".", "..")  # a client would take them for a folder
_SHOWN_CHARACTERS = 40

Named = int | str


def fault(name: str) -> str | None:
    """Why a text can be no name of a version; None for one that can."""
    if len(name) > MAX_CHARACTERS:
        return f"{len(name):,} characters; at most {MAX_CHARACTERS} are allowed"
    if not _NAME.fullmatch(name) or name in _NO_ADDRESS:
        shown = name[:_SHOWN_CHARACTERS]
        return f"{shown!r} is no name; {ALLOWED} are allowed"
    if name.isdigit():
        return f"{name!r} has digits alone, as a version's number has; a name needs another character"
    return None


def resolved(session: Session, namespace: str, live: int, name: Named) -> int:
    """The number of the version that is called `name` while `live` is live; it may be one that nobody can ask.

    Raises NoPreviousVersion, and VersionNotFound for an alias that nobody has set.
    """
    if isinstance(name, int):
        return name
    if name == "live":
        return live
    if name == "previous":
        return _parent(session, live)
    found = session.scalar(select(Alias.version_id).where(Alias.namespace == namespace, Alias.name == name))
    if found is None:
        raise VersionNotFound(f"no version is called {name!r}")
    return found


def _parent(session: Session, version_id: int) -> int:
    parent = session.scalar(select(Version.parent_id).where(Version.id == version_id))
    if parent is None:
        raise NoPreviousVersion(f"version {version_id} is the base: nothing lies before it")
    return parent
