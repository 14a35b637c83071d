"""Tables and migrations tell the same, and errors survive the way between processes."""

import pickle

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import errors
from app.db.migrate import migrate
from app.db.session import Sessions
from app.db.tables import Base, Pause

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, identity_generation
    FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'alembic_version'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND conrelid::regclass::text <> 'alembic_version'
"""
INDEXES = """
    SELECT indexname, substring(indexdef FROM 'USING.*') FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
"""


def schema(session: Session) -> list[tuple[object, ...]]:
    return sorted(
        tuple(map(str, row)) for query in (COLUMNS, CONSTRAINTS, INDEXES) for row in session.execute(text(query))
    )


def test_the_migrations_make_the_tables_of_the_code(sessions: Sessions):
    with sessions() as session:
        migrated = schema(session)
        session.execute(text("CREATE SCHEMA by_hand; SET search_path TO by_hand"))
        assert Pause.metadata is Base.metadata
        Base.metadata.create_all(session.connection())
        assert schema(session) == migrated


def test_migrating_a_migrated_database_changes_nothing(database_url: str, sessions: Sessions):
    with sessions() as session:
        before = schema(session)
    migrate(database_url)
    with sessions() as session:
        assert schema(session) == before


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)])
def test_an_error_survives_pickling(kind: type[errors.SlotwiseError]):
    error = pickle.loads(pickle.dumps(kind("version 3 is live, not 2")))  # noqa: S301  # our own bytes
    assert type(error) is kind
    assert str(error) == "version 3 is live, not 2"


def test_the_tree_at_the_top_names_every_error():
    assert errors.__doc__ is not None
    for name, kind in vars(errors).items():
        if isinstance(kind, type):
            assert f" {name}" in errors.__doc__, name
