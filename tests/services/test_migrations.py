"""A database of the first model comes to the newest schema with all that it knows, and goes back."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from alembic import command
from psycopg import sql
from sqlalchemy import text

from app.db.migrate import configured, migrate
from app.db.session import Sessions, close_sessions, open_sessions
from app.db.tables import ApiKey, Job
from app.services import (
    activations,
    aliases,
    audit,
    cancelling,
    document_reading,
    documents,
    facts,
    forgetting,
    keys,
    namespaces,
    relearn,
    slot_statistics,
    submission,
    verifying,
    versions,
    webhooks,
)
from app.services.document_reading import NewDocument, PostedDocument
from app.services.intake import NewFact
from app.settings import Settings
from model.memory.traffic import Traffic
from tests.services.story import FINGERPRINT, TESTER

NAME = "as_of_the_first_model"
# Version 1 taught facts 1 and 2, version 2 a correction of fact 1, version 3 a bare statement; fact 5 has failed.
ROWS = """
INSERT INTO api_keys (name, role, key_sha256) VALUES ('tester', 'admin', 'x');
INSERT INTO jobs (namespace, state, total) SELECT 'default', 'succeeded', 1 FROM generate_series(1, 4);
INSERT INTO versions (id, namespace, kind, state, state_hash, fingerprint)
    VALUES (0, 'default', 'base', 'published', repeat('0', 64), repeat('f', 64));
INSERT INTO versions (namespace, parent_id, kind, state, delta, delta_sha256, state_hash, fingerprint, job_id)
    SELECT 'default', n - 1, 'learn', 'published', 'rows', '', repeat('1', 64), repeat('f', 64), n
    FROM generate_series(1, 3) AS n;
INSERT INTO heads (namespace, live_version) VALUES ('default', 3);
INSERT INTO activations (namespace, version_id, reason, actor) VALUES ('default', 3, 'learned by job 3', 'slotwise');
INSERT INTO version_slots (version_id, slot, score, access_count)
    VALUES (1, 7, .5, 3), (1, 8, .4, 2), (2, 9, .3, 1), (3, 4, .2, 9);
INSERT INTO facts (namespace, job_id, version_id, statement, question, answer, phrasings, state,
                   content_sha256, question_sha256, answer_sha256, replaces, probe, created_by) VALUES
    ('default', 1, 1, NULL, 'Capital?', 'Melpek', '[]', 'learned', 'a', 'q', 'm', NULL,
     '{"kind": "question", "text": "Capital?", "answer": "Melpek"}', 1),
    ('default', 1, 1, NULL, 'River?', 'Olm', '[]', 'learned', 'b', 'r', 'o', NULL, NULL, 1),
    ('default', 2, 2, NULL, 'Capital?', 'Porto', '["Its capital?"]', 'learned', 'c', 'q', 'p', 1, NULL, 1),
    ('default', 3, 3, 'Ada likes tea.', NULL, NULL, '[]', 'learned', 'd', 'guessed', 'guessed', NULL, NULL, 1),
    ('default', 4, NULL, 'No.', NULL, NULL, '[]', 'failed', 'e', NULL, NULL, NULL, NULL, 1);
