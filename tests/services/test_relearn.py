"""Another base: the old versions stay as history, and their live facts are taught anew, once, before all else."""

import pytest
from sqlalchemy import select

from app.db.tables import Activation, Anchor, AnchorPart, Job, JobEvent, Version
from app.errors import LeaseLost, NotBootstrapped, VersionNotFound
from app.services import anchors, facts, kept, publishing, relearn, versions
from app.services.intake import NewFact
from tests.services.story import BASE_STATE, CAPITAL, FINGERPRINT, RIVER, TESTER, Story

NEW, NEW_STATE = "e" * 64, "1" * 64
PORTO = NewFact(question="Zorvania's capital?", answer="Porto", phrasings=("The capital?",), source="atlas")


def leave(story, fingerprint: str = NEW) -> int | None:
    """Give the data of a story to another base, on which it goes on."""
    story.fingerprint = fingerprint
    with story.sessions() as session:
        return next(iter(relearn.relearn(session, fingerprint, NEW_STATE, TESTER)), None)


def facts_of(story, job: int) -> list[facts.FactView]:
    with story.sessions() as session:
        return facts.of_job(session, "main", job)


@pytest.fixture
def taught(story) -> dict[str, int]:
    """A fact, one that replaces it, one that was rolled back, a statement: the first and the third are not live."""
    (old,) = story.post(CAPITAL).facts
    story.go_live()
    (gone,) = story.post().facts
    story.go_live()
    story.activate("previous")
    (new,) = story.post(PORTO).facts
    story.go_live(took_over={new: [old]})
    (river,) = story.post(RIVER).facts
    story.go_live()
    return {"old": old, "gone": gone, "new": new, "river": river}


def test_live_facts_are_taught_anew_as_one_job_and_the_old_ones_stay_readable(story, taught):
    before = story.live()
    job = leave(story)
    assert (story.job(job).kind, story.job(job).state, story.job(job).total) == ("relearn", "queued", 2)
    again = facts_of(story, job)
    assert [(fact.status, fact.statement, fact.question, fact.answer) for fact in again] == [
        ("queued", None, PORTO.question, "Porto"),
        ("queued", RIVER.statement, None, None),
    ]
    assert (again[0].phrasings, again[0].source) == (["The capital?"], "atlas")
    assert set(story.statuses(*taught.values())) == {"retired"}
    assert story.fact(taught["new"]).version_id is not None
    assert story.fact(taught["new"]).probe_answer == "Melpek", "what it was is still told"
    version = story.go_live()
    with story.sessions() as session:
        assert versions.lineage(session, version) == [0, version]
        assert versions.get(session, "main", version).fingerprint == NEW
        assert versions.get(session, "main", before).fingerprint == FINGERPRINT
    assert story.statuses(*(fact.id for fact in again)) == ["live", "live"]
    assert story.job(job).state == "succeeded"


def test_the_move_and_who_ordered_it_are_written_down(story, taught):
    job = leave(story)
    with story.sessions() as session:
        move = session.scalars(select(Activation).order_by(Activation.id.desc()).limit(1)).one()
        assert (move.version_id, move.reason, move.actor) == (0, f"relearn on base {NEW}", "tester")
        (event,) = session.scalars(select(JobEvent).where(JobEvent.job_id == job))
    anew = [fact.id for fact in facts_of(story, job)]
    pairs = [[taught["new"], anew[0]], [taught["river"], anew[1]]]
    assert event.data == {"facts": 2, "anew": pairs, "base": NEW, "left": FINGERPRINT, "actor": "tester"}


def test_the_new_base_starts_and_the_old_one_is_refused(story, taught):
    with story.sessions() as session, pytest.raises(versions.WrongCheckpoint, match="slotwise relearn"):
        versions.bootstrap(session, NEW, NEW_STATE)
    leave(story)
    with story.sessions() as session:
        versions.bootstrap(session, NEW, NEW_STATE)
        assert versions.head(session, "main") == versions.Live(0, NEW_STATE)
        with pytest.raises(versions.WrongCheckpoint, match=f"{NEW}.*{FINGERPRINT}"):
            versions.bootstrap(session, FINGERPRINT, BASE_STATE)


