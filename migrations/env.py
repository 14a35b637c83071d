"""How Alembic reaches the database: one connection, one transaction, one migration at a time."""

from alembic import context
from sqlalchemy import text

from app.db.session import close_sessions, open_sessions
from app.db.tables import Base

# Any number will do, if nothing else in the database uses it.
_TURN = text("SELECT pg_advisory_xact_lock(5107815)")


def run() -> None:
    """Migrate the database that `app.db.migrate` names."""
    sessions = open_sessions(context.config.attributes["database_url"])
    try:
        with sessions.begin() as session:
            context.configure(connection=session.connection(), target_metadata=Base.metadata)
            session.execute(_TURN)
            context.run_migrations()
    finally:
        close_sessions(sessions)


run()
