"""The audit log: a row for every change, in the change's transaction; nobody forks, alters or shortens it unseen."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from app.db.session import Sessions
from app.db.tables import ApiKey, AuditEntry
from app.errors import AuditBroken, LastAdminKey, VersionNotFound
from app.services import aliases, audit, forgetting, keys, relearn, versions
from app.services.audit import COMMAND_LINE, Actor
from tests.services.story import CAPITAL, TESTER, Story


def rows(session: Session) -> list[tuple[str, str, str, str | None]]:
    found = session.scalars(select(AuditEntry).order_by(AuditEntry.id).execution_options(populate_existing=True))
    return [(entry.actor, entry.action, entry.subject, entry.reason) for entry in found]


def test_every_change_leaves_a_row_and_what_changes_nothing_leaves_none(story: Story, session: Session, key: ApiKey):
    live = story.learn(CAPITAL)
    story.post(CAPITAL)  # it is live: nothing is stored
    forgetting.forget(session, key, 1)
    forgetting.forget(session, key, 1)
    aliases.put(session, "main", "blessed", live, reason="checked", actor=TESTER)
    aliases.delete(session, "main", "blessed", reason="no more", actor=TESTER)
    for _ in range(2):
        versions.activate(session, "main", 0, reason="wrong", actor=TESTER)
    with pytest.raises(VersionNotFound):
        versions.activate(session, "main", 99, reason="a test", actor=TESTER)
    for _ in range(2):
        keys.revoke(session, key.id)
    relearn.relearn(session, "e" * 64, "2" * 64, COMMAND_LINE)
    assert rows(session) == [
        ("command line", "keys.create", "key 1, writer: tester", None),
        ("tester", "facts.teach", "job 1", None),
        ("tester", "facts.forget", "job 2", None),
        ("tester", "aliases.put", "alias blessed for version 1", "checked"),
        ("tester", "aliases.delete", "alias blessed", "no more"),
        ("tester", "versions.rollback", "version 0", "wrong"),
        ("command line", "keys.revoke", "key 1, writer: tester", None),
        ("command line", "relearn", f"base {'e' * 64}", None),
    ]
    assert audit.verify(session).rows == 8


def test_a_row_names_key_request_and_time_and_pages_by_actor_and_action(session: Session, key: ApiKey):
    with bound_contextvars(request_id="r-1"):
        keys.create(session, "other", "admin", actor=audit.holder(key))
    keys.create(session, "third", "admin")
    by_key = audit.page(session, "main", None, 50, actor="tester").items
    assert [(entry.key_id, entry.request_id) for entry in by_key] == [(key.id, "r-1")]
    page = audit.page(session, "main", None, 1, action="keys.create")
    assert (page.items[0].id, page.next_cursor) == (3, 3)
    older = audit.page(session, "main", 3, 50).items
    assert [entry.id for entry in older] == [2, 1]
    assert older[1].at < older[0].at < page.items[0].at


def test_a_change_that_fails_leaves_no_row_and_no_gap(session: Session):
    only = keys.create(session, "only", "admin")[0]
    with pytest.raises(LastAdminKey):
        keys.revoke(session, only.id)
    audit.record(session, TESTER, "never", "nothing")
    session.flush()
    session.rollback()
    keys.create(session, "other", "admin")
    assert [row[1] for row in rows(session)] == ["keys.create", "keys.create"]
    assert audit.verify(session).rows == 2


def test_writers_at_once_do_not_fork_it(sessions: Sessions):
    def write(number: int) -> None:
        with sessions() as session:
            for _ in range(5):
                audit.record(session, Actor(f"writer {number}"), "test", "nothing")
                session.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with sessions() as session:
        assert audit.verify(session).rows == 40


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit WHERE id = 99", "TRUNCATE audit"],
)
def test_the_database_refuses_to_change_it(session: Session, statement: str):
    keys.create(session, "laptop", "admin")
    with pytest.raises(DBAPIError, match="the audit log only grows"):
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE id = 2", "row 2 of the audit log is not what was written"),
        ("UPDATE audit SET at = at + interval '1 second' WHERE id = 3", "row 3 of the audit log is not"),
        ("UPDATE audit SET hash = repeat('0', 64) WHERE id = 1", "row 1 of the audit log is not"),
        ("DELETE FROM audit WHERE id = 2", "row 2 of the audit log is missing: row 3 comes in its place"),
        ("DELETE FROM audit WHERE id = 1", "row 1 of the audit log is missing"),
    ],
)
def test_who_gets_past_the_trigger_is_found_at_the_first_row(session: Session, statement: str, said: str):
    for name in "abcd":
        keys.create(session, name, "admin")
    before = audit.verify(session)
    assert before.hash == session.get_one(AuditEntry, 4).hash
    session.execute(text("SET session_replication_role = replica"))
    session.execute(text(statement))
    session.execute(text("SET session_replication_role = origin"))
    session.commit()
    session.expire_all()
    with pytest.raises(AuditBroken, match=said):
        audit.verify(session)


def test_a_hash_is_what_the_documents_say(session: Session):
    keys.create(session, "ünïcode «key»", "admin")
    told = '[1,"%s",null,"command line","keys.create","key 1, admin: ünïcode «key»",null,null]'
    query = "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') FROM audit"
    at = session.execute(text(query)).scalar_one()
    hashed = session.execute(text("SELECT encode(sha256(convert_to(:row, 'UTF8')), 'hex')"), {"row": told % at})
    assert hashed.scalar_one() == audit.verify(session).hash
