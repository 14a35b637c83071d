"""Anchors: a version's difference from the base, in parts that are read back to the same bits."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.errors import DeltaError, WrongState
from model.memory import anchor
from model.memory.anchor import from_base, parts_of
from model.memory.delta import Delta, same_bits
from model.memory.table import ValueTable, View

SLOTS, WIDTH = 300, 3


def table(page: int | None = None) -> ValueTable:
    return ValueTable(SLOTS, WIDTH, 2 * SLOTS, 8, "ab" * 32, page=page)


def changed(values: ValueTable, parent: View, seed: int) -> View:
    generator = torch.Generator().manual_seed(seed)
    slots = torch.randperm(SLOTS, generator=generator)[:40].sort().values
    return values.enter(parent, Delta(slots, torch.randn(40, WIDTH, generator=generator).half()))


@given(st.lists(st.integers(0, 10_000), max_size=4), st.sampled_from([None, 64]), st.sampled_from([1, 60, 1 << 20]))
def test_an_anchor_leads_from_the_base_to_the_same_rows_and_hash(seeds, page, part_bytes):
    values = table(page)
    view = values.base
    for seed in seeds:
        view = changed(values, view, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anchor, "PART_BYTES", part_bytes)
        stored = [part.to_bytes() for part in parts_of(values, view)]
    delta = from_base(values, map(Delta.from_bytes, stored))
    again = values.enter(values.base, delta)
    every = torch.arange(SLOTS)
    assert again.state_hash == view.state_hash
    assert same_bits(values.read(again, every), values.read(view, every))
    assert len(stored) == -(-len(delta.slots) // max(1, part_bytes // (WIDTH * 2)))


def test_no_anchor_is_made_of_damaged_rows():
    values = table()
    view = changed(values, values.base, 1)
    values.rows[1] += 1
    with pytest.raises(WrongState, match="not those that it was entered with"):
        next(parts_of(values, view))


def test_parts_that_do_not_fit_together_or_to_the_table_are_refused():
    values = table()
    part = Delta(torch.tensor([3, 5]), torch.zeros(2, WIDTH).half())
    with pytest.raises(DeltaError, match="strictly ascending"):
        from_base(values, [part, part])
    for slot, rows, refusal in (
        (SLOTS, torch.zeros(1, WIDTH).half(), f"slot {SLOTS} is outside"),
        (3, torch.zeros(1, WIDTH), f"rows of width {WIDTH} in torch.float32 do not fit"),
    ):
        with pytest.raises(WrongState, match=refusal):
            values.enter(values.base, Delta(torch.tensor([slot]), rows))
