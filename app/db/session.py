"""Sessions on PostgreSQL. It knows no table and no rule."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]

CONNECT_SECONDS = 5


def open_sessions(database_url: str) -> Sessions:
    """A factory of sessions on `database_url` (`postgresql://…`); it connects when the first query comes.

    So a process may call this before it forks: each child then opens connections of its own. Objects stay
    readable after a commit, because services commit themselves and hand rows back.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})
    return sessionmaker(engine, expire_on_commit=False)


def close_sessions(sessions: Sessions) -> None:
    """Close the connections that wait for the next session."""
    engine: Engine = sessions.kw["bind"]
    engine.dispose()


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """Commit when the block ends, roll back when it raises: no lock outlives the service that took it."""
    try:
        yield
    except BaseException:
        session.rollback()
        raise
    session.commit()
