"""Deltas: composition is exact to the bit over any tree of versions, and bytes keep all of it."""

import json

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.errors import DeltaError
from model.memory.delta import Delta, same_bits, tensors_in

SLOTS, WIDTH = 24, 3


def random_delta(seed: int, dtype: torch.dtype) -> Delta:
    generator = torch.Generator().manual_seed(seed)
    count = int(torch.randint(1, 10, (), generator=generator))
    slots = torch.randperm(SLOTS, generator=generator)[:count].sort().values
    rows = torch.randn(4, WIDTH, generator=generator).to(dtype)
    return Delta(slots, rows, torch.randint(0, 4, (count,), generator=generator))


def base(dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(SLOTS, WIDTH, generator=torch.Generator().manual_seed(1)).to(dtype)


trees = st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000_000)), min_size=1, max_size=12)
dtypes = st.sampled_from([torch.float32, torch.bfloat16])


@given(trees, dtypes)
def test_paths_through_a_random_tree_are_bit_exact(tree, dtype):
    narrow = torch.float16 if dtype == torch.float32 else dtype  # learned rows have fewer bits than the table's
    states, paths = [base(dtype)], [[]]
    for parent, seed in tree:
        parent %= len(states)
        delta = random_delta(seed, narrow if seed % 2 else dtype)
        rows = states[parent].clone()
        rows[delta.slots] = delta.after.to(dtype)
        states.append(rows)
        paths.append([*paths[parent], delta])
    for state, path in zip(states, paths, strict=True):
        if path:
            composed, rows = Delta.path(iter(path)), states[0].clone()
            rows[composed.slots] = composed.after.to(dtype)
            assert same_bits(rows, state)
            assert torch.equal(composed.slots, torch.unique(torch.cat([delta.slots for delta in path])))


@given(st.integers(0, 1_000_000), dtypes)
def test_bytes_keep_every_bit(seed, dtype):
    delta = random_delta(seed, dtype)
    for data in (delta.to_bytes(), bytearray(delta.to_bytes())):
        read = Delta.from_bytes(data)
        assert torch.equal(read.slots, delta.slots)
        assert same_bits(read.after, delta.after)


def headed(header: object, data: bytes = bytes(32)) -> bytes:
    """A safetensors file with any header."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(dtype: str = "F32", shape: object = (2, 4), offsets: object = (0, 32)) -> bytes:
    return headed({"slots": {"dtype": dtype, "shape": shape, "data_offsets": offsets}})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a delta",
        b"\x80\x04\x95pickle",
        headed([1, 2]),
        headed({"slots": 3}),
        headed({}),
        tensor("U7"),
        tensor(shape=(2, 5)),
        tensor(shape=(-2, -4)),
        tensor(shape="24"),
        tensor(offsets=(8, 40)),
        tensor(offsets=(-32, 0)),
        tensor(),
        safetensors.torch.save({"slots": torch.arange(3), "rows": torch.zeros(3, 1)}),
    ],
)
def test_other_bytes_are_refused(data):
    with pytest.raises(DeltaError, match="are not a delta"):
        Delta.from_bytes(data)


@given(trees)
def test_any_bytes_that_we_read_safetensors_reads_alike(tree):
    named = {f"t{i}": torch.full((size % 5, 2), seed) for i, (size, seed) in enumerate(tree)}
    data = safetensors.torch.save(named, {"note": "metadata is left out"})
    found = tensors_in(data)
    assert found.keys() == named.keys()
    assert all(torch.equal(found[name], named[name]) for name in named)


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        (torch.tensor([3, 2]), "strictly ascending"),
        (torch.tensor([2, 2]), "strictly ascending"),
        (torch.tensor([-1, 2]), "strictly ascending"),
        (torch.tensor([1, 2], dtype=torch.int32), "not int64"),
        (torch.tensor([1, 2, 3]), "3 slots come with rows"),
        (torch.tensor([], dtype=torch.int64), "0 slots come with rows"),
    ],
)
def test_parts_that_do_not_fit_are_refused(slots, message):
    rows = torch.zeros(2, WIDTH)
    with pytest.raises(DeltaError, match=message):
        Delta(slots, rows)


def test_a_slot_that_names_a_row_that_is_not_there_is_refused():
    with pytest.raises(DeltaError, match="name rows from 0 to 2; there are 2"):
        Delta(torch.tensor([1, 5]), torch.zeros(2, WIDTH), torch.tensor([0, 2]))


def test_what_slots_have_in_common_is_stored_once_however_deltas_are_composed():
    rows = torch.randn(2, WIDTH)
    one = Delta(torch.tensor([1, 2, 3]), rows[:1], torch.zeros(3, dtype=torch.int64))
    other = Delta(torch.tensor([3, 4, 5]), rows[1:], torch.zeros(3, dtype=torch.int64))
    both = one.then(other)
    assert same_bits(both.rows, rows)
    assert both.which.tolist() == [0, 0, 1, 1, 1]
    gone = both.then(Delta(torch.tensor([1, 2]), rows[1:], torch.zeros(2, dtype=torch.int64)))
    assert len(gone.rows) == 2
