"""Slots: who owns them, who wrote them, in which order they are listed, and where two versions differ."""

import pytest

from app.errors import SlotNotFound, VersionNotFound
from app.services import handed, learning, publishing, slot_statistics, slots
from app.services.slots import Layout, SlotChange, SlotOrder
from model.memory.traffic import Traffic
from tests.services import story as people
from tests.services.story import FINGERPRINT, Story

LAYOUT = Layout(FINGERPRINT, addresses=4, ways=4)


def write(story: Story, *own: int, took_over: tuple[int, ...] = ()) -> tuple[int, int]:
    """A fact that writes these slots, live: its number and its version."""
    (fact,) = story.post().facts
    claim = story.claim()
    learned = people.learned(claim, took_over={fact: took_over})
    rows = handed.WrittenSlots(own, [fact] * len(own), [0.5] * len(own), [3.0] * len(own))
    with story.sessions() as session:
        version = learning.commit_version(session, claim, handed.LearnedVersion(**{**vars(learned), "slots": rows}))
    story.acknowledge(version)
    assert story.publish(version).state == "published"
    return fact, version


def read(story: Story, **reads: int) -> None:
    with story.sessions() as session:
        batch = Traffic(10, {int(name.removeprefix("at_")): count for name, count in reads.items()})
        slot_statistics.add(session, FINGERPRINT, batch)


def listed(story: Story, order: SlotOrder = "slot", limit: int = 50, **only: int) -> list[slots.SlotView]:
    """All pages, one behind the other."""
    found, cursor = [], None
    while True:
        with story.sessions() as session:
            page = slots.page(session, "main", LAYOUT, order=order, cursor=cursor, limit=limit, **only)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def owners(story: Story) -> dict[int, int | None]:
    return {view.slot: view.owner for view in listed(story)}


def test_a_slot_is_owned_by_the_fact_that_has_its_row_there_and_by_nobody_when_that_has_gone(story: Story):
    first, version = write(story, 0, 1)
    other, _ = write(story, 9)
    assert owners(story) == {9: other, 1: first, 0: first}
    later, _ = write(story, 1, 2, took_over=(first,))
    assert owners(story) == {9: other, 2: later, 1: later, 0: None}
    story.forget(later)
    story.go_without()
    assert owners(story) == {9: other, 2: None, 1: None, 0: None}
    story.activate(version)
    assert owners(story) == {9: None, 2: None, 1: first, 0: first}


def test_slots_come_in_the_order_that_is_asked_for_page_by_page(story: Story):
    first, _ = write(story, 0, 1, 9)
    second, _ = write(story, 1, 5, took_over=(first,))
    read(story, at_0=7, at_2=9)
    by_reads = [(9, 9), (1, 7), (0, 7), (5, 0)]
    for limit in (1, 2, 50):
        assert [(one.slot, one.reads) for one in listed(story, "reads", limit)] == by_reads
        assert [(one.slot, one.writes) for one in listed(story, "writes", limit)] == [(1, 2), (9, 1), (5, 1), (0, 1)]
        assert next((one.slot, one.facts) for one in listed(story, "facts", limit)) == (1, 2)
        assert [one.slot for one in listed(story, "slot", limit)] == [9, 5, 1, 0]
    assert [one.slot for one in listed(story, fact=second)] == [5, 1]
    assert [one.slot for one in listed(story, address=0)] == [1, 0]
    assert {one.slot: one.address for one in listed(story)} == {0: 0, 1: 0, 5: 1, 9: 2}


def test_the_history_of_a_slot_names_every_version_that_wrote_it(story: Story):
    first, one = write(story, 6)
    second, two = write(story, 6, took_over=(first,))
    read(story, at_1=3)
    with story.sessions() as session:
        found = slots.get(session, "main", LAYOUT, 6)
        empty = slots.get(session, "main", LAYOUT, 15)
        with pytest.raises(SlotNotFound, match="there is no slot 16; the last of this memory is 15"):
            slots.get(session, "main", LAYOUT, 16)
    assert (found.slot.owner, found.slot.reads, found.slot.writes, found.slot.facts) == (second, 3, 2, 2)
    assert [(each.version, each.fact, each.score) for each in found.history] == [(two, second, 0.5), (one, first, 0.5)]
    assert (empty.slot.owner, empty.slot.address, empty.history) == (None, 3, [])


def test_the_map_has_every_address_and_tells_the_live_version_alone(story: Story):
    first, version = write(story, 0, 1)
    write(story, 2, 8)
    read(story, at_0=4, at_3=1)
    with story.sessions() as session:
        found = slots.every_address(session, "main", LAYOUT)
    assert (found.reads, found.written, found.facts) == ([4, 0, 0, 1], [3, 0, 1, 0], [2, 0, 1, 0])
    assert found.counted.queries == 10
    story.activate(version)
    with story.sessions() as session:
        found = slots.every_address(session, "main", LAYOUT)
    assert (found.version, found.written, found.facts) == (version, [2, 0, 0, 0], [1, 0, 0, 0])
    assert first


def test_slots_that_differ_are_told_with_their_owners_on_both_sides(story: Story):
    first, one = write(story, 0, 1)
    kept, two = write(story, 9)
    second, three = write(story, 1, 2, took_over=(first,))
    with story.sessions() as session:
        there = slots.between(session, "main", two, three, None, 2)
        rest = slots.between(session, "main", two, three, there.next_cursor, 2)
        back = slots.between(session, "main", three, 0, None, 50).items
        same = slots.between(session, "main", one, one, None, 50).items
        with pytest.raises(VersionNotFound):
            slots.between(session, "main", 0, 99, None, 50)
    assert [*there.items, *rest.items] == [
        SlotChange(2, None, second), SlotChange(1, first, second), SlotChange(0, first, None)
    ]  # fmt: skip
    assert back == [SlotChange(9, kept, None), SlotChange(2, second, None), SlotChange(1, second, None)]
    assert (same, rest.next_cursor) == ([], None)


def test_what_an_attempt_wrote_that_never_went_live_is_no_history(story: Story):
    (fact,) = story.post().facts
    version = story.train(story.claim())  # writes slot 7
    story.acknowledge(version)
    assert listed(story) == []
    with story.sessions() as session:
        publishing.publish(session, story.settings, version)
    assert owners(story) == {7: fact}
