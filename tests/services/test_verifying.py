"""Live facts asked again: what holds is renewed, what does not is flagged, and nobody waits for it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.db.tables import Fact, Job
from app.errors import LeaseLost
from app.services import audit, cancelling, facts, figures, verifying
from app.services.verifying import Opened, Verdict
from tests.services.story import CAPITAL, RIVER, TESTER

NONE = Opened(0, 0)
TONIGHT = datetime.now(UTC) + timedelta(hours=1)


def queue(story) -> int:
    with story.sessions() as session:
        return verifying.queue(session, "main", TESTER)[0].id


def nightly(story, night: datetime = TONIGHT) -> int | None:
    with story.sessions() as session:
        return verifying.queue_nightly(session, "main", night)


def ask(story, claim, *wrong: int, near: Opened = NONE) -> bool:
    """A batch, asked by a worker; the facts in `wrong` say something else."""
    with story.sessions() as session:
        asked = verifying.batch(session, claim).facts
        said = [(one.fact, "Porto" if one.fact in wrong else one.answer) for one in asked]
        found = [Verdict(fact, text, fact not in wrong) for fact, text in said]
        return verifying.store(session, claim, found, near)


def asked(story, *wrong: int, near: Opened = NONE) -> int:
    """A job from its claim to its end."""
    claim = story.claim()
    assert ask(story, claim, *wrong, near=near)
    with story.sessions() as session:
        assert verifying.batch(session, claim).facts == []
        verifying.end(session, claim, Opened(80_000, 8))
    return claim.job


def test_a_fact_is_verified_when_it_goes_live_and_again_when_its_probe_holds(story):
    story.post(CAPITAL)
    assert story.fact(1).verified_at is None
    story.go_live()
    first = story.fact(1).verified_at
    queue(story)
    job = story.job(asked(story))
    assert (job.state, job.version_id, job.done, job.total) == ("succeeded", None, 1, 1)
    assert story.fact(1).verified_at > first
    assert (story.fact(1).stale, story.live()) == (False, 1)


def test_what_is_not_answered_any_more_is_flagged_with_what_is_said_until_it_is(story):
    story.learn(CAPITAL, RIVER)
    first = story.fact(1).verified_at
    queue(story)
    report = story.job(asked(story, 1, near=Opened(12, 1))).report
    assert (report["asked"], report["right"], report["stale"]) == (2, 1, [{"fact": 1, "said": "Porto"}])
    assert report["neighbours"] == {"asked": 12, "open": 1}
    assert (report["bank"], report["version"]) == ({"asked": 80_000, "open": 8}, 1)
    one = story.fact(1)
    assert (one.status, one.stale, one.said_instead, one.verified_at) == ("live", True, "Porto", first)
    with story.sessions() as session:
        assert [found.id for found in facts.page(session, "main", None, 9, stale=True).items] == [1]
        assert [found.id for found in facts.page(session, "main", None, 9, stale=False).items] == [2]
    queue(story)
    asked(story)
    assert (story.fact(1).stale, story.fact(1).said_instead) == (False, None)


def test_what_is_not_live_is_not_asked_and_not_stale(story):
    story.learn(CAPITAL, RIVER)
    queue(story)
    asked(story, 1)
    story.forget(1)
    story.go_without()
    assert (story.fact(1).status, story.fact(1).stale) == ("forgotten", False)
    queue(story)
    assert story.job(asked(story)).report["asked"] == 1


def test_it_gives_way_to_other_jobs_and_goes_on_where_it_was(story, monkeypatch):
    monkeypatch.setattr(verifying, "BATCH", 1)
    story.learn(CAPITAL, RIVER)
    job = queue(story)
    claim = story.claim()
    posted = story.post()
    assert not ask(story, claim)
    assert (story.job(job).state, story.job(job).done, story.job(job).attempts) == ("queued", 1, 0)
    assert story.claim().job == posted.job
    story.silence_worker()
    story.sweep()
    version = story.train(story.claim())
    assert story.nothing_to_claim()  # it waits for the verification, too
    story.acknowledge(version)
    story.publish(version)
    again = story.claim()
    with story.sessions() as session:
        assert [one.fact for one in verifying.batch(session, again).facts] == [2]


def test_it_asks_what_is_live_and_begins_that_batch_anew_when_the_head_moves(story):
    story.learn(CAPITAL)
    story.learn(RIVER)
    job = queue(story)
    claim = story.claim()
    story.activate(1)
    assert not ask(story, claim, 1)
    assert not story.fact(1).stale
    assert story.job(asked(story)).report["asked"] == 1
    assert story.job(job).state == "succeeded"


def test_one_on_its_way_is_enough_and_it_can_be_cancelled(story):
    story.learn(CAPITAL)
    job = queue(story)
    assert queue(story) == job
    claim = story.claim()
    with story.sessions() as session:
        operator = session.merge(story.key)
        operator.role = "operator"
        cancelling.cancel(session, operator, job)
    with pytest.raises(LeaseLost):
        ask(story, claim)
    assert queue(story) != job


def test_a_night_is_one_job_however_many_workers_look_and_none_where_nothing_is_due(story):
    assert nightly(story) is None
    story.learn(CAPITAL)
    assert nightly(story, datetime.now(UTC) - timedelta(hours=1)) is None  # it was asked since, when it went live
    job = nightly(story)
    assert nightly(story, datetime.now(UTC) - timedelta(hours=1)) is None
    asked(story)
    with story.sessions.begin() as session:
        session.execute(update(Job).where(Job.id == job).values(created_at=datetime.now(UTC) - timedelta(days=3)))
        session.execute(update(Fact).values(verified_at=datetime.now(UTC) - timedelta(days=3)))
    assert nightly(story, datetime.now(UTC) - timedelta(hours=1)) == job + 1
    with story.sessions() as session:
        entries = audit.page(session, "main", None, 2, action="facts.verify").items
    assert [(one.actor, one.subject) for one in entries] == [("nightly", f"job {job + 1}"), ("nightly", f"job {job}")]


def test_the_last_night_is_the_last_time_that_it_was_this_hour():
    noon = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
    assert verifying.last_night(3, noon) == datetime(2026, 11, 28, 3, tzinfo=UTC)
    assert verifying.last_night(13, noon) == datetime(2026, 11, 27, 13, tzinfo=UTC)


def test_figures_tell_the_last_one_that_came_to_its_end(story):
    def verified():
        with story.sessions() as session:
            return figures.read(session, story.settings, figures.Mark()).verified

    story.learn(CAPITAL, RIVER)
    assert verified() is None
    queue(story)
    asked(story, 1, near=Opened(12, 1))
    queue(story)
    found = verified()
    assert (found.right, found.stale, found.neighbours, found.bank) == (1, 1, Opened(12, 1), Opened(80_000, 8))
    assert 0 <= found.age < 60