"""


@pytest.fixture
def old_url(postgres_url: str) -> Iterator[str]:
    """A database with the schema and the rows of the first model."""
    name = {"name": sql.Identifier(NAME)}
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {name}").format(**name))
        url = f"{postgres_url.rpartition('/')[0]}/{NAME}"
        command.upgrade(configured(url), "0002")
        with psycopg.connect(url) as connection:
            connection.execute(ROWS)
        yield url
        admin.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**name))


@pytest.fixture
def old_sessions(old_url: str) -> Iterator[Sessions]:
    migrate(old_url)
    sessions = open_sessions(old_url)
    yield sessions
    close_sessions(sessions)


def test_what_replaced_what_is_carried_over(old_sessions):
    with old_sessions() as session:
        found = {one.id: one for one in facts.page(session, "main", None, 9).items}
    assert {number: one.status for number, one in found.items()} == {
        1: "replaced",
        2: "live",
        3: "live",
        4: "live",
        5: "failed",
    }
    assert (found[1].replaced_by, found[3].replaces) == (3, [1])
    assert found[1].probe == {"kind": "question", "text": "Capital?", "answer": "Melpek"}


def test_a_slot_has_an_owner_where_its_version_taught_one_fact(old_sessions):
    with old_sessions() as session:
        rows = session.execute(text("SELECT slot, fact_id, access_count FROM version_slots ORDER BY slot")).all()
    assert rows == [(4, 4, 9.0), (7, None, 3.0), (8, None, 2.0), (9, 3, 1.0)]


def test_no_question_is_guessed_for_a_bare_statement(old_sessions):
    with old_sessions() as session:
        rows = session.execute(text("SELECT id, question_sha256, answer_sha256 FROM facts ORDER BY id")).all()
    assert rows == [(1, "q", "m"), (2, "r", "o"), (3, "q", "p"), (4, None, None), (5, None, None)]


def test_the_old_base_is_refused_and_its_live_facts_can_be_taught_anew(old_sessions):
    with old_sessions() as session, pytest.raises(versions.WrongCheckpoint, match=f"{FINGERPRINT}.*{'e' * 64}"):
        versions.bootstrap(session, "e" * 64, "2" * 64)
    with old_sessions() as session:
        (job,) = relearn.relearn(session, "e" * 64, "2" * 64, TESTER)
        taught = facts.of_job(session, "main", job)
        assert [(fact.question, fact.answer, fact.statement, fact.phrasings) for fact in taught] == [
            ("River?", "Olm", None, []),
            ("Capital?", "Porto", None, ["Its capital?"]),
            (None, None, "Ada likes tea.", []),
        ]
        versions.bootstrap(session, "e" * 64, "2" * 64)
        assert [facts.get(session, "main", number).status for number in range(1, 5)] == ["retired"] * 4


def test_it_goes_back_to_the_old_schema_with_what_that_can_hold(old_url, old_sessions):
    with old_sessions() as session:
        relearn.relearn(session, "e" * 64, "2" * 64, TESTER)
    with old_sessions.begin() as session:
        session.execute(text("UPDATE jobs SET kind = 'learn'"))
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0002")
    with psycopg.connect(old_url) as connection:
        replaces = connection.execute("SELECT id, replaces FROM facts WHERE replaces IS NOT NULL").fetchall()
        states = connection.execute("SELECT DISTINCT state FROM versions ORDER BY state").fetchall()
    assert replaces == [(3, 1)]
    assert states == [("published",), ("superseded",)]


def test_names_of_versions_come_with_the_newest_schema_and_go_with_it(old_url, old_sessions):
    with old_sessions() as session:
        aliases.put(session, "main", "blessed", 2, reason="a test", actor=TESTER)
        moved = versions.activate(session, "main", "blessed", reason="back", actor=TESTER)
        assert moved == versions.Activated(live=2, previous=3)
        assert activations.at(session, "main", datetime.now(UTC)).version_id == 2
        assert [one.version_id for one in activations.page(session, "main", None, 50).items] == [2, 3]
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0003")
    with psycopg.connect(old_url) as connection:
        left = connection.execute("SELECT to_regclass('aliases'), to_regclass('alias_changes')").fetchone()
        moves = connection.execute("SELECT version_id, reason FROM activations ORDER BY id").fetchall()
    assert left == (None, None)
    assert moves == [(3, "learned by job 3"), (2, "back")]
    migrate(old_url)


def test_what_is_forgotten_reads_as_failed_in_the_old_schema(old_url, old_sessions):
    with old_sessions() as session:
        key = session.get_one(ApiKey, 1)
        gone, waiting = (forgetting.forget(session, key, fact).job for fact in (4, 2))
        forgetting.store(session, gone, [4], [])
        session.execute(text("UPDATE jobs SET state = 'succeeded', version_id = 3 WHERE id = :gone"), {"gone": gone})
        session.commit()
        assert facts.get(session, "main", 4).status == "forgotten"
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0004")
    with psycopg.connect(old_url) as connection:
        assert connection.execute("SELECT to_regclass('forgettings')").fetchone() == (None,)
        jobs = connection.execute("SELECT id, kind, state FROM jobs WHERE id >= %s ORDER BY id", (gone,)).fetchall()
        told = connection.execute("SELECT id, state, reason FROM facts WHERE id IN (2, 4) ORDER BY id").fetchall()
    assert jobs == [(gone, "learn", "succeeded"), (waiting, "learn", "failed")]
    assert told == [(2, "learned", None), (4, "failed", f"forgotten by job {gone}")]
    migrate(old_url)


def test_old_keys_have_no_limits_of_their_own_and_the_audit_log_begins_with_the_newest_schema(old_url, old_sessions):
    with old_sessions() as session:
        (old,) = keys.page(session, "main", None, 50).items
        assert (old.requests_per_minute, old.facts_per_day, old.last_used_at) == (None, None, None)
        keys.note_use(session, old)
        keys.create(session, "new", "admin", actor=audit.holder(old))
        assert [(entry.id, entry.key_id) for entry in audit.page(session, "main", None, 50).items] == [(1, old.id)]
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0005")
    with psycopg.connect(old_url) as connection:
        assert connection.execute("SELECT to_regclass('audit')").fetchone() == (None,)
        assert connection.execute("SELECT name FROM api_keys ORDER BY id").fetchall() == [("tester",), ("new",)]
    migrate(old_url)
    with old_sessions() as session:
        assert audit.verify(session).rows == 0


def test_what_is_cancelled_reads_as_failed_in_the_old_schema(old_url, old_sessions):
    with old_sessions() as session:
        key = session.get_one(ApiKey, 1)
        post = submission.Post([NewFact(statement="Olms are blind.")], key, b"")
        posted = submission.submit(session, Settings(), post)
        assert cancelling.cancel(session, key, posted.job).state == "cancelled"
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0005")
    with psycopg.connect(old_url) as connection:
        assert connection.execute("SELECT to_regclass('pauses')").fetchone() == (None,)
        told = connection.execute("SELECT state, reason FROM facts WHERE id = %s", (posted.facts[0].id,)).fetchone()
    assert told == ("failed", "cancelled by 'tester'")
    migrate(old_url)


def test_documents_go_with_the_newest_schema_and_what_they_taught_stays(old_url, old_sessions):
    settings = Settings()
    with old_sessions() as session:
        key = session.get_one(ApiKey, 1)
        post = PostedDocument(NewDocument("Olms are blind."), key, b"")
        submitted = document_reading.submit(session, settings, post)
    with old_sessions() as session:
        assert documents.get(session, "main", submitted.document).view.status == "reading"
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0008")
    with psycopg.connect(old_url) as connection:
        left = connection.execute("SELECT to_regclass('documents'), to_regclass('document_facts')").fetchone()
        job = connection.execute("SELECT kind, state FROM jobs WHERE id = %s", (submitted.job,)).fetchone()
    assert (left, job) == ((None, None), ("learn", "failed"))
    migrate(old_url)


def test_spans_of_calls_come_with_the_newest_schema_and_go_with_it(old_url, old_sessions):
    with old_sessions() as session:
        assert session.get_one(Job, 1).traceparent is None
        assert activations.traceparent(session, "main", 3) is None
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0005")
    with psycopg.connect(old_url) as connection:
        columns = "SELECT table_name FROM information_schema.columns WHERE column_name = 'traceparent'"
        assert connection.execute(columns).fetchall() == []
        assert connection.execute("SELECT count(*) FROM activations").fetchone() == (1,)
    migrate(old_url)


def test_what_there_is_belongs_to_main_and_keys_of_other_namespaces_are_no_keys_of_the_old_schema(
    old_url, old_sessions
):
    with old_sessions() as session:
        assert [(one.name, one.live, one.facts) for one in namespaces.page(session, "main", None, 9).items] == [
            ("main", 3, 3)
        ]
        assert session.get_one(ApiKey, 1).namespace == "main"
        versions.bootstrap(session, FINGERPRINT, "0" * 64)  # finds all that it would make
        namespaces.create(session, "atlas", reason=None, actor=TESTER)
        keys.create(session, "other", "admin", namespace="atlas")
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0008")
    with psycopg.connect(old_url) as connection:
        told = connection.execute("SELECT name, revoked_at IS NULL FROM api_keys ORDER BY id").fetchall()
        assert told == [("tester", True), ("other", False)]
        assert connection.execute("SELECT DISTINCT namespace FROM facts").fetchall() == [("default",)]
    migrate(old_url)
    with old_sessions() as session:
        assert {one.name for one in namespaces.page(session, "main", None, 9).items} == {"main", "atlas"}


def test_what_was_live_counts_as_verified_when_it_went_live_and_jobs_that_ask_go_with_the_schema(old_url, old_sessions):
    with old_sessions() as session:
        found = {one.id: one for one in facts.page(session, "main", None, 9).items}
        when = session.scalar(text("SELECT created_at FROM activations WHERE version_id = 3"))
        assert (found[4].verified_at, found[2].verified_at, found[5].verified_at) == (when, None, None)
        assert (found[4].valid_until, found[4].stale, found[4].erased_at) == (None, False, None)
        job, _ = verifying.queue(session, "main", TESTER)
        webhooks.create(session, Settings(), "main", "https://example.com/", ["job.failed"], actor=TESTER)
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0008")
    with psycopg.connect(old_url) as connection:
        assert connection.execute("SELECT to_regclass('webhooks'), to_regclass('deliveries')").fetchone() == (
            None,
            None,
        )
        assert connection.execute("SELECT count(*) FROM jobs WHERE id = %s", (job.id,)).fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM facts").fetchone() == (5,)
    migrate(old_url)


def test_what_was_imported_reads_as_learned_in_the_old_schema_and_counts_go_with_the_newest(old_url, old_sessions):
    with old_sessions() as session:
        assert slot_statistics.traffic(session, FINGERPRINT) == Traffic()
        slot_statistics.add(session, FINGERPRINT, Traffic(1, {7: 1}))
        session.execute(text("UPDATE versions SET kind = 'import' WHERE id = 3"))
        session.execute(text("UPDATE jobs SET kind = 'import' WHERE id = 3"))
        session.execute(text("UPDATE version_slots SET score = NULL, access_count = NULL WHERE version_id = 3"))
        session.commit()
    close_sessions(old_sessions)
    command.downgrade(configured(old_url), "0008")
    with psycopg.connect(old_url) as connection:
        assert connection.execute("SELECT to_regclass('slot_statistics'), to_regclass('traffic')").fetchone() == (
            None,
            None,
        )
        kinds = "SELECT versions.kind, jobs.kind FROM versions JOIN jobs ON jobs.id = job_id WHERE versions.id = 3"
        assert connection.execute(kinds).fetchone() == ("learn", "learn")
        slots = "SELECT slot, score, access_count FROM version_slots WHERE version_id = 3"
        assert connection.execute(slots).fetchall() == [(4, 0.0, 0.0)]
    migrate(old_url)
