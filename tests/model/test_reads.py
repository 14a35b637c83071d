"""The index of what is held still finds what a search of all places finds."""

import pytest
import torch

from model.reads import Held, Reads, nearest_of


def reads(places: int, seed: int) -> Reads:
    generator = torch.Generator().manual_seed(seed)
    slots = torch.stack([torch.randperm(50, generator=generator)[:6] for _ in range(places)])
    return Reads(slots, torch.rand(places, 6, generator=generator))


def test_reads_as_rows_over_chosen_slots():
    dense = Reads(torch.tensor([[3, 7], [1, 9]]), torch.tensor([[0.5, 0.25], [1.0, 2.0]])).on(torch.tensor([1, 3, 8]))
    assert dense.tolist() == [[0.0, 0.5, 0.0], [1.0, 0.0, 0.0]]
    repeated = Reads(torch.tensor([[3, 7]]), torch.tensor([[0.5, 0.25]])).on(torch.tensor([7, 3, 1, 7]))
    assert repeated.tolist() == [[0.25, 0.5, 0.0, 0.25]]


def test_the_nearest_places_are_those_that_read_most_of_the_slots():
    parts = [reads(40, 0), reads(3, 1), reads(20, 2)]
    held = Held()
    for part in parts:
        held = held.adding(part)
    every = Reads(torch.cat([part.slots for part in parts]), torch.cat([part.weights for part in parts]))
    slots = torch.tensor([2, 11, 30, 31, 49])
    weight = every.on(slots).sum(dim=1)
    wanted = weight.topk(10).indices
    found, read = held.nearest(slots, 10)
    torch.testing.assert_close(read, weight[wanted])
    torch.testing.assert_close(found.slots, every.slots[wanted])
    torch.testing.assert_close(found.on(slots).sum(dim=1), weight[wanted])


def test_places_that_read_none_of_the_slots_are_not_found():
    held = Held().adding(Reads(torch.tensor([[1, 2]]), torch.tensor([[0.5, 0.5]])))
    for one in (held, Held()):
        found, read = one.nearest(torch.tensor([7]), 5)
        assert len(found) == len(read) == 0


def test_of_two_sources_the_nearest_are_found_among_all():
    held = [Held().adding(reads(40, 0)), Held().adding(reads(30, 1))]
    slots = [torch.tensor([2, 11, 30]), torch.tensor([30, 31, 49, 7])]
    read = [one.levels[0].reads.on(own).sum(dim=1) for one, own in zip(held, slots, strict=True)]
    least = torch.cat(read).topk(12).values.min()
    found = nearest_of(list(zip(held, slots, strict=True)), 12)
    assert [len(one) for one in found] == [int((of_one >= least).sum()) for of_one in read]
    assert sum(len(one) for one in found) == 12
    assert [len(one) for one in nearest_of([(Held(), slots[0]), (held[1], slots[1])], 5)] == [0, 5]
    assert [len(one) for one in nearest_of([(Held(), slots[0]), (Held(), slots[1])], 5)] == [0, 0]


def test_adding_leaves_the_old_one_as_it_was_and_keeps_few_levels():
    first = Held().adding(reads(8, 0))
    held = first
    for seed in range(1, 30):
        held = held.adding(reads(4, seed))
    assert len(first.levels) == 1
    assert sum(len(level.reads) for level in held.levels) == 8 + 29 * 4
    assert len(held.levels) <= 6


def test_the_volume_of_a_slot_is_its_squared_weight_beside_that_of_the_average_slot():
    held = Held()
    for slots, weights in (([0, 1], [0.5, 0.5]), ([0, 2], [0.5, 1.0])):
        held = held.adding(Reads(torch.tensor([slots]), torch.tensor([weights])))
    every = torch.arange(4)
    assert held.volume(every, 4).tolist() == pytest.approx([0.5 / 0.4375, 0.25 / 0.4375, 1.0 / 0.4375, 0.0])
    assert held.volume(torch.tensor([2]), 8).tolist() == pytest.approx([2.0 / 0.4375])
    assert Held().volume(every, 4).tolist() == [0.0] * 4


def test_what_is_common_to_places_is_the_sum_of_their_weights():
    held = Held().adding(reads(9, 0)).adding(reads(1, 1)).adding(reads(6, 2))
    slots = torch.tensor([3, 20, 41])
    summed = sum(level.reads.on(slots).sum(dim=0) for level in held.levels)
    torch.testing.assert_close(held.common(slots), summed / 4)
    assert Held().common(slots).tolist() == [0.0] * 3
