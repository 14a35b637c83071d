"""Ten named points on a job's way, at each of which the process that got there can be held.

Triggers of the test's database hold it: each takes a lock that costs nothing unless the test has it. So the code under
test is what runs in production, and stops where it is told to, in the middle of a transaction or in its commit.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

_PATIENCE = 120.0
_CLASS = 4_711  # of our locks
_HOLD = """
CREATE OR REPLACE FUNCTION hold_here() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({class}, TG_ARGV[0]::int);
    RETURN NULL;
END $$
"""
_WAITING = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND NOT granted AND classid = %s AND objid = %s AND objsubid = 2
"""


@dataclass(frozen=True)
class Point:
    """Where a row is written; `at_commit`: when its transaction is about to end, not in the middle of it."""

    name: str
    table: str
    event: str
    condition: str
    at_commit: bool = False


POINTS = (
    Point("accepted", "jobs", "INSERT", "NEW.state = 'queued'", at_commit=True),
    Point("claimed", "jobs", "UPDATE", "NEW.state = 'running' AND OLD.state = 'queued'"),
    Point("learning", "facts", "UPDATE", "NEW.state = 'learning'", at_commit=True),
    Point("renewed", "heads", "UPDATE", "NEW.lease_epoch = OLD.lease_epoch AND NEW.lease_owner IS NOT NULL"),
    Point("written", "versions", "INSERT", "NEW.state = 'ready'"),
    Point("handed in", "jobs", "UPDATE", "NEW.state = 'verifying' AND OLD.state = 'running'", at_commit=True),
    Point("acknowledged", "acknowledgements", "INSERT", "true", at_commit=True),
    Point("moved", "activations", "INSERT", "true"),
    Point("published", "jobs", "UPDATE", "NEW.state = 'succeeded' AND OLD.state = 'verifying'", at_commit=True),
    Point("switched", "engines", "UPDATE", "NEW.version_id <> OLD.version_id"),
)


def install(database_url: str) -> None:
    """Put the triggers into a database that is migrated."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL(_HOLD).format(**{"class": sql.Literal(_CLASS)}))
        for number, point in enumerate(POINTS):
            when = "DEFERRABLE INITIALLY DEFERRED" if point.at_commit else ""
            kind = "CONSTRAINT TRIGGER" if point.at_commit else "TRIGGER"
            connection.execute(
                f"CREATE {kind} hold_{number} AFTER {point.event} ON {point.table} {when} FOR EACH ROW"
                f" WHEN ({point.condition}) EXECUTE FUNCTION hold_here({number})"  # our own words
            )


@contextmanager
def held_at(database_url: str, point: Point) -> Iterator["Held"]:
    """Whoever comes to a point while the block runs is held there, until the end of the block at the latest."""
    connection = psycopg.connect(database_url, autocommit=True)
    number = POINTS.index(point)
    connection.execute("SELECT pg_advisory_lock(%s, %s)", [_CLASS, number])
    try:
        yield Held(connection, number)
    finally:
        connection.close()  # with it goes the lock


class Held:
    """A point at which somebody is expected."""

    def __init__(self, connection: "psycopg.Connection[tuple[int]]", number: int) -> None:
        self._connection, self._number = connection, number

    def wait(self) -> None:
        """Until somebody is there."""
        deadline = time.monotonic() + _PATIENCE
        while not self._connection.execute(_WAITING, [_CLASS, self._number]).fetchone()[0]:
            assert time.monotonic() < deadline, f"nobody came to «{POINTS[self._number].name}»"
            time.sleep(0.005)
