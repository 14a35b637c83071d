"""Lists by cursor, newest first: the cursor is the id of the last row that the caller has seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")
Q = TypeVar("Q", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next page (None: these were the last)."""

    items: list[T]
    next_cursor: int | None


def newest(query: Q, ids: InstrumentedAttribute[int], cursor: int | None, limit: int) -> Q:
    """The rows of `query` for `page_of`: newest first by `ids`, older than `cursor`, and one more than `limit`."""
    older = query if cursor is None else query.where(ids < cursor)
    return older.order_by(ids.desc()).limit(limit + 1)


def page_of(rows: Sequence[T], limit: int, id_of: Callable[[T], int]) -> Page[T]:
    """The page that `rows` make; the query asked for one more than `limit`, to see whether others follow."""
    items = list(rows[:limit])
    return Page(items, id_of(items[-1]) if len(rows) > limit else None)
