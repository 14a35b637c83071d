"""What the database tells of itself: counts that are true now, and a history that is told once."""

from app.services import figures, learning
from app.services.figures import Mark
from tests.services.story import CAPITAL, RIVER


def read(story, mark: Mark = Mark()) -> figures.Figures:
    with story.sessions() as session:
        return figures.read(session, story.settings, mark)


def test_facts_and_jobs_are_counted_as_readers_see_them(story):
    story.learn(CAPITAL)
    story.learn(RIVER)
    story.activate(1)
    story.post()
    found = read(story)
    assert {status: count for status, (count, _) in found.facts.items()} == {"live": 1, "rolled_back": 1, "queued": 1}
    assert found.jobs == {"succeeded": 2, "queued": 1}
    assert found.head == 1
    assert all(0 <= age < 60 for _, age in found.facts.values())


def test_the_age_is_that_of_the_oldest_fact(story):
    story.post(CAPITAL)
    story.post()
    story.age_facts(100)
    story.post()
    assert 100 <= read(story).facts["queued"][1] < 160


def test_a_heartbeat_is_told_while_somebody_learns(story):
    assert read(story).heartbeat is None
    story.post()
    claim = story.claim()
    assert 0 <= read(story).heartbeat < 60
    story.train(claim)
    assert read(story).heartbeat is None


def test_what_went_live_is_told_once_with_its_size_and_its_times(story):
    story.post(CAPITAL, RIVER)
    story.age_facts(50)
    story.go_live()
    found = read(story)
    (published,) = found.published
    assert (published.kind, published.rows, published.bytes) == ("learn", 1, len("rows of job 1 on 0"))
    assert all(50 <= age < 110 for age in published.ages)
    assert len(published.ages) == 2
    assert published.taught == [1.5, 1.5]
    assert set(published.steps) == {"wait", "learn", "publish"}
    assert 0 <= published.steps["learn"] < 60
    again = read(story, found.mark)
    assert (again.published, again.rollbacks, again.mark) == ([], [], found.mark)


def test_a_learned_and_a_forgotten_version_are_told_by_their_kinds(story):
    story.learn(CAPITAL)
    mark = read(story).mark
    story.forget(1)
    story.go_without()
    (published,) = read(story, mark).published
    assert (published.kind, published.rows, published.ages) == ("forget", 3, [])


def test_the_steps_of_a_job_are_those_of_its_last_attempt(story):
    story.post(CAPITAL)
    claim = story.claim()
    story.age_events(30)
    with story.sessions() as session:
        learning.give_back(session, story.settings, claim, "an error")
    story.go_live()
    (published,) = read(story).published
    assert published.steps["learn"] < 30


def test_moves_back_and_forward_are_no_new_versions(story):
    story.learn(CAPITAL)
    story.learn(RIVER)
    mark = read(story).mark
    story.activate(0)
    story.activate(2)
    story.activate(2, abort_in_flight=True)
    found = read(story, mark)
    assert (found.published, found.rollbacks) == ([], ["back", "forward", "abort"])
    whole = read(story)
    assert (len(whole.published), whole.rollbacks, whole.mark) == (2, found.rollbacks, found.mark)
    story.activate(0)
    story.learn()  # on the base: a branch
    assert len(read(story, found.mark).published) == 1


def test_engines_are_told_with_their_lag(story):
    story.learn(CAPITAL)
    (engine,) = read(story).engines
    assert (engine.id, engine.alive, engine.lag) == ("engine", True, 2)
