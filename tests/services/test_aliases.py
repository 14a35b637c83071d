"""Aliases follow nothing by themselves, two changes at once are two changes, and all of them are written down."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.errors import AliasNotFound, InvalidInput, NoPreviousVersion, VersionNotFound
from app.services import aliases, kept, names, versions
from app.services.names import Named
from tests.services.story import TESTER, Story


def put(story: Story, name: str, version: Named, reason: str = "a test") -> int | None:
    with story.sessions() as session:
        return aliases.put(session, "main", name, version, reason=reason, actor=TESTER).version_id


def delete(story: Story, name: str) -> None:
    with story.sessions() as session:
        aliases.delete(session, "main", name, reason="no more", actor=TESTER)


def meant(story: Story, name: Named) -> int:
    with story.sessions() as session:
        return versions.resolve(session, "main", name)


def changes(story: Story, name: str | None = None) -> list[tuple[str, int | None, int | None]]:
    with story.sessions() as session:
        found = aliases.changes(session, "main", None, 50, name).items
    return [(one.name, one.previous_id, one.version_id) for one in reversed(found)]


def test_a_name_means_its_version_whatever_goes_live(story: Story):
    first = story.learn()
    assert put(story, "blessed", "live") == first
    second = story.learn()
    assert meant(story, "blessed") == first
    assert put(story, "newest", "live") == second
    assert story.activate("blessed") == versions.Activated(live=first, previous=second)
    assert [meant(story, name) for name in ("blessed", "newest", "live", "previous")] == [first, second, first, 0]
    assert put(story, "copy", "newest") == second
    put(story, "newest", first)
    assert meant(story, "copy") == second


def test_previous_is_the_parent_of_the_live_version_wherever_it_is_named(story: Story):
    first, second = story.learn(), story.learn()
    story.activate(first)
    branch = story.learn()  # `second` was published last before it, and is not what lies beneath
    assert branch > second
    with story.sessions() as session:
        assert kept.one(session, "main", "previous").version == first
        assert aliases.derived(session, "main") == aliases.Derived(branch, first)
    story.activate("previous")
    story.activate("previous")
    with story.sessions() as session:
        assert aliases.derived(session, "main") == aliases.Derived(0, None)
    with pytest.raises(NoPreviousVersion):
        put(story, "below", "previous")


def test_every_set_and_delete_is_written_down(story: Story):
    version = story.learn()
    put(story, "a", 0)
    put(story, "a", version)
    put(story, "a", version)
    put(story, "b", 0)
    delete(story, "a")
    put(story, "a", 0)
    told = [("a", None, 0), ("a", 0, version), ("a", version, version), ("b", None, 0), ("a", version, None)]
    assert changes(story) == [*told, ("a", None, 0)]
    assert changes(story, "b") == [("b", None, 0)]
    with story.sessions() as session:
        page = aliases.changes(session, "main", None, 2)
        rest = aliases.changes(session, "main", page.next_cursor, 50)
        assert [one.id for one in page.items + rest.items] == [6, 5, 4, 3, 2, 1]
        assert {(one.actor, one.reason) for one in rest.items} == {("tester", "a test")}
        assert page.items[1].reason == "no more"
        newest = aliases.page(session, "main", None, 1)
        assert [one.name for one in newest.items] == ["b"]
        assert [one.name for one in aliases.page(session, "main", newest.next_cursor, 1).items] == ["a"]


def test_what_is_deleted_means_nothing(story: Story):
    put(story, "gone", 0)
    delete(story, "gone")
    with story.sessions() as session:
        assert aliases.page(session, "main", None, 50).items == []
    with pytest.raises(VersionNotFound, match="no version is called 'gone'"):
        meant(story, "gone")
    for name in ("gone", "never"):
        with pytest.raises(AliasNotFound, match=f"there is no alias '{name}'"):
            delete(story, name)


def test_only_a_published_version_gets_a_name(story: Story):
    story.post()
    ready = story.train(story.claim())
    for unfit in (ready, 99):
        with pytest.raises(VersionNotFound, match=f"no published version {unfit}"):
            put(story, "a", unfit)
    with pytest.raises(VersionNotFound, match="'unset'"):
        put(story, "a", "unset")
    assert changes(story) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("live", "name: 'live' is reserved; it is always the version that answers now"),
        ("previous", "name: 'previous' is reserved; it is always the parent of the live version"),
        ("12", "name: '12' has digits alone"),
        ("", "name: '' is no name; 1 to 64 of a-z"),
        ("Blessed", "name: 'Blessed' is no name"),
        ("a b", "name: 'a b' is no name"),
        ("a\n", "is no name"),
        ("١٢", "is no name"),
        ("..", "name: '..' is no name"),
        ("a" * 65, "name: 65 characters; at most 64 are allowed"),
    ],
)
def test_a_bad_name_is_refused(story: Story, name: str, said: str):
    for change in (lambda: put(story, name, 0), lambda: delete(story, name)):
        with pytest.raises(InvalidInput) as refused:
            change()
        assert said in str(refused.value)


@pytest.mark.parametrize("name", ["a", "1.0", "2026-11-28", "_", "a" * 64])
def test_a_good_name_is_taken(name: str):
    assert names.fault(name) is None


def test_of_names_set_at_once_each_change_follows_the_one_before(story: Story):
    story.learn()
    start = Barrier(6)

    def race(turn: int) -> None:
        start.wait()
        put(story, "raced", turn % 2)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(race, range(6)))
    found = changes(story, "raced")
    assert len(found) == 6
    assert [before for _, before, _ in found] == [None, *(after for _, _, after in found[:-1])]
    assert meant(story, "raced") == found[-1][2]