def test_a_retired_version_is_told_of_and_can_be_neither_asked_nor_made_live_nor_exported(story, taught):
    old = story.live()
    with story.sessions() as session:
        anchors.store(session, old, [b"a", b"b"])
    leave(story)
    with story.sessions() as session:
        assert versions.get(session, "main", old).state == "retired"
        assert [view.id for view in versions.page(session, "main", None, 9).items] == [4, 3, 2, 1, 0]
        assert [one.version for one in kept.every(session, "main")] == [0]
        for refused in (
            lambda: kept.one(session, "main", old),
            lambda: versions.published(session, old),
            lambda: versions.activate(session, "main", old, reason="a test", actor=TESTER),
        ):
            with pytest.raises(VersionNotFound, match=f"no published version {old}"):
                refused()
    assert story.count(Anchor) == story.count(AnchorPart) == 0
    assert story.live() == 0


def test_what_is_being_learned_or_verified_goes_back_to_the_queue_behind_it(story):
    story.learn(CAPITAL)
    begun = story.post(RIVER)
    claim = story.claim()
    job = leave(story)
    with pytest.raises(LeaseLost):
        story.train(claim)
    assert (story.job(begun.job).state, story.job(begun.job).attempts) == ("queued", 0)
    assert story.claim().job == job, "it comes before what was posted earlier and not learned yet"


def test_a_version_that_waits_for_engines_is_not_published_any_more(story):
    posted = story.post(RIVER)
    version = story.train(story.claim())
    story.acknowledge(version)
    assert leave(story) is None, "nothing was live"
    assert story.publish(version).state == "settled"
    assert (story.version_state(version), story.statuses(*posted.facts)) == ("superseded", ["queued"])
    with story.sessions() as session:
        assert publishing.ready(session) == []
    story.go_live()
    assert story.statuses(*posted.facts) == ["live"]


def test_called_twice_it_queues_nothing_twice(story, taught):
    job = leave(story)
    assert leave(story) == job
    story.go_live()
    assert leave(story) is None
    assert story.count(Job) == 5


def test_a_job_that_failed_as_a_whole_is_queued_again(story, taught):
    job = leave(story)
    version = story.train(story.claim())
    story.acknowledge(version, wrong=[fact.id for fact in facts_of(story, job)])
    assert story.publish(version).state == "rejected"
    assert {fact.status for fact in facts_of(story, job)} == {"failed"}
    assert leave(story) == job
    story.go_live()
    assert {fact.status for fact in facts_of(story, job)} == {"live"}


def test_a_fact_posted_again_finds_its_copy(story, taught):
    job = leave(story)
    assert story.submit(PORTO).job == job
    assert story.submit(CAPITAL).new


def test_from_base_to_base_only_the_last_copies_are_live(story, taught):
    leave(story)
    story.go_live()
    job = leave(story, "d" * 64)
    assert story.job(job).total == 2
    story.go_live()
    with story.sessions() as session:
        live = facts.page(session, "main", None, 9, status="live").items
    assert {fact.job_id for fact in live} == {job}


def test_before_the_first_start_there_is_nothing_to_leave(sessions, settings):
    with sessions() as session, pytest.raises(NotBootstrapped):
        relearn.relearn(session, NEW, NEW_STATE, TESTER)


def test_it_needs_no_row_of_a_version(story, taught):
    """The deltas of the old base are history: nobody reads them."""
    leave(story)
    version = story.go_live()
    with story.sessions() as session:
        route = anchors.route(session, version, [0])
        assert route.steps == (version,)
        assert session.get_one(Version, 1).delta is not None


def test_a_new_story_on_the_new_base_goes_on(story, taught, sessions, settings, key):
    leave(story)
    Story(sessions, settings, key, NEW, NEW_STATE).go_live()
