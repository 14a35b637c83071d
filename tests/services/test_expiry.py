"""Facts end at their time: by an ordinary job, once, whoever looks and however late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from app.db.tables import Fact, Job
from app.errors import InvalidInput
from app.services import audit, expiry, jobs, relearn
from app.services.intake import NewFact
from tests.services.story import CAPITAL, RIVER, TESTER

SOON = datetime.now(UTC) + timedelta(days=30)
ENDING = replace(CAPITAL, valid_until=SOON)


def look(story) -> int | None:
    with story.sessions() as session:
        return expiry.forget_due(session, story.settings, story.key.namespace)


def pass_time(story, *facts: int) -> None:
    """Let the time of facts be over since an hour."""
    with story.sessions.begin() as session:
        ended = datetime.now(UTC) - timedelta(hours=1)
        session.execute(update(Fact).where(Fact.id.in_(facts)).values(valid_until=ended))


def test_a_fact_is_forgotten_when_its_time_is_over_and_not_before(story):
    story.learn(ENDING)
    assert (look(story), story.fact(1).valid_until) == (None, SOON)
    pass_time(story, 1)
    job = look(story)
    assert (story.job(job).kind, story.job(job).state, story.job(job).api_key_id) == ("forget", "queued", None)
    story.go_without()
    assert story.statuses(1) == ["forgotten"]
    assert look(story) is None


def test_the_audit_log_says_who_and_why(story):
    story.learn(ENDING)
    pass_time(story, 1)
    job = look(story)
    with story.sessions() as session:
        (entry,) = audit.page(session, "main", None, 1).items
    assert (entry.actor, entry.action, entry.subject) == ("expiry", "facts.forget", f"job {job}")
    assert entry.reason.startswith("valid until 20")


def test_after_days_of_downtime_all_that_is_over_is_one_job(story):
    story.learn(ENDING, replace(RIVER, valid_until=SOON), NewFact(statement="Olms are blind."))
    pass_time(story, 1, 2)
    job = look(story)
    assert story.job(job).total == 2
    assert look(story) is None
    story.go_without()
    assert story.statuses(1, 2, 3) == ["forgotten", "forgotten", "live"]


def test_two_workers_that_look_at_once_make_one_job(story):
    story.learn(ENDING)
    pass_time(story, 1)
    found, barrier = [], Barrier(2)

    def look_too() -> None:
        barrier.wait()
        found.append(look(story))

    threads = [Thread(target=look_too) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == [2, None]
    assert story.count(Job) == 2


def test_what_somebody_forgets_already_is_left_to_that(story):
    story.learn(ENDING)
    story.forget(1)
    pass_time(story, 1)
    assert look(story) is None


def test_a_job_that_was_cancelled_comes_again_an_hour_later(story):
    story.learn(ENDING)
    pass_time(story, 1)
    first = look(story)
    with story.sessions.begin() as session:
        jobs.end(session, jobs.get(session, "main", first), "cancelled", "a test")
    assert look(story) is None
    with story.sessions.begin() as session:
        session.execute(update(Job).where(Job.id == first).values(updated_at=datetime.now(UTC) - timedelta(hours=2)))
    assert look(story) == first + 1


def test_what_a_rollback_brings_back_is_forgotten_again(story):
    story.learn(ENDING)
    pass_time(story, 1)
    look(story)
    story.go_without()
    story.activate(1)
    assert story.statuses(1) == ["live"]
    assert look(story) is not None
    assert story.go_without() == 3
    assert story.statuses(1) == ["forgotten"]


def test_what_is_over_before_it_is_learned_is_not_learned(story):
    posted = story.post(ENDING, RIVER)
    pass_time(story, 1)
    claim = story.claim()
    assert [fact.id for fact in claim.facts] == [2]
    assert story.statuses(1) == ["failed"]
    assert story.fact(1).reason == expiry.OVERDUE
    version = story.train(claim)
    story.acknowledge(version)
    story.publish(version)
    assert (story.job(posted.job).state, story.statuses(1, 2)) == ("succeeded", ["failed", "live"])


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (replace(CAPITAL, valid_until=datetime(2020, 1, 1, tzinfo=UTC)), "2020-01-01.*it must be later than now, 20"),
        (replace(ENDING, valid_from=SOON), "does not come after valid_from, 20.*it must be later"),
    ],
)
def test_an_end_that_makes_no_sense_is_refused_with_its_field_value_and_limit(story, fact, message):
    with pytest.raises(InvalidInput, match=rf"facts\[0\].valid_until: .*{message}"):
        story.submit(fact)


def test_a_fact_with_an_end_is_another_than_the_one_without(story):
    story.learn(CAPITAL)
    assert story.submit(ENDING).new
    assert not story.submit(ENDING).new


def test_a_repeated_call_gets_its_reply_when_its_fact_has_ended_since(story):
    first = story.submit(ENDING, idempotency_key="once", body=b"the same")
    over = replace(ENDING, valid_until=datetime(2020, 1, 1, tzinfo=UTC))  # as if the time had come
    assert story.submit(over, idempotency_key="once", body=b"the same") == first


def test_another_base_is_taught_the_end_too(story):
    story.learn(ENDING)
    with story.sessions() as session:
        (job,) = relearn.relearn(session, "e" * 64, "2" * 64, TESTER)
        assert session.scalars(select(Fact.valid_until).where(Fact.job_id == job)).all() == [SOON]
