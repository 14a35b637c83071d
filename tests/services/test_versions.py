"""Versions: one base, a tree above it, and a head that moves under a lock."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import update

from app.db.tables import Version
from app.errors import (
    DamagedDelta,
    LiveVersionConflict,
    NoPreviousVersion,
    NotBootstrapped,
    VersionNotFound,
    WrongCheckpoint,
)
from app.services import versions
from tests.services.story import BASE_STATE, FINGERPRINT


def test_every_process_may_bootstrap_at_every_start(sessions):
    start = Barrier(6)

    def bootstrap(_: int) -> None:
        start.wait()
        with sessions() as session:
            versions.bootstrap(session, FINGERPRINT, BASE_STATE)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(bootstrap, range(6)))
    with sessions() as session:
        assert versions.head(session, "main") == versions.Live(0, BASE_STATE)


def test_bootstrap_moves_no_head_back(story):
    version = story.learn()
    with story.sessions() as session:
        versions.bootstrap(session, FINGERPRINT, BASE_STATE)
    assert story.live() == version
    assert story.activations() == [0, version]


def test_another_checkpoint_is_refused_and_both_are_named(story):
    with story.sessions() as session, pytest.raises(WrongCheckpoint, match=f"{FINGERPRINT}.*{'e' * 64}"):
        versions.bootstrap(session, "e" * 64, BASE_STATE)


def test_before_the_first_start_there_is_no_head(session):
    with pytest.raises(NotBootstrapped, match="'main'"):
        versions.head(session, "main")


def test_a_lineage_leads_from_the_base_and_leaves_branches_out(story):
    first = story.learn()
    left = story.learn()
    story.activate(first)
    right = story.learn()
    with story.sessions() as session:
        assert versions.lineage(session, left) == [0, first, left]
        assert versions.lineage(session, right) == [0, first, right]
        assert versions.lineage(session, 0) == [0]
        with pytest.raises(VersionNotFound, match="99"):
            versions.lineage(session, 99)


def test_deltas_come_in_the_order_asked_for_without_the_base(story):
    first, second = story.learn(), story.learn()
    with story.sessions() as session:
        found = list(versions.deltas(session, [second, 0, first]))
        assert [version for version, _ in found] == [second, first]
        assert found[1][1].endswith(b"on 0")
        with pytest.raises(VersionNotFound):
            list(versions.deltas(session, [first, 99]))


def test_a_delta_whose_bytes_changed_is_not_handed_out(story):
    version = story.learn()
    with story.sessions.begin() as session:
        session.execute(update(Version).where(Version.id == version).values(delta=b"other rows"))
    with story.sessions() as session, pytest.raises(DamagedDelta, match=f"version {version}"):
        list(versions.deltas(session, [version]))


def test_back_and_forward(story):
    first, second = story.learn(), story.learn()
    assert story.activate("previous") == versions.Activated(live=first, previous=second)
    assert story.activate("previous") == versions.Activated(live=0, previous=first)
    assert story.activate(second) == versions.Activated(live=second, previous=0)
    assert story.activations() == [0, first, second, first, 0, second]


def test_to_where_it_stands_is_no_move(story):
    version = story.learn()
    assert story.activate(version) == versions.Activated(live=version, previous=version)
    assert story.activations() == [0, version]


def test_before_the_base_there_is_nothing(story):
    with pytest.raises(NoPreviousVersion, match="version 0 is the base"):
        story.activate("previous")


def test_only_a_published_version_can_go_live(story):
    story.post()
    ready = story.train(story.claim())
    for unfit in (ready, 99, -1):
        with pytest.raises(VersionNotFound, match=str(unfit)):
            story.activate(unfit)
    assert story.live() == 0
    with story.sessions() as session:
        assert versions.published(session, 0).id == 0
        with pytest.raises(VersionNotFound, match=str(ready)):
            versions.published(session, ready)


def test_who_expects_another_version_is_told_which_is_live(story):
    version = story.learn()
    with pytest.raises(LiveVersionConflict, match=f"version {version} is live, not 0"):
        story.activate(0, expected_live=0)
    assert story.live() == version
    story.activate(0, expected_live=version)
    assert story.live() == 0


def test_of_racing_rollbacks_that_expect_the_same_one_succeeds(story):
    version = story.learn()
    start = Barrier(6)

    def roll_back(_: int) -> bool:
        start.wait()
        try:
            return bool(story.activate("previous", expected_live=version))
        except LiveVersionConflict:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(roll_back, range(6))) == [False] * 5 + [True]
    assert story.activations() == [0, version, 0]


def test_the_list_shows_what_was_published_newest_first(story):
    first = story.learn()
    posted = story.post()
    lost = story.train(story.claim())
    story.acknowledge(lost, wrong=posted.facts)
    story.publish(lost)
    second = story.learn()
    with story.sessions() as session:
        page = versions.page(session, "main", None, 2)
        rest = versions.page(session, "main", page.next_cursor, 2)
        assert [(view.id, view.parent_id, view.live) for view in page.items + rest.items] == [
            (second, first, True),
            (first, 0, False),
            (0, None, False),
        ]
        assert rest.next_cursor is None
        assert versions.get(session, "main", lost).state == "rejected"
        with pytest.raises(VersionNotFound):
            versions.get(session, "main", 99)
