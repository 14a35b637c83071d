"""Namespaces: each with its own live version, jobs, lease and pause, in one database and in turn."""

import pytest

from app.errors import (
    FactNotFound,
    InvalidInput,
    JobNotFound,
    KeyNotFound,
    NamespaceNotFound,
    NamespaceTaken,
    VersionNotFound,
)
from app.services import (
    activations,
    aliases,
    audit,
    facts,
    figures,
    forgetting,
    jobs,
    kept,
    keys,
    learning,
    namespaces,
    pausing,
    relearn,
    versions,
)
from app.services.audit import holder
from app.services.figures import Mark
from app.services.versions import Live
from tests.services.story import BASE_STATE, CAPITAL, TESTER, Story


def namespace_of(story: Story, name: str) -> Story:
    """A story of a new namespace, in the same database."""
    with story.sessions() as session:
        namespaces.create(session, name, reason=None, actor=TESTER)
        key = keys.create(session, f"a writer of {name}", "admin", namespace=name)[0]
    return Story(story.sessions, story.settings, key)


@pytest.fixture
def atlas(story: Story) -> Story:
    return namespace_of(story, "atlas")


def test_a_namespace_begins_at_the_base_and_goes_its_own_way(story, atlas):
    story.learn(CAPITAL)
    assert (story.live(), atlas.live()) == (1, 0)
    second = atlas.learn(CAPITAL)
    assert (story.live(), atlas.live()) == (1, second)
    atlas.activate("previous")
    assert (story.live(), atlas.live()) == (1, 0)
    with story.sessions() as session:
        assert versions.lineage(session, second) == [0, second], "its parent is the base, not what is live elsewhere"
        assert versions.heads(session) == {"main": versions.head(session, "main"), "atlas": Live(0, BASE_STATE)}
        for name, live in (("main", [1]), ("atlas", [0])):
            page = versions.page(session, name, None, 9)
            assert [one.id for one in page.items if one.live] == live, "also where both stand on one version"
        assert [one.version for one in kept.every(session, "atlas")] == [second, 0]
        assert [one.version_id for one in activations.page(session, "atlas", None, 9).items] == [0, second, 0]


def test_what_is_of_another_namespace_is_not_found(story, atlas):
    posted = story.post(CAPITAL)
    version = story.go_live()
    with story.sessions() as session:
        for kind, call in (
            (FactNotFound, lambda: facts.get(session, "atlas", posted.facts[0])),
            (FactNotFound, lambda: forgetting.forget(session, atlas.key, posted.facts[0])),
            (JobNotFound, lambda: jobs.get(session, "atlas", posted.job)),
            (VersionNotFound, lambda: versions.get(session, "atlas", version)),
            (VersionNotFound, lambda: kept.one(session, "atlas", version)),
            (VersionNotFound, lambda: aliases.put(session, "atlas", "a", version, reason="a test", actor=TESTER)),
            (VersionNotFound, lambda: versions.activate(session, "atlas", version, reason="a test", actor=TESTER)),
            (KeyNotFound, lambda: keys.revoke(session, story.key.id, namespace="atlas")),
        ):
            with pytest.raises(kind, match="there is no"):
                call()
        assert facts.page(session, "atlas", None, 9).items == jobs.page(session, "atlas", None, 9).items == []
        assert facts.of_job(session, "atlas", posted.job) == facts.of_version(session, "atlas", version) == []
    assert atlas.submit(CAPITAL).new, "it is no duplicate of what another namespace knows"


def test_a_key_sees_keys_and_changes_of_its_namespace_and_main_sees_all(story, atlas):
    with story.sessions() as session:
        assert [key.id for key in keys.page(session, "atlas", None, 9).items] == [atlas.key.id]
        assert [key.id for key in keys.page(session, "main", None, 9).items] == [atlas.key.id, story.key.id]
        keys.create(session, "another", "reader", namespace="atlas", actor=holder(atlas.key))
        mine = audit.page(session, "atlas", None, 9).items
        assert [(one.actor, one.subject) for one in mine] == [(atlas.key.name, "key 3 of atlas, reader: another")]
        assert [one.action for one in audit.page(session, "main", None, 9).items] == [
            "keys.create",
            "keys.create",
            "namespaces.create",
            "keys.create",
        ]
        assert keys.revoke(session, atlas.key.id).revoked_at, "the last admin of another namespace can be made anew"


def test_namespaces_are_told_with_what_is_live_in_them(story, atlas):
    atlas.learn(CAPITAL)
    atlas.learn()
    atlas.activate("previous")
    with story.sessions() as session:
        first = namespaces.page(session, "main", None, 1)
        assert [(one.name, one.live, one.facts) for one in first.items] == [("atlas", 1, 1)]
        (second,) = namespaces.page(session, "main", first.next_cursor, 1).items
        assert (second.name, second.live, second.facts, second.actor) == ("main", 0, 0, "slotwise")
        assert [one.name for one in namespaces.page(session, "atlas", None, 9).items] == ["atlas"]


