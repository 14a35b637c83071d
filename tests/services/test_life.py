"""A server that lives is waited for, one that is frozen is not."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial

import psycopg
import pytest
from sqlalchemy import Executable, select, text
from sqlalchemy.exc import OperationalError

from app.db import life
from app.db.outage import OutcomeUnknown
from app.db.session import Sessions, transaction
from app.db.tables import ApiKey
from app.embedded.folder import DataFolder
from app.embedded.servers import free_port
from tests.embedded.processes import frozen

WITHIN = 2.0


def told_when_back(sessions: Sessions, query: Executable) -> list[object]:
    """What a query gives as soon as there is an answer."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OperationalError), sessions() as session:
            if found := session.scalars(query).all():
                return list(found)
        time.sleep(0.02)
    raise AssertionError("the database is not back")


def test_a_query_that_takes_its_time_is_waited_for(sessions: Sessions, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(life, "QUIET_SECONDS", 0.05)
    with sessions() as session:
        assert session.scalar(text("SELECT 1 FROM pg_sleep(0.5)")) == 1


def test_a_frozen_server_is_told_in_the_middle_of_a_query_at_the_next_and_by_a_new_connection(
    sessions: Sessions, data_folder: DataFolder
):
    with sessions() as one, sessions() as two, ThreadPoolExecutor(1) as thread:
        assert one.scalar(text("SELECT 1")) == two.scalar(text("SELECT 1")) == 1
        sleeping = thread.submit(one.scalar, text("SELECT pg_sleep(60)"))
        with frozen(data_folder.path / "postgres"):
            began = time.monotonic()
            again = partial(two.scalar, text("SELECT 1"))
            for ask in (sleeping.result, again, partial(sessions().scalar, text("SELECT 1"))):
                with pytest.raises(OperationalError, match="no sign of life"):
                    ask()
            assert time.monotonic() - began < 2 * WITHIN
    assert told_when_back(sessions, text("SELECT 1")) == [1]


def test_a_commit_into_silence_says_that_it_may_have_been_heard(sessions: Sessions, data_folder: DataFolder):
    def store() -> None:
        with ExitStack() as thaw, sessions() as session, transaction(session):
            session.add(ApiKey(namespace="main", name="in doubt", role="reader", key_sha256="0" * 64))
            session.flush()
            thaw.enter_context(frozen(data_folder.path / "postgres"))

    with pytest.raises(OutcomeUnknown):
        store()
    assert told_when_back(sessions, select(ApiKey.name)) == ["in doubt"]  # this time it was


def test_a_server_that_is_not_there_is_told_at_once(sessions: Sessions):
    with pytest.raises(psycopg.OperationalError, match=r"no sign of life from 127\.0\.0\.1"):
        life.Life().require("127.0.0.1", free_port())
