"""Which errors mean that PostgreSQL cannot be reached now, though nothing is wrong with the query."""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class OutcomeUnknown(OperationalError):
    """PostgreSQL was lost while it was to commit: what was to be stored may be stored, or not."""
