"""The text of what was forgotten is gone from everywhere when its time has come, and not before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from app.db.tables import Acknowledgement, Fact, Job, Version
from app.services import audit, erasing, verifying
from app.services.intake import NewFact
from app.services.verifying import Opened, Verdict
from tests.services.story import CAPITAL, TESTER

SECRET = NewFact(
    statement="The Zanzibel is at Quorlest.",
    question="Where is the Zanzibel?",
    answer="Quorlest",
    phrasings=("Zanzibel's place?",),
    source="a letter",
)


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"forgotten_text_days": 30})


def erase(story, **changed) -> list[int]:
    with story.sessions() as session:
        return erasing.erase_due(session, story.settings.model_copy(update=changed))


def pass_days(story, days: int) -> None:
    with story.sessions.begin() as session:
        session.execute(update(Version).values(created_at=datetime.now(UTC) - timedelta(days=days)))


def everything(story) -> str:
    """All rows of all tables, as text."""
    with story.sessions() as session:
        tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        rows = [text(f"SELECT one::text FROM {table} AS one") for table in tables]  # noqa: S608  # our own tables
        return "\n".join(row for query in rows for row in session.scalars(query))


def forgotten(story) -> None:
    """Taught, acknowledged, flagged, and forgotten with a residual."""
    story.learn(SECRET, CAPITAL)
    with story.sessions.begin() as session:
        fact = session.get_one(Fact, 1)
        fact.report = {**fact.report, "unread": ["is at Quorlest"]}
        fact.probe = {"text": "Zanzibel?", "answer": "Quorlest"}
        session.execute(update(Acknowledgement).values(answers=[{"fact": 1, "text": "Quorlest", "correct": True}]))
    with story.sessions() as session:
        verifying.queue(session, "main", TESTER)
    claim = story.claim()
    with story.sessions() as session:
        verifying.store(session, claim, [Verdict(1, "Quorlest it", False), Verdict(2, "Melpek", True)], Opened(0, 0))
        verifying.end(session, claim, Opened(0, 0))
    story.forget(1)
    version = story.go_without()
    residual = {"residual": [{"fact": 1, "said": "Quorlest", "taught": True, "opened": None}], "slots": 3}
    with story.sessions.begin() as session:
        session.execute(update(Job).where(Job.version_id == version).values(report=residual))
        session.execute(update(Version).where(Version.id == version).values(report=residual))


def test_nothing_tells_it_any_more_when_it_was_kept_long_enough(story):
    forgotten(story)
    assert erase(story) == []
    assert "Quorlest" in everything(story)
    pass_days(story, 31)
    assert erase(story) == [1]
    left = everything(story)
    assert "Quorlest" not in left
    assert "Zanzibel" not in left
    assert erase(story) == []


def test_what_remains_says_when_it_was_erased(story):
    forgotten(story)
    pass_days(story, 31)
    erase(story)
    one = story.fact(1)
    assert (one.status, one.question, one.answer, one.statement, one.phrasings, one.probe) == (
        "forgotten",
        None,
        None,
        None,
        [],
        None,
    )
    assert (one.source, one.job_id, one.version_id) == ("a letter", 1, 1)
    assert one.report == {"steps": 3, "seconds": 1.5}
    assert (datetime.now(UTC) - one.erased_at).total_seconds() < 60
    (residual,) = story.job(3).report["residual"]
    assert (residual["fact"], residual["said"], residual["erased"]) == (1, None, one.erased_at.isoformat())
    assert story.job(3).report["slots"] == 3
    with story.sessions() as session:
        (entry,) = audit.page(session, "main", None, 1).items
    assert (entry.actor, entry.action, entry.subject) == ("retention", "facts.erase", "fact 1")
    assert story.fact(2).answer == "Melpek"


def test_at_once_or_never(story):
    story.learn(CAPITAL)
    story.forget(1)
    story.go_without()
    pass_days(story, 1_000)
    assert erase(story, forgotten_text_days=None) == []
    assert erase(story, forgotten_text_days=0) == [1]


def test_what_is_live_again_is_kept_and_what_was_posted_in_the_same_words_goes_with_it(story):
    story.learn(CAPITAL)
    story.forget(1)
    story.go_without()
    story.learn(CAPITAL)  # fact 2
    story.learn(replace(CAPITAL, source="another"))
    story.forget(2)
    story.go_without()
    pass_days(story, 31)
    story.activate(1)
    assert erase(story) == []
    story.activate(5)
    story.learn(CAPITAL)  # fact 4 says the same, and is live
    assert erase(story) == [1, 2]
    assert [story.fact(number).answer for number in (1, 2, 3, 4)] == [None, None, "Melpek", "Melpek"]


def test_a_rollback_brings_it_back_without_its_text_and_it_can_be_forgotten_and_posted_again(story):
    forgotten(story)
    pass_days(story, 31)
    erase(story)
    story.activate(1)
    assert (story.fact(1).status, story.fact(1).answer) == ("live", None)
    with story.sessions() as session:
        job, _ = verifying.queue(session, "main", TESTER)
    assert job.total == 1  # nobody knows what to ask of it
    with story.sessions.begin() as session:
        session.execute(text("UPDATE jobs SET state = 'cancelled' WHERE state = 'queued'"))
    story.forget(1)
    story.go_without()
    assert story.submit(SECRET).new
