"""The clock is put forward or back by an hour: nothing is lost, nothing waits for that hour."""

import pytest

from app.errors import LeaseLost
from app.services import engines, learning
from tests.services.story import Story

HOUR = 3_600.0
MOVES = pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["forward", "back"])


def sweep(story: Story) -> list[int]:
    with story.sessions() as session:
        return learning.sweep(session, story.settings, lambda owner: False)


@MOVES
def test_a_job_whose_worker_died_before_is_learned_by_another(story: Story, seconds: float):
    posted = story.post()
    story.claim("a worker of another machine")
    story.move_clock(seconds)
    assert sweep(story) == [posted.job]
    assert story.claim("another").job == posted.job


@MOVES
def test_a_worker_that_lives_loses_at_most_an_attempt(story: Story, seconds: float):
    posted = story.post()
    claim = story.claim()
    story.move_clock(seconds)
    with story.sessions() as session:
        learning.heartbeat(session, claim, 1)  # as it does within a second
    assert sweep(story) == []
    story.move_clock(seconds)
    assert story.claim("another").job == posted.job
    with pytest.raises(LeaseLost):
        story.train(claim)


@MOVES
def test_a_version_waits_for_no_engine_that_died_before_and_for_each_that_lives(story: Story, seconds: float):
    story.beat("dead")
    story.beat("living")
    posted = story.post()
    version = story.train(story.claim())
    story.acknowledge(version, "living")
    assert story.publish(version).state == "waiting"
    story.move_clock(seconds)
    assert story.publish(version).reason == "no engine is alive"
    story.beat("living")
    assert story.publish(version).state == "published"
    assert story.statuses(*posted.facts) == ["live"]
    with story.sessions() as session:
        alive = {one.id: one.alive for one in engines.every(session, story.settings)}
    assert alive == {"living": True, "dead": False}
