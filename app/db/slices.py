"""Large values, read in slices: who serves the model in another thread waits for none of them.

Fetched whole, megabytes would come as text of twice their size, and one call would turn it into bytes while no
other thread of Python runs. A slice comes as bytes, and takes a tenth of a millisecond.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

SLICE_BYTES = 1 << 17

# `substring` of a column whose storage is external reads no more than the slice.
_DELTA = "SELECT substring(delta FROM %s FOR %s) FROM versions WHERE id = %s"
_PART = "SELECT data FROM anchor_parts WHERE version_id = %s AND number = %s"


def delta(session: Session, version_id: int, length: int, rest: Callable[[], None]) -> bytearray:
    """The delta of a version, which has `length` bytes; fewer if the version is gone. `rest` follows each slice."""
    found = bytearray()
    for start in range(0, length, SLICE_BYTES):
        row = _fetched(session, _DELTA, (start + 1, SLICE_BYTES, version_id))
        if row is None:
            break
        found += row
        rest()
    return found


def anchor_part(session: Session, version_id: int, number: int) -> bytearray | None:
    """A part of an anchor; None where there is none."""
    row = _fetched(session, _PART, (version_id, number))
    return None if row is None else bytearray(row)


def no_rest() -> None:
    """For who has no other thread to think of."""


def _fetched(session: Session, query: str, parameters: tuple[int, ...]) -> bytes | None:
    # The driver's own connection: through SQLAlchemy the bytes would come as text.
    driver: Any = session.connection().connection.driver_connection
    row = driver.execute(query, parameters, binary=True).fetchone()
    return None if row is None else row[0]
