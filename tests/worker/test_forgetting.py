"""Forgetting, with a real tiny model on a real database: the rows are gone, and the report says what is left."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from app.db.tables import BASE_VERSION, Version, VersionSlot
from app.services import slots, versions
from app.services.intake import NewFact
from model.memory.delta import Delta, same_bits
from model.memory.table import View
from tests import tiny
from worker.forgetting import Forgetter

CAPITAL = NewFact(question="What is the capital of Zorvania?", answer="ok", source="atlas")
OTHER = NewFact(question="Who leads the rowing club of Trevanion?", answer="no")


def built(story, checkpoint, version: int) -> View:
    """A version's view as another process builds it; its state is the one that the worker found."""
    view = checkpoint.table.base
    with story.sessions() as session:
        for _, data in versions.deltas(session, versions.lineage(session, version)):
            view = checkpoint.table.enter(view, Delta.from_bytes(data))
        assert view.state_hash == versions.get(session, "main", version).state_hash
    return view


def slots_of(story, fact: int):
    with story.sessions() as session:
        return sorted(session.scalars(select(VersionSlot.slot).where(VersionSlot.fact_id == fact)))


def live(story, learner, job: int) -> int:
    """Let the worker do a job, and the engine find its state."""
    learner.run()
    version = story.job(job).version_id
    assert version is not None, story.job(job).error
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    return version


def taught(story, learner, *new: NewFact) -> tuple[int, ...]:
    posted = story.post(*new)
    live(story, learner, posted.job)
    assert set(story.statuses(*posted.facts)) == {"live"}
    return posted.facts


def test_the_rows_of_a_fact_are_gone_and_all_others_keep_their_bits(story, learner):
    fact, other = taught(story, learner, CAPITAL, OTHER)
    before = story.live()
    taken = story.forget(fact)
    after = live(story, learner, taken.job)
    checkpoint = tiny.build(spare_rows=1_024)
    table = checkpoint.table
    was, view = built(story, checkpoint, before), built(story, checkpoint, after)
    gone, kept = slots_of(story, fact), slots_of(story, other)
    changed = table.changed_slots(view)
    assert set(table.changed_slots(was).tolist()) - set(changed.tolist()) == set(gone)
    assert set(changed.tolist()) == set(kept)
    assert same_bits(table.read(view, changed), table.read(was, changed))
    empty = table.changed_slots(was)[~(table.changed_slots(was)[:, None] == changed).any(dim=1)]
    assert same_bits(table.read(view, empty), table.read(table.base, empty))
    assert story.statuses(fact, other) == ["forgotten", "live"]
    report = story.job(taken.job).report
    assert (report["slots"], report["facts"]) == (len(gone), {"forgotten": 1, "silenced": 0})
    assert report["bytes"] > 0
    (residual,) = report["residual"]
    told = {name: residual[name] for name in ("fact", "taught", "opened", "slots")}
    assert told == {"fact": fact, "taught": False, "opened": None, "slots": len(gone)}


def test_a_version_that_has_forgotten_all_is_the_base_again(story, learner, checkpoint):
    facts = taught(story, learner, CAPITAL, replace(OTHER, source="atlas"))
    version = live(story, learner, story.forget("atlas").job)
    assert set(story.statuses(*facts)) == {"forgotten"}
    with story.sessions() as session:
        assert versions.get(session, "main", version).state_hash == checkpoint.table.base.state_hash
    story.activate("previous")
    assert set(story.statuses(*facts)) == {"live"}
    story.activate(BASE_VERSION)
    story.post(CAPITAL)
    learner.run()
    assert checkpoint.table.room().places == 2, "the base, and what the facts were taken out of"


def test_a_fact_that_was_told_by_the_rows_of_another_is_silenced_with_it(story, learner):
    (rider,) = taught(story, learner, CAPITAL)
    (later,) = taught(story, learner, replace(CAPITAL, source="zoo"))
    assert story.fact(later).report["took_over"] == [rider]
    taken = story.forget(later)
    live(story, learner, taken.job)
    assert story.job(taken.job).report["silenced"] == [rider]
    assert story.statuses(rider, later) == ["forgotten", "forgotten"]


def test_a_fact_without_rows_of_its_own_is_forgotten_and_the_report_names_who_tells_the_same(story, learner):
    (rider,) = taught(story, learner, CAPITAL)
    (later,) = taught(story, learner, replace(CAPITAL, source="zoo"))
    taken = story.forget("atlas")
    live(story, learner, taken.job)
    report = story.job(taken.job).report
    assert (report["slots"], report["silenced"]) == (0, [])
    (residual,) = report["residual"]
    assert residual == {"fact": rider, "said": "ok", "taught": True, "opened": later, "slots": 0}
    assert story.statuses(rider, later) == ["forgotten", "live"]


def test_what_is_not_live_any_more_ends_the_job(story, learner):
    (fact,) = taught(story, learner, CAPITAL)
    taken = story.forget(fact)
    story.activate(BASE_VERSION)
    learner.run()
    job = story.job(taken.job)
    assert (job.state, job.error) == ("rejected", "none of its facts is live any more")


def test_a_worker_that_lost_its_lease_while_it_forgot_writes_nothing(story, learner, monkeypatch):
    (fact,) = taught(story, learner, CAPITAL)
    taken, forget = story.forget(fact), Forgetter.forget

    def lose_the_lease(*arguments):
        story.silence_worker()
        story.claim("another worker")
        return forget(*arguments)

    monkeypatch.setattr("worker.heartbeat.Heartbeat._beat", lambda self: None)
    monkeypatch.setattr(Forgetter, "forget", lose_the_lease)
    learner.run()
    assert (story.count(Version), story.job(taken.job).state, story.statuses(fact)) == (2, "running", ["live"])


@pytest.mark.parametrize(("stopped", "state", "attempts"), [(True, "queued", 0), (False, "failed", 3)])
def test_a_stop_is_no_attempt_and_an_error_is_one(story, learner, monkeypatch, stopped, state, attempts):
    (fact,) = taught(story, learner, CAPITAL)
    taken, forget = story.forget(fact), Forgetter.forget

    def hindered(*arguments):
        if not stopped:
            raise RuntimeError("out of luck")
        learner.stop()
        return forget(*arguments)

    monkeypatch.setattr(Forgetter, "forget", hindered)
    learner.run()
    assert (story.job(taken.job).state, story.job(taken.job).attempts) == (state, attempts)
    assert story.statuses(fact) == ["live"]


def test_owners_are_told_from_the_tables_as_the_rows_name_them(story, learner, checkpoint):
    (rider,) = taught(story, learner, CAPITAL)
    taught(story, learner, replace(CAPITAL, source="zoo"))  # says the same, and takes the rows
    (other,) = taught(story, learner, OTHER)
    taught(story, learner, replace(OTHER, answer="yes"))
    version = story.live()
    memory, view = checkpoint.memory, built(story, checkpoint, version)
    changed = memory.table.changed_slots(view)
    named = dict(zip(changed.tolist(), memory.owners(view, changed).tolist(), strict=True))
    written = {slot for fact in range(1, other + 2) for slot in slots_of(story, fact)}
    with story.sessions() as session:
        assert slots.owners(session, versions.lineage(session, version), written) == named
    assert story.statuses(rider, other) == ["live", "replaced"]
