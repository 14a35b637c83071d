"""`slotwise keys` and `slotwise audit` on a database: what they print, and what they refuse."""

import json
import sys

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli import app, main
from app.db.session import close_sessions, open_sessions
from app.errors import AuditBroken, KeyNotFound, LastAdminKey
from app.services import keys


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLOTWISE_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *words: CliRunner().invoke(app, words)


def refused(ended: Result, kind: type[Exception]) -> str:
    assert isinstance(ended.exception, kind)
    assert ended.output == ""
    return str(ended.exception)


def test_keys_are_made_listed_and_revoked(command, database_url: str):
    plain = command("keys", "create", "--name", "ci", "--role", "writer", "--facts-per-day", "50").output.strip()
    assert command("keys", "create").output.startswith("sw_")
    shown = command("keys", "list").output.splitlines()
    assert shown[1].split()[:5] == ["2", "local", "main", "admin", "good"]
    assert shown[2].split()[:6] == ["1", "ci", "main", "writer", "good", "50"]
    assert plain not in "".join(shown)
    assert command("keys", "revoke", "1").output == "key 1 is revoked: ci, writer\n"
    page = json.loads(command("keys", "list", "--limit", "1", "--cursor", "2", "--json").output)
    assert (page["items"][0]["revoked_at"] is not None, page["next_cursor"]) == (True, None)
    assert refused(command("keys", "revoke", "2"), LastAdminKey).startswith("key 2 is the last admin key")
    assert refused(command("keys", "revoke", "3"), KeyNotFound) == "there is no key 3"
    sessions = open_sessions(database_url)
    with sessions() as session, pytest.raises(keys.KeyRejected):
        keys.authenticate(session, plain)
    close_sessions(sessions)


def test_the_audit_log_is_verified_and_its_first_broken_row_named(command, database_url: str):
    assert command("audit", "verify").output == "0 rows hold; the newest hash is none\n"
    for _ in range(3):
        command("keys", "create")
    assert command("audit", "verify").output.startswith("3 rows hold; the newest hash is ")
    sessions = open_sessions(database_url)
    with sessions.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE audit SET subject = 'nothing' WHERE id >= 2"))
    close_sessions(sessions)
    told = refused(command("audit", "verify"), AuditBroken)
    assert told == "row 2 of the audit log is not what was written: its hash does not fit"


def test_settings_that_do_not_go_together_are_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["slotwise", "up", "--port", "8123"])
    monkeypatch.setenv("SLOTWISE_ADMIN_PORT", "8123")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == "slotwise: SLOTWISE_ADMIN_PORT is 8123, as SLOTWISE_PORT is; it must be another one"
