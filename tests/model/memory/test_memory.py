"""The memory: what opens, what is read, and that nothing is where nothing opens."""

import torch
from torch.nn import functional as F

from model.memory.delta import Delta
from model.memory.demand import Demand
from model.memory.memory import Asked, Looked, Memory
from model.memory.query import Query
from model.memory.rows import RowLayout, Written
from model.memory.sketch import Spoken, Words
from model.memory.stem import EMPTY, longer, permuted
from model.memory.table import ValueTable, View
from tests.tiny import FINGERPRINT, MEMORY, addressing


def memory() -> Memory:
    return Memory(addressing(), ValueTable(MEMORY.slots, RowLayout(MEMORY).width, 512, 8, FINGERPRINT))


def asked(memory: Memory, seed: int, words: Words = Words()) -> Asked:
    generator = torch.Generator().manual_seed(seed)
    B = MEMORY.whom_width + MEMORY.sketch_width
    what = F.normalize(torch.randn(1, MEMORY.what_width, generator=generator), dim=1)
    whom = F.normalize(torch.randn(1, B, generator=generator), dim=1)
    slots, scores = memory.addressing.slots(Query(what, whom))
    return Asked(what[0], whom[0], slots[0], scores[0], words)


def near(memory: Memory, one: Asked, step: float) -> Asked:
    """What is asked `step` away from `one` in both halves."""
    moved = [F.normalize(half + step * F.normalize(half.flip(0), dim=0), dim=0) for half in (one.what, one.whom)]
    return Asked(*moved, one.slots, one.scores)


def taught(
    memory: Memory,
    view: View,
    key: Asked,
    fact: int,
    *,
    stem: int = EMPTY,
    thresholds: tuple[float, float] = (0.7, 0.7),
    demand: Demand = Demand(),
) -> View:
    """The view with a row of `fact` at the first of the key's slots that is free."""
    slots = permuted(key.slots.flatten(), stem, memory.table.slots)
    slot = int(slots[(memory.owners(view, slots) == 0).nonzero()[0, 0]])
    value = torch.full((1, MEMORY.value_width), float(fact))
    numbers = torch.tensor([demand.numbers()]), torch.tensor([stem]), torch.tensor([fact])
    row = Written(value, key.what[None], key.whom[None], torch.tensor([thresholds]), *numbers)
    return memory.table.enter(view, Delta(torch.tensor([slot]), memory.layout.pack(row)))


def test_nothing_is_read_in_the_base():
    one = memory()
    assert one.read([Looked(asked(one, seed), one.table.base) for seed in range(20)]) == [None] * 20
    assert one.read([]) == []


def test_a_row_opens_to_its_own_key_alone():
    one = memory()
    key = asked(one, 0)
    view = taught(one, one.table.base, key, 5)
    found = one.read([Looked(key, view), *(Looked(asked(one, seed), view) for seed in range(1, 20))])
    assert [each and each.fact for each in found] == [5] + [None] * 19
    assert found[0] is not None
    assert found[0].gate > 0.9
    assert torch.equal(found[0].value, torch.full((MEMORY.value_width,), 5.0))


def test_each_half_must_reach_its_threshold():
    one = memory()
    key, other = asked(one, 0), asked(one, 1)
    view = taught(one, one.table.base, key, 5)
    elsewhere = Asked(key.what, other.whom, key.slots, key.scores)
    otherwise = Asked(other.what, key.whom, key.slots, key.scores)
    assert one.read([Looked(elsewhere, view), Looked(otherwise, view)]) == [None, None]


def test_the_nearest_of_the_rows_that_open_is_read():
    one = memory()
    key = asked(one, 0)
    far = near(one, key, 0.5)
    view = taught(one, taught(one, one.table.base, far, 5, thresholds=(0.5, 0.5)), key, 6, thresholds=(0.5, 0.5))
    found = one.read([Looked(key, view), Looked(far, view)])
    assert [each and each.fact for each in found] == [6, 5]


def test_of_equal_keys_the_fact_that_came_last_is_read():
    one = memory()
    key = asked(one, 0)
    view = taught(one, taught(one, one.table.base, key, 5), key, 6)
    (found,) = one.read([Looked(key, view)])
    assert found is not None
    assert found.fact == 6


def test_a_row_behind_a_stem_is_read_there_alone():
    one = memory()
    key, stem = asked(one, 0), longer(EMPTY, 7)
    view = taught(one, one.table.base, key, 5, stem=stem)
    found = one.read([Looked(key, view, stem), Looked(key, view), Looked(key, view, longer(stem, 7))])
    assert [each and each.fact for each in found] == [5, None, None]


def test_a_place_has_the_same_bits_alone_and_in_company():
    one = memory()
    generator = torch.Generator().manual_seed(3)
    states = {layer: torch.randn(9, MEMORY.value_width, generator=generator) for layer in one.addressing.layers}
    sketches = F.normalize(torch.randn(9, MEMORY.sketch_width, generator=generator), dim=1)
    spoken = [Spoken(sketch, Words(frozenset({n}))) for n, sketch in enumerate(sketches.numpy())]
    together = one.ask(states, spoken)
    for place in range(9):
        here = slice(place, place + 1)
        (alone,) = one.ask({layer: state[here] for layer, state in states.items()}, spoken[here])
        assert torch.equal(alone.what, together[place].what)
        assert torch.equal(alone.whom, together[place].whom)
        assert torch.equal(alone.slots, together[place].slots)
        assert alone.words.said == {place}


def test_a_row_opens_only_where_all_of_its_names_are_asked():
    one = memory()
    key = asked(one, 0, Words(frozenset({3, 5, 8})))
    view = taught(one, taught(one, one.table.base, key, 5, demand=Demand((3, 8))), key, 6, demand=Demand((3, 9)))
    assert [each and each.fact for each in one.read([Looked(key, view)])] == [5]
    for words in map(Words, (frozenset(), frozenset({3}), frozenset({8, 9}))):
        assert one.read([Looked(Asked(key.what, key.whom, key.slots, key.scores, words), view)]) == [None]
