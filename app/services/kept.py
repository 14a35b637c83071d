"""Kept versions, briefly: which can be asked, and in what state each must be."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from app.db.tables import Head, Version
from app.errors import NotBootstrapped, VersionNotFound
from app.services import versions
from app.services.names import Named
from app.services.versions import Live


@dataclass(frozen=True)
class Kept:
    """A published version of a namespace, and whether its head stands on it."""

    version: int
    state_hash: str
    created_at: datetime
    is_live: bool

    @property
    def live(self) -> Live:
        """What an engine needs to answer with it."""
        return Live(self.version, self.state_hash)


def every(session: Session, namespace: str) -> list[Kept]:
    """All of them, newest first."""
    return [_kept(row) for row in session.execute(_of(namespace).order_by(Version.id.desc()))]


def one(session: Session, namespace: str, version: Named | None) -> Kept:
    """A version by its number or name, or the live one. Raises VersionNotFound, NoPreviousVersion, NotBootstrapped."""
    if isinstance(version, str):
        version = versions.resolve(session, namespace, version)
    query = _of(namespace).where(Head.live_version == Version.id if version is None else Version.id == version)
    row = session.execute(query).one_or_none()
    if row is not None:
        return _kept(row)
    if version is None:
        raise NotBootstrapped(f"namespace {namespace!r} has no version yet: no model has been loaded")
    raise VersionNotFound(f"there is no published version {version}")


def _of(namespace: str) -> Select[int, str, datetime, int]:
    columns = select(Version.id, Version.state_hash, Version.created_at, Head.live_version)
    mine = columns.join(Head, Head.namespace == namespace)
    return mine.where(versions.within(namespace), Version.state == "published")


def _kept(row: Row[int, str, datetime, int]) -> Kept:
    return Kept(row.id, row.state_hash, row.created_at, is_live=row.live_version == row.id)
