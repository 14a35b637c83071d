"""Resident versions: the least recently used make room, the pinned one and those in use never do."""

import pytest
import torch

from model.errors import NotResident, SpareRowsExhausted
from model.memory.delta import Delta
from model.memory.resident import Versions
from model.memory.table import ValueTable


def kept(places: int = 4, spare_rows: int = 64) -> tuple[ValueTable, Versions]:
    table = ValueTable(16, 2, spare_rows, places, "0")
    return table, Versions(table)


def delta(table: ValueTable, slot: int, value: float) -> Delta:
    slots = torch.tensor([slot])
    return Delta(slots, torch.full((1, 2), value).half())


def test_the_least_recently_used_version_makes_room():
    table, versions = kept(places=3)
    versions.enter(1, 0, delta(table, 1, 1.0))
    versions.enter(2, 0, delta(table, 2, 2.0))
    versions.view(1)
    versions.enter(3, 0, delta(table, 3, 3.0))
    assert [versions.view(version) is not None for version in (0, 1, 2, 3)] == [True, True, False, True]


def test_spare_rows_are_freed_by_dropping_versions_too():
    table, versions = kept(places=8, spare_rows=2)
    for version in (1, 2, 3):
        versions.enter(version, 0, delta(table, version, 1.0))
    assert versions.view(1) is None
    assert table.room().rows == 2


def test_the_pinned_version_is_never_dropped():
    table, versions = kept(places=3)
    versions.enter(1, 0, delta(table, 1, 1.0))
    versions.pin(1)
    for version in (2, 3, 4):
        versions.enter(version, 0, delta(table, version, 1.0))
        versions.drop(1)
    assert versions.view(1) is not None
    assert versions.bind()[0] == 1


def test_versions_in_use_are_not_dropped_where_that_would_free_nothing():
    table, versions = kept(places=4)
    for version in (1, 2, 3):
        versions.enter(version, 0, delta(table, version, 1.0))
    bound = [versions.bind(version)[1] for version in (1, 2, 3)]
    with pytest.raises(SpareRowsExhausted, match="all 4 places hold views in use"):
        versions.enter(4, 0, delta(table, 4, 1.0))
    assert set(versions.resident()) == {0, 1, 2, 3}
    versions.release(bound[1])
    versions.enter(4, 0, delta(table, 4, 1.0))
    assert set(versions.resident()) == {0, 1, 3, 4}


def test_a_bound_version_that_is_dropped_keeps_its_rows_until_it_is_released():
    table, versions = kept(places=2)
    versions.enter(1, 0, delta(table, 5, 7.0))
    _, view = versions.bind(1)
    with pytest.raises(SpareRowsExhausted):
        versions.enter(2, 0, delta(table, 5, 8.0))
    assert float(table.read(view, torch.tensor([5]))[0, 0]) == 7.0
    versions.release(view)
    versions.enter(2, 0, delta(table, 5, 8.0))
    assert versions.view(2) is not None


def test_the_base_and_what_was_entered_are_resident_of_a_lineage():
    table, versions = kept()
    versions.enter(3, 0, delta(table, 1, 1.0))
    assert max({0, 2, 3, 5}.intersection(versions.resident())) == 3
    assert max({0, 2}.intersection(versions.resident())) == 0


def test_unknown_versions_are_not_resident():
    table, versions = kept()
    with pytest.raises(NotResident, match="version 9"):
        versions.bind(9)
    with pytest.raises(NotResident, match="version 9"):
        versions.enter(10, 9, delta(table, 1, 1.0))
    with pytest.raises(NotResident, match="version 9"):
        versions.pin(9)


def test_entering_a_resident_version_again_keeps_the_first_view():
    table, versions = kept()
    first = versions.enter(1, 0, delta(table, 1, 1.0))
    assert versions.enter(1, 0, delta(table, 1, 1.0)) is first
    assert table.room().rows == 1


def test_a_damaged_view_is_told_and_replaced_while_who_reads_it_goes_on():
    table, versions = kept()
    change = delta(table, 1, 5.0)
    versions.enter(1, 0, change)
    versions.pin(1)
    assert versions.intact(1)
    _, damaged = versions.bind(1)
    table.rows[1:] = 7  # every spare row
    assert not versions.intact(1)
    fresh = versions.replace(1, 0, change)
    assert versions.intact(1)
    assert versions.bind()[1] is fresh is not damaged
    assert damaged.users == 1


def test_the_report_names_who_is_resident_for_whom():
    table, versions = kept()
    versions.enter(1, 0, delta(table, 1, 1.0))
    versions.enter(2, 0, delta(table, 2, 1.0))
    versions.bind(1)
    versions.bind(1)
    told = versions.report()
    assert [(one.version, one.users) for one in told] == [(0, 0), (2, 0), (1, 2)]
    assert told[0].idle_seconds >= told[2].idle_seconds >= 0
    assert versions.resident() == [0, 2, 1]


def test_a_version_that_needs_much_room_is_hashed_once(monkeypatch):
    table, versions = kept(places=8, spare_rows=4)
    for version in (1, 2, 3, 4):
        versions.enter(version, 0, delta(table, version, 1.0))
    drafts = []
    monkeypatch.setattr(table, "draft", lambda *given: drafts.append(given) or ValueTable.draft(table, *given))
    slots = torch.arange(4)
    versions.enter(5, 0, Delta(slots, torch.ones(4, 2).half()))
    assert versions.resident() == [0, 5]
    assert len(drafts) == 1


def test_whoever_builds_rests_while_others_are_served_and_only_then(monkeypatch):
    rests = []
    monkeypatch.setattr("model.memory.resident.time.sleep", rests.append)
    table = ValueTable(64, 1024, 256, 8, "0")  # 32 rows are a piece of work
    versions = Versions(table)
    slots = torch.arange(64)
    change = Delta(slots, torch.ones(64, 1024).half())
    versions.enter(1, 0, change)
    assert rests == []
    _, view = versions.bind(0)
    versions.enter(2, 0, change)
    assert len(rests) == 2 * 1
    assert all(0 < rest <= 0.02 for rest in rests)
    versions.release(view)
    versions.enter(3, 0, change)
    assert len(rests) == 2 * 1
