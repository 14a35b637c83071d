"""Real PostgreSQL and Redis for every test that asks: the embedded stack's own, one pair for the session.

A test finds both empty. Its database is that of the test before without its rows: making one takes a hundred times as
long as emptying it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from app.db.migrate import migrate
from app.embedded.folder import DataFolder
from app.embedded.postgres import running_postgres
from app.embedded.redis import running_redis
from app.settings import Settings

# The suite is deterministic: property tests draw the same examples in every run.
hypothesis_settings.register_profile("same", derandomize=True, deadline=None)
hypothesis_settings.load_profile("same")

_numbers = count(1)

_END_ALL_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
# TRUNCATE makes a new file of every table and index, which takes longer than to delete the few rows of a test.
_EMPTY = """
DO $$
DECLARE one record;
BEGIN
    SET LOCAL session_replication_role = replica;  -- all rows go: none is asked whether another refers to it
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', one.tablename);
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences;
END $$
"""


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """What a developer has set for a service of theirs must not reach the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("SLOTWISE_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def open_root() -> Iterator[Path]:
    """A folder that the servers' account can reach; that of root's `tmp_path` has closed parents."""
    root = Path(tempfile.mkdtemp(prefix="slotwise-tests-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def open_folder(open_root: Path) -> Path:
    """An empty folder of the test's own that the servers' account can reach."""
    folder = open_root / f"test{next(_numbers)}"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def data_folder(open_root: Path) -> Iterator[DataFolder]:
    """The data folder of the session's servers."""
    folder = DataFolder(open_root / "servers")
    with folder.held():
        yield folder


@pytest.fixture(scope="session")
def postgres_url(data_folder: DataFolder) -> Iterator[str]:
    """The session's PostgreSQL, at the database that tests leave alone."""
    # After a crash of the machine nobody wants these data, so no test waits for the disk.
    with running_postgres(data_folder, {"fsync": "off"}) as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_server_url(data_folder: DataFolder) -> Iterator[str]:
    """The session's Redis."""
    with running_redis(data_folder) as server:
        yield server.url


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    """A migrated database, which PostgreSQL copies in a few milliseconds."""
    name = "template_of_tests"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(_beside(postgres_url, name))
    return name


@pytest.fixture(scope="session")
def one_database(postgres_url: str, template: str) -> Iterator[str]:
    """The database that one test after the other gets."""
    with fresh_database(postgres_url, template) as url:
        yield url


@pytest.fixture
def database_url(one_database: str) -> Iterator[str]:
    """A database with the newest schema and no rows, whose numbers begin at 1; nobody is connected to it."""
    yield one_database
    with psycopg.connect(one_database) as connection:
        connection.execute(_END_ALL_OTHERS)
        connection.execute(_EMPTY)


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """An empty Redis."""
    with redis.Redis.from_url(redis_server_url) as client:
        client.flushall()
    return redis_server_url


@pytest.fixture
def settings(database_url: str, redis_url: str, open_folder: Path) -> Settings:
    """Settings of a service on this test's database and Redis."""
    return Settings(database_url=database_url, redis_url=redis_url, data_dir=open_folder)


@contextmanager
def fresh_database(postgres_url: str, template: str) -> Iterator[str]:
    """A database of its own, for what outlives a test."""
    name = f"test{next(_numbers)}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        yield _beside(postgres_url, name)
        admin.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


def _beside(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{name}"
