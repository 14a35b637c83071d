"""Forgetting: which facts can be taken out, what reads forgotten, and that a lost lease writes nothing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.db.tables import Forgetting, Job, Version
from app.errors import FactNotFound, FactNotLive, FactNotLiveYet, InvalidInput, LeaseLost, WrongCheckpoint
from app.services import diffs, facts, forgetting, learning, relearn, versions
from app.services.intake import NewFact
from tests.services.story import CAPITAL, RIVER, TESTER, forgotten

ATLAS = replace(CAPITAL, source="atlas")
PORTO = replace(CAPITAL, answer="Porto")


def test_a_live_fact_is_forgotten_by_a_version_and_a_rollback_brings_it_back(story):
    fact, other = story.post(CAPITAL, RIVER).facts
    first = story.go_live()
    taken = story.forget(fact)
    assert (taken.state, taken.new, taken.facts[0].status) == ("queued", True, "live")
    claim = story.claim()
    assert (claim.kind, claim.parent, [one.id for one in claim.facts]) == ("forget", first, [fact])
    version = story.take_out(claim)
    assert story.statuses(fact, other) == ["live", "live"], "nothing is claimed before it is so"
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    assert story.statuses(fact, other) == ["forgotten", "live"]
    assert story.events(taken.job) == ["queued", "running", "verifying", "succeeded"]
    with story.sessions() as session:
        made = versions.get(session, "main", version)
        assert (made.kind, made.parent_id, made.facts, made.slots) == ("forget", first, 1, 3)
        assert [view.id for view in facts.of_job(session, "main", taken.job)] == [fact]
        assert [view.id for view in facts.page(session, "main", None, 9, status="forgotten").items] == [fact]
        between = diffs.diff(session, "main", first, version)
        assert ([one.id for one in between.removed], between.added) == ([fact], [])
    story.activate(first)
    assert story.statuses(fact, other) == ["live", "live"]
    story.activate(0)
    assert story.statuses(fact) == ["rolled_back"]
    story.activate(version)
    assert story.statuses(fact) == ["forgotten"]


def test_forgetting_twice_is_once(story):
    (fact,) = story.post(CAPITAL).facts
    story.go_live()
    first = story.forget(fact)
    again = story.forget(fact)
    assert (again.job, again.new) == (first.job, False)
    story.go_without()
    last = story.forget(fact)
    assert (last.job, last.state, last.new, last.facts[0].status) == (first.job, "succeeded", False, "forgotten")
    story.activate("previous")
    assert story.forget(fact).new


def test_calls_at_the_same_moment_make_one_job(story):
    (fact,) = story.post(CAPITAL).facts
    story.go_live()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(story.forget, [fact] * 8))
    assert len({one.job for one in taken}) == 1
    assert [one.new for one in taken].count(True) == 1


def test_what_is_not_live_is_refused_with_its_status(story):
    (old,) = story.post(CAPITAL).facts
    with pytest.raises(FactNotLiveYet, match=f"fact {old} is queued; only a live fact"):
        story.forget(old)
    claim = story.claim()
    with pytest.raises(FactNotLiveYet, match="learning"):
        story.forget(old)
    version = story.train(claim)
    with pytest.raises(FactNotLiveYet, match="verifying"):
        story.forget(old)
    story.acknowledge(version)
    story.publish(version)
    (new,) = story.post(PORTO).facts
    story.go_live(took_over={new: [old]})
    with pytest.raises(FactNotLive, match=f"fact {old} is replaced"):
        story.forget(old)
    story.activate("previous")
    with pytest.raises(FactNotLive, match=f"fact {new} is rolled_back"):
        story.forget(new)
    with pytest.raises(FactNotFound, match="99"):
        story.forget(99)
    assert story.count(Forgetting) == 0


def test_a_source_is_forgotten_as_one_job_and_other_sources_stay(story):
    atlas = story.post(ATLAS, replace(RIVER, source="atlas")).facts
    story.go_live()
    (zoo,) = story.post(NewFact(statement="Olms are blind.", source="zoo")).facts
    story.go_live()
    waiting = story.post(NewFact(statement="Olms are white.", source="atlas"))
    taken = story.forget("atlas")
    assert [one.id for one in taken.facts] == list(atlas)
    assert story.forget("atlas").job == taken.job
    story.train(story.claim())
    story.acknowledge(story.job(waiting.job).version_id)
    story.publish(story.job(waiting.job).version_id)
    story.go_without()
    assert story.statuses(*atlas, zoo, *waiting.facts) == ["forgotten", "forgotten", "live", "live"]
    assert story.forget("atlas").job != taken.job, "what came in since is another job"
    with pytest.raises(FactNotFound, match="'nowhere'"):
        story.forget("nowhere")


def test_a_source_with_more_facts_than_a_job_may_have_is_refused(story):
    story.post(ATLAS, replace(RIVER, source="atlas"))
    story.go_live()
    story.settings = story.settings.model_copy(update={"max_facts": 1})
    with pytest.raises(InvalidInput, match="2 live facts have the source 'atlas'; at most 1 can"):
        story.forget("atlas")


def test_a_replaced_fact_does_not_come_back_and_the_one_that_was_silenced_is_forgotten_too(story):
    (old,) = story.post(CAPITAL).facts
    story.go_live()
    (rider,) = story.post(PORTO).facts
    story.go_live(took_over={rider: [old]})
    (new,) = story.post(replace(PORTO, source="atlas")).facts
    story.go_live(took_over={new: [rider]})
    assert story.statuses(old, rider, new) == ["replaced", "live", "live"]
    story.forget(new)
    claim = story.claim()
    with story.sessions() as session:
        assert [one.fact for one in forgetting.riders(session, "main", [new])] == [rider]
    version = story.take_out(claim, silenced=[rider])
    story.acknowledge(version)
    story.publish(version)
    assert story.statuses(old, rider, new) == ["replaced", "forgotten", "forgotten"]
    assert story.forget(rider).new is False
    story.activate("previous")
    assert story.statuses(old, rider, new) == ["replaced", "live", "live"]


def test_what_is_forgotten_or_about_to_be_can_be_taught_anew(story):
    (fact,) = story.post(CAPITAL).facts
    story.go_live()
    story.forget(fact)
    (again,) = story.post(CAPITAL).facts
    assert again != fact
    story.go_without()
    story.go_live()
    assert story.statuses(fact, again) == ["forgotten", "live"]
    assert story.post(CAPITAL).facts == (again,)


def test_a_fact_that_is_rolled_back_meanwhile_is_not_claimed_and_nothing_of_it_is_noted(story):
    posted: list[int] = []
    for new in (CAPITAL, RIVER):
        posted += story.post(new).facts
        story.go_live()
    for fact in posted:
        story.forget(fact)
    story.activate("previous")
    first = story.claim()
    assert [one.id for one in first.facts] == posted[:1]
    version = story.take_out(first)
    story.acknowledge(version)
    story.publish(version)
    second = story.claim()
    assert second.facts == ()
    with story.sessions() as session:
        learning.reject(session, second, [], "none of its facts is live any more", {})
    assert (story.job(second.job).state, story.statuses(*posted)) == ("rejected", ["forgotten", "rolled_back"])


def test_a_worker_that_lost_its_lease_forgets_nothing_and_the_next_one_does(story):
    (fact,) = story.post(CAPITAL).facts
    story.go_live()
    taken = story.forget(fact)
    late = story.claim("slow worker")
    story.silence_worker()
    assert story.sweep() == [taken.job]
    with story.sessions() as session, pytest.raises(LeaseLost):
        learning.commit_forgotten(session, late, forgotten(late, [fact]))
    assert (story.count(Version), story.statuses(fact)) == (2, ["live"])
    story.go_without()
    assert (story.job(taken.job).attempts, story.statuses(fact)) == (2, ["forgotten"])


def test_a_rollback_meanwhile_lets_it_be_made_again_and_the_first_attempt_leaves_no_note(story):
    (rider,) = story.post(CAPITAL).facts
    story.go_live()
    (fact,) = story.post(RIVER).facts
    story.go_live()
    taken = story.forget(rider)
    version = story.take_out(story.claim(), silenced=[fact])
    story.activate("previous")
    assert story.publish(version).state == "superseded"
    assert story.statuses(rider, fact) == ["live", "rolled_back"]
    story.go_without()
    assert (story.job(taken.job).attempts, story.count(Forgetting)) == (1, 1)
    assert story.statuses(rider) == ["forgotten"]


def test_an_engine_that_finds_another_state_holds_it_up(story):
    (fact,) = story.post(CAPITAL).facts
    story.go_live()
    story.forget(fact)
    version = story.take_out(story.claim())
    story.acknowledge(version, state="9" * 64)
    assert story.publish(version).state == "waiting"
    assert story.statuses(fact) == ["live"]


def test_another_base_is_not_taught_what_is_about_to_be_forgotten(story):
    posted = story.post(CAPITAL, RIVER)
    story.go_live()
    taken = story.forget(posted.facts[0])
    with story.sessions() as session:
        (job,) = relearn.relearn(session, "e" * 64, "2" * 64, TESTER)
        assert [fact.statement for fact in facts.of_job(session, "main", job)] == [RIVER.statement]
    story.fingerprint = "e" * 64
    story.go_live()
    claim = story.claim()
    assert (claim.job, claim.facts) == (taken.job, ())
    with story.sessions() as session, pytest.raises(WrongCheckpoint):
        learning.commit_forgotten(session, claim, forgotten(claim))
    assert story.count(Job) == 3


def test_what_is_replaced_before_its_turn_comes_stays_replaced(story):
    first, second = story.post(ATLAS, replace(RIVER, source="atlas")).facts
    story.go_live()
    (new,) = story.post(PORTO).facts
    story.forget("atlas")
    story.go_live(took_over={new: [first]})
    story.go_without()
    assert story.statuses(first, second, new) == ["replaced", "forgotten", "live"]
