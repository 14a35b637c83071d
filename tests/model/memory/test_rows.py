"""Rows: what is packed comes back, numbers exactly, and thresholds never lower than they were."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from model.memory.demand import WIDTH
from model.memory.rows import MAX_NUMBER, RowLayout, Written, digits, numbers
from model.memory.sketch import WORDS
from tests.tiny import MEMORY

LAYOUT = RowLayout(MEMORY)


def written(count: int = 3, seed: int = 0) -> Written:
    generator = torch.Generator().manual_seed(seed)
    B = MEMORY.whom_width + MEMORY.sketch_width
    return Written(
        100 * torch.randn(count, MEMORY.value_width, generator=generator),
        F.normalize(torch.randn(count, MEMORY.what_width, generator=generator), dim=1),
        F.normalize(torch.randn(count, B, generator=generator), dim=1),
        torch.rand(count, 2, generator=generator),
        torch.randint(0, WORDS, (count, WIDTH), generator=generator),
        torch.randint(0, MAX_NUMBER, (count,), generator=generator),
        torch.randint(1, MAX_NUMBER, (count,), generator=generator),
    )


@given(st.lists(st.integers(0, MAX_NUMBER), min_size=1, max_size=8))
def test_a_number_of_44_bits_survives_16_bit_floats(given_numbers):
    packed = digits(torch.tensor(given_numbers)).to(torch.float16)
    assert numbers(packed).tolist() == given_numbers


@given(st.integers(0, 1000))
def test_packed_rows_come_back_and_no_threshold_is_lowered(seed):
    before = written(seed=seed)
    after = LAYOUT.unpack(LAYOUT.pack(before))
    assert torch.equal(after.stems, before.stems)
    assert torch.equal(after.demands, before.demands)
    assert torch.equal(after.owners, before.owners)
    assert torch.allclose(after.values, before.values, rtol=1e-3)
    assert torch.allclose(after.what, before.what, atol=1e-3)
    assert torch.allclose(after.whom, before.whom, atol=1e-3)
    assert bool((after.thresholds >= before.thresholds).all())
    assert torch.allclose(after.thresholds, before.thresholds, atol=1e-3)


def test_a_row_of_zeros_belongs_to_nobody():
    rows = torch.zeros(1, LAYOUT.width, dtype=torch.float16)
    assert LAYOUT.unpack(rows).owners.tolist() == LAYOUT.owners(rows, torch.tensor([0])).tolist() == [0]
