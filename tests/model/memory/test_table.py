"""The value table: views never disturb each other, state hashes follow the formula, rows come back."""

import hashlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import SpareRowsExhausted, WrongState
from model.memory.delta import Delta, same_bits
from model.memory.table import FLAT, PAGE, ValueTable, View, _looked_up

SLOTS, WIDTH, FINGERPRINT = 2 * PAGE + 32, 4, "f0" * 32  # three pages, of which the last is not full


def table(spare_rows: int = 64, places: int = 8, page: int | None = PAGE) -> ValueTable:
    return ValueTable(SLOTS, WIDTH, spare_rows, places, FINGERPRINT, page=page)


def change(slots: list[int], seed: int = 0) -> Delta:
    index = torch.tensor(slots)
    after = torch.randn(len(slots), WIDTH, generator=torch.Generator().manual_seed(seed))
    return Delta(index, after.half())


def content(values: ValueTable, view: View) -> torch.Tensor:
    return values.read(view, torch.arange(SLOTS))


def hash_by_definition(values: ValueTable, view: View) -> str:
    total = int(FINGERPRINT, 16)
    for slot, (row, original) in enumerate(zip(content(values, view), content(values, values.base), strict=True)):
        if not same_bits(row, original):
            data = slot.to_bytes(8, "little") + row.numpy().tobytes()
            total += int.from_bytes(hashlib.sha256(data).digest(), "big")
    return f"{total % 2**256:064x}"


pages = st.sampled_from([PAGE, None])  # several, or one that is a whole view


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 10_000)), min_size=1, max_size=6), pages)
@settings(max_examples=20, deadline=None)
def test_every_view_of_a_random_tree_keeps_its_rows_and_hash(tree, page):
    values = table(page=page)
    views, contents = [values.base], [content(values, values.base)]
    for parent, seed in tree:
        parent %= len(views)
        slots = torch.randperm(SLOTS, generator=torch.Generator().manual_seed(seed))[:5].sort().values
        delta = change(slots.tolist(), seed)
        views.append(values.enter(views[parent], delta))
        expected = contents[parent].clone()
        expected[delta.slots] = delta.after
        contents.append(expected)
    for view, expected in zip(views, contents, strict=True):
        assert same_bits(content(values, view), expected)
        assert view.state_hash == hash_by_definition(values, view) == values.state_of(view)
        differing = (expected != contents[0]).any(dim=1).nonzero()[:, 0]
        assert torch.equal(values.changed_slots(view), differing)


def test_the_base_has_the_fingerprint_as_state_hash_and_a_way_back_restores_it():
    values = table()
    delta = change([1, 5, 9])
    view = values.enter(values.base, delta)
    assert values.base.state_hash == FINGERPRINT
    assert view.state_hash != FINGERPRINT
    back = values.enter(view, Delta(delta.slots, values.read(values.base, delta.slots)))
    assert back.state_hash == FINGERPRINT
    assert values.room().rows == 3


def test_a_view_in_use_is_untouched_by_later_versions_and_by_their_release():
    values = table(spare_rows=4)
    first = values.enter(values.base, change([0, 1], 1))
    kept = content(values, first)
    second = values.enter(first, change([1, 2], 2))
    values.release(second)
    third = values.enter(first, change([3, 4], 3))
    assert same_bits(content(values, first), kept)
    assert values.room().rows == 4
    values.release(first)
    values.release(third)
    assert values.room().rows == 0


def test_rows_stay_while_a_user_remains():
    values = table()
    view = values.retain(values.enter(values.base, change([7])))
    values.release(view)
    assert values.room().rows == 1
    values.release(view)
    assert values.room().rows == 0


def test_too_few_spare_rows_are_refused_with_numbers_and_nothing_changes():
    values = table(spare_rows=3)
    view = values.enter(values.base, change([0, 1]))
    kept = content(values, view)
    with pytest.raises(SpareRowsExhausted, match="needs 2 spare rows; 1 of 3 are free"):
        values.enter(view, change([4, 5]))
    assert same_bits(content(values, view), kept)
    assert values.room().rows == 2


