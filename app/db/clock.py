"""Time by PostgreSQL's clock, which is one for all machines, and may be put forward or back like any other."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import InstrumentedAttribute


def heard_within(said: InstrumentedAttribute[datetime | None], seconds: float) -> ColumnElement[bool]:
    """Whether a word was said in the last `seconds`; no word is none.

    A word that comes from the future was said before the clock was put back, and tells nothing of now: whoever lives
    says another soon.
    """
    span = timedelta(seconds=seconds)
    return func.coalesce(said.between(func.now() - span, func.now() + span), False)
