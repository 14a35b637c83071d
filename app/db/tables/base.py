"""What all tables share, and the names that their columns may hold."""

from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import BigInteger, CheckConstraint, DateTime, LargeBinary, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

BASE_VERSION = 0
MAIN = "main"  # the namespace that is always there; its admins make the others
MAX_ID = 2**63 - 1  # a larger number from a caller is no id, and PostgreSQL would refuse it

Role = Literal["reader", "writer", "operator", "admin"]  # in ascending order
VersionKind = Literal["base", "learn", "forget", "import"]
VersionState = Literal["ready", "published", "rejected", "superseded", "retired"]
JobKind = Literal["learn", "forget", "relearn", "read", "verify", "import"]
JobState = Literal["queued", "running", "verifying", "succeeded", "failed", "rejected", "cancelled"]
FactState = Literal["queued", "learning", "verifying", "learned", "failed", "cancelled"]
UNDECIDED: tuple[FactState, ...] = ("queued", "learning", "verifying")
UNFINISHED: tuple[JobState, ...] = ("queued", "running", "verifying")

Json = dict[str, Any]
ZERO = text("0")
_JSON = JSONB(none_as_null=True)  # None is SQL's NULL, never the JSON text `null`


class Base(DeclarativeBase):
    """What all tables share: named constraints, times with a zone, jsonb, texts without a width."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads this name from the class
        int: BigInteger,
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        Json: _JSON,
        list[str]: _JSON,
        list[Json]: _JSON,
        VersionKind: Text,
        VersionState: Text,
        JobKind: Text,
        JobState: Text,
        FactState: Text,
        Role: Text,
    }


def one_of(column: str, values: object) -> CheckConstraint:
    """The column holds one of the names of a `Literal` type."""
    names = ", ".join(f"'{name}'" for name in get_args(values))
    return CheckConstraint(f"{column} IN ({names})", name=column)