def test_a_refused_version_takes_no_place_and_no_row():
    values = table(places=2)
    values.enter(values.base, change([0]))
    with pytest.raises(SpareRowsExhausted, match="all 2 places hold views in use"):
        values.enter(values.base, change([1]))
    assert values.room().rows == 1


def test_a_delta_made_from_other_rows_leads_to_another_state():
    values = table()
    first, second = change([2, 3], 1), change([3, 4], 2)
    one, other = values.enter(values.base, first), values.enter(values.base, second)
    assert values.enter(one, second).state_hash != values.enter(other, first).state_hash


def test_a_slot_outside_of_the_table_is_refused():
    row = torch.zeros(1, WIDTH).half()
    with pytest.raises(WrongState, match=f"slot {SLOTS} is outside of a table of {SLOTS} slots"):
        table().enter(table().base, Delta(torch.tensor([SLOTS]), row))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 10_000)), min_size=4, max_size=14), pages)
@settings(max_examples=20, deadline=None)
def test_views_entered_and_released_in_any_order_keep_their_rows_and_give_all_back(moves, page):
    values = table(spare_rows=14 * 9, places=9, page=page)  # rows of a view that was left live on in its children
    kept = [(values.base, content(values, values.base))]
    for leaves, which, seed in moves:
        which %= len(kept)
        if (leaves and which) or len(kept) == 9:
            values.release(kept.pop(which or 1)[0])
            continue
        view, rows = kept[which]
        slots = torch.randperm(SLOTS, generator=torch.Generator().manual_seed(seed))[:9].sort().values
        delta = change(slots.tolist(), seed)
        rows = rows.clone()
        rows[delta.slots] = delta.after
        kept.append((values.enter(view, delta), rows))
        for view, rows in kept:
            assert same_bits(content(values, view), rows)
    for view, _ in kept[1:]:
        values.release(view)
    assert values.room().rows == 0
    filled = table(spare_rows=SLOTS * 2, places=3, page=page)  # what came back is enough for views that share no page
    for _ in range(3):
        views = [filled.enter(filled.base, change(list(range(SLOTS)), seed)) for seed in (1, 2)]
        assert filled.room().rows == 2 * SLOTS
        for view in views:
            filled.release(view)
        assert filled.room().rows == 0


@pytest.mark.parametrize("page", [PAGE, None])
def test_the_views_of_a_batch_are_located_side_by_side(page):
    values = table(page=page)
    first = values.enter(values.base, change([0, PAGE, SLOTS - 1], 1))
    second = values.enter(first, change([PAGE, 2 * PAGE], 2))
    slots = torch.randint(0, SLOTS, (3, 5, 7), generator=torch.Generator().manual_seed(3))
    slots[:, 0, :4] = torch.tensor([0, PAGE, 2 * PAGE, SLOTS - 1])
    views = (second, values.base, first)
    rows = values.rows[values.locate(torch.tensor([view.place for view in views])[:, None, None], slots)]
    for view, own, seen in zip(views, slots, rows, strict=True):
        assert same_bits(seen, values.read(view, own.flatten()).view(5, 7, WIDTH))


@pytest.mark.parametrize("page", [PAGE, None])
def test_tensors_and_arrays_are_looked_up_alike(page):
    values = table(page=page)
    view = values.enter(values.base, change([3, PAGE + 1, 2 * PAGE + 9]))
    places = torch.tensor([[view.place], [values.base.place]])
    slots = torch.arange(SLOTS).expand(2, -1)
    tensors = values.origins(places), slots, values._page_of, values._pages
    assert torch.equal(_looked_up(*tensors, values._bits), values.locate(places, slots))


def test_a_version_costs_pages_for_what_it_changes_and_no_others():
    values = table()
    before = values.room().pages
    view = values.enter(values.base, change([1, 2, PAGE - 1, 2 * PAGE + 5]))
    assert (before, values.room().pages) == (1, 3)
    child = values.enter(view, change([PAGE]))
    assert values.room().pages == 4
    values.release(view)
    assert values.room().pages == 4  # the child still reads both pages of its parent
    values.release(child)
    assert values.room().pages == 1


