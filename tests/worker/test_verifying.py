"""Live facts asked again, by a real tiny model: the served version is judged, and what lost its rows is found out."""

from sqlalchemy import update

from app.db.tables import Fact, Job
from app.services import verifying
from tests.services.story import TESTER
from tests.worker.test_forgetting import CAPITAL, OTHER, taught
from worker.sweeper import Sweeper


def verified(story, learner) -> Job:
    with story.sessions() as session:
        job, _ = verifying.queue(session, "main", TESTER)
    learner.run()
    return story.job(job.id)


def test_what_was_taught_holds_and_the_never_taught_stays_closed(story, learner):
    fact, _ = taught(story, learner, CAPITAL, OTHER)
    before = story.fact(fact).verified_at
    job = verified(story, learner)
    assert (job.state, job.error) == ("succeeded", None)
    assert (job.report["asked"], job.report["right"], job.report["stale"]) == (2, 2, [])
    assert job.report["neighbours"]["asked"] > 0
    assert job.report["bank"]["asked"] > 0
    assert story.fact(fact).verified_at > before
    assert story.live() == 1


def test_a_fact_that_the_live_version_does_not_tell_is_stale(story, learner):
    (fact,) = taught(story, learner, CAPITAL)
    with story.sessions.begin() as session:  # as if it had been taught another answer
        session.execute(update(Fact).values(probe={"text": CAPITAL.question, "answer": "no", "held_out": False}))
    job = verified(story, learner)
    assert job.report["stale"] == [{"fact": fact, "said": "o"}]
    assert (story.fact(fact).stale, story.fact(fact).said_instead) == (True, "o")


def test_the_sweeper_sees_to_it_once_a_night_unless_it_is_told_not_to(story, learner, sessions, queue, settings):
    taught(story, learner, CAPITAL)
    with sessions.begin() as session:
        session.execute(update(Fact).values(verified_at=None))
    Sweeper(sessions, queue, settings.model_copy(update={"verify_hour": -1})).sweep()
    assert story.count(Job) == 1
    for sweeper in (Sweeper(sessions, queue, settings), Sweeper(sessions, queue, settings)):
        sweeper.sweep()
        sweeper.sweep()
    learner.run()
    assert story.count(Job) == 2
    assert story.job(2).state == "succeeded"
    assert story.fact(1).verified_at is not None
