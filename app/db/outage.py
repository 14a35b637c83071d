"""Which errors mean that PostgreSQL cannot be reached now, though nothing is wrong with the query."""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