@pytest.mark.parametrize("name", ["", "Atlas", "a b", "-a", ".", "é", "a\n", "a" * 65])
def test_what_cannot_be_a_name_is_refused_with_the_rule(story, session, name):
    with pytest.raises(InvalidInput, match=r"name: .*; 1 to 64 of a-z, 0-9, dot, hyphen and underscore"):
        namespaces.create(session, name, reason=None, actor=TESTER)


def test_a_namespace_is_made_once_and_keys_need_one(story, session):
    for name in ("main", "a" * 64, "7.x_y-z"):
        if name != "main":
            assert namespaces.create(session, name, reason="a test", actor=TESTER).reason == "a test"
        with pytest.raises(NamespaceTaken, match=f"there is a namespace '{name}' already"):
            namespaces.create(session, name, reason=None, actor=TESTER)
    with pytest.raises(NamespaceNotFound, match="there is no namespace 'nowhere'"):
        keys.create(session, "a", "reader", namespace="nowhere")


def test_learning_takes_turns_however_much_is_queued_in_one_namespace(story, atlas):
    other = namespace_of(story, "other")
    for _ in range(4):
        story.post()
    for each in (atlas, other):
        each.post()
        each.post()
    claimed = []
    while len(claimed) < 8:
        claim = story.claim()
        claimed.append(claim.namespace)
        story.acknowledge(version := story.train(claim))
        story.publish(version)
    assert sorted(claimed[:3]) == sorted(claimed[3:6]) == ["atlas", "main", "other"]
    assert claimed[6:] == ["main", "main"]


def test_a_namespace_that_waits_for_engines_or_is_paused_holds_up_no_other(story, atlas):
    story.post()
    story.post()
    story.train(story.claim())  # it is verifying now
    atlas.post()
    claim = story.claim()
    assert claim.namespace == "atlas", "the lease is that of a namespace"
    assert story.nothing_to_claim()
    with story.sessions() as session:
        learning.put_down(session, claim, "a test")
        pausing.put(session, "atlas", True, reason="a test", actor=TESTER)
        assert pausing.is_paused(session, "atlas")
        assert not pausing.is_paused(session, "main")
    assert story.nothing_to_claim()
    assert story.sweep() == []
    with story.sessions() as session:
        pausing.put(session, "atlas", False, reason="a test", actor=TESTER)
    assert story.sweep() == [claim.job]


def test_leases_of_the_dead_are_ended_in_every_namespace(story, atlas):
    posted = [each.post().job for each in (story, atlas)]
    for _ in posted:
        story.claim("dead")
    assert len(story.sweep("dead")) == 1, "one bell wakes a worker, which then learns for all"
    assert [story.job(job).state for job in posted] == ["queued", "queued"]


def test_publications_and_rollbacks_of_all_namespaces_are_counted_as_what_they_are(story, atlas):
    """The version that is made last may go live first: another namespace's is no rollback behind it."""
    story.post()
    atlas.post()
    made = [story.train(story.claim()) for _ in range(2)]
    for version in reversed(made):
        story.acknowledge(version)
        assert story.publish(version).state == "published"
    atlas.activate(0)
    with story.sessions() as session:
        found = figures.read(session, story.settings, Mark())
        assert (len(found.published), found.rollbacks, found.namespaces) == (2, ["back"], 2)
        assert {status: count for status, (count, _) in found.facts.items()} == {"live": 1, "rolled_back": 1}
        again = figures.read(session, story.settings, found.mark)
    assert (again.published, again.rollbacks) == ([], [])


def test_moves_are_read_in_their_order_though_namespaces_move_at_once(story, atlas):
    """Who has read a number has read all smaller ones: the second to move waits until the first has committed."""
    with story.sessions() as first, story.sessions() as second:
        start = activations.last_move(first)
        versions.move_head(first, versions.locked_head(first, "main"), 0, reason="a test", actor="tester")
        second.connection().exec_driver_sql("SET lock_timeout = '100ms'")
        with pytest.raises(Exception, match="lock timeout"):
            versions.move_head(second, versions.locked_head(second, "atlas"), 0, reason="a test", actor="tester")
        second.rollback()
        first.commit()
        atlas.activate(0, abort_in_flight=True)
        assert [(one.namespace, one.abort_in_flight) for one in activations.moves(second, start)] == [
            ("main", False),
            ("atlas", True),
        ]


def test_another_base_is_taught_what_is_live_in_every_namespace(story, atlas):
    story.learn(CAPITAL)
    atlas.learn(CAPITAL)
    with story.sessions() as session:
        taught = relearn.relearn(session, "e" * 64, "2" * 64, TESTER)
        assert relearn.relearn(session, "e" * 64, "2" * 64, TESTER) == taught
        assert [jobs.get(session, name, job).kind for name, job in zip(("atlas", "main"), taught, strict=True)] == [
            "relearn",
            "relearn",
        ]
        assert versions.heads(session) == dict.fromkeys(("main", "atlas"), Live(0, "2" * 64))
