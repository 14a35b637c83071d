"""Sessions on PostgreSQL. It knows no table and no rule."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from app.db.life import Life
from app.db.outage import OutcomeUnknown

Sessions = sessionmaker[Session]

CONNECT_SECONDS = 5
MAX_CONNECTIONS = 15  # of a process
# An answer that has not come by then never will: the connection is open at one end only.
TCP_TIMEOUT_MILLISECONDS = 10_000


def open_sessions(database_url: str) -> Sessions:
    """A factory of sessions on `database_url` (`postgresql://…`); it connects when the first query comes.

    So a process may call this before it forks: each child then opens connections of its own. Nobody waits on them
    for a server that shows no sign of life (see `life`). Objects stay readable after a commit, because services
    commit themselves and hand rows back.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    limits = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": TCP_TIMEOUT_MILLISECONDS}
    # None beyond the pool: such a connection is made for one call, and making it costs more than most queries.
    engine = create_engine(url, pool_pre_ping=True, pool_size=MAX_CONNECTIONS, max_overflow=0, connect_args=limits)
    life = Life()
    event.listen(engine, "do_connect", lambda dialect, record, arguments, parameters: life.connect(parameters))
    return sessionmaker(engine, expire_on_commit=False)


def close_sessions(sessions: Sessions) -> None:
    """Close the connections that wait for the next session."""
    engine: Engine = sessions.kw["bind"]
    engine.dispose()


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """Commit when the block ends, roll back when it raises: no lock outlives the service that took it.

    Raises OutcomeUnknown when PostgreSQL was lost in the commit, which may have been heard or not.
    """
    try:
        yield
        session.flush()
    except BaseException:
        session.rollback()
        raise
    try:
        session.commit()
    except (OperationalError, InterfaceError) as error:
        raise OutcomeUnknown(error.statement, error.params, error.orig or error) from error