def test_a_table_chooses_one_page_for_a_small_view_and_small_pages_for_a_large_one():
    assert table(page=None).room().pages == 1
    large = ValueTable(FLAT + 1, 1, 1, 2, FINGERPRINT)
    assert large.room().all_pages == 1 + FLAT // PAGE + 1


def test_rows_that_were_damaged_are_told_by_their_state():
    values = table()
    view = values.enter(values.base, change([3, PAGE + 1]))
    assert values.state_of(view) == view.state_hash
    values.rows[1] += 1
    assert values.state_of(view) != view.state_hash


def test_what_fails_while_it_is_written_leaves_its_room_to_others():
    table = ValueTable(40_000, 2, 40_000, 3, "0")
    slots = torch.arange(40_000)
    change = Delta(slots, torch.ones(40_000, 2).half())
    before = table.room()

    def interrupt() -> None:
        raise KeyboardInterrupt

    draft = table.draft(table.base, change)
    with pytest.raises(KeyboardInterrupt):
        table.settle(draft, interrupt)
    assert table.room() == before
    view = table.settle(draft)
    assert torch.equal(table.read(view, slots), change.after)


def test_work_on_many_rows_rests_between_short_pieces_and_users_come_and_go_meanwhile():
    values = ValueTable(SLOTS, 1024, 2 * SLOTS, 3, FINGERPRINT)
    slots = torch.arange(SLOTS)
    delta = Delta(slots, torch.ones(SLOTS, 1024).half())
    rests = []

    def rest() -> None:
        values.release(values.retain(values.base))  # would wait for ever if a lock were held here
        rests.append(values.base.users)

    view = values.settle(values.draft(values.base, delta, rest), rest)
    assert view.state_hash == values.enter(values.base, delta).state_hash
    assert rests == [1] * 2 * (SLOTS // 32 - 1)  # pieces of 32 rows, 2 kB each


def test_the_base_has_one_row_of_zeros_and_one_page_whatever_its_size():
    values = table()
    assert values.room().pages == 1
    assert not content(values, values.base).any()
    assert not len(values.changed_slots(values.base))


def test_a_slot_that_a_delta_empties_has_the_base_s_row_again():
    values = table()
    delta = change([5, 300, 543])
    delta.rows[1] = 0
    view = values.enter(values.base, delta)
    assert values.changed_slots(view).tolist() == [5, 543]
    back = values.enter(view, Delta(delta.slots, torch.zeros(3, WIDTH).half()))
    assert not content(values, back).any()
    assert back.state_hash == FINGERPRINT == values.state_of(back)
    for one in (view, back):
        values.release(one)
    assert values.room().rows == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 10_000)), min_size=3, max_size=12), pages)
@settings(max_examples=20, deadline=None)
def test_slots_of_any_pages_share_rows_which_come_back_with_the_last_of_them(moves, page):
    values = table(spare_rows=400, places=20, page=page)
    kept = [(values.base, content(values, values.base))]
    for leaves, which, seed in moves:
        which %= len(kept)
        if leaves and which:
            values.release(kept.pop(which)[0])
            continue
        view, rows = kept[which]
        generator = torch.Generator().manual_seed(seed)
        slots = torch.randperm(SLOTS, generator=generator)[:30].sort().values
        own = torch.randn(3, WIDTH, generator=generator).half()
        delta = Delta(slots, own, torch.randint(0, 3, (30,), generator=generator))
        rows = rows.clone()
        rows[slots] = delta.after
        before = values.room().rows
        kept.append((values.enter(view, delta), rows))
        assert values.room().rows == before + len(delta.which.unique())
        for view, rows in kept:
            assert same_bits(content(values, view), rows)
            assert view.state_hash == values.state_of(view)
    for view, _ in kept[1:]:
        values.release(view)
    assert values.room().rows == 0
