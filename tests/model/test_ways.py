"""Several facts about the same words stand beside each other: each in a way of its own, found by what is asked."""

from dataclasses import replace

import pytest
import torch

from model.checkpoint import Checkpoint
from model.config import MemoryConfig
from model.delta import Delta
from model.finetune import learn
from model.memory import MemoryContext
from model.retrofit import memory_layers
from model.study import Probe, Study, StudyText
from model.values import ValueTable
from model.ways import Ways
from tests import tiny
from tests.model.test_intent import OWNER, PLACE, QUICK, answers, study

CONFIG = replace(tiny.KEYED, ways=4)
WIDTH, KEY = CONFIG.value_width, CONFIG.intent_width


def test_ways_share_the_row_of_their_address_and_later_ones_lie_behind_all_addresses():
    addresses = torch.randint(0, CONFIG.addresses, (3, 50))
    ways = Ways(CONFIG).of(addresses)
    assert ways.shape == (3, 50, 4)
    assert torch.equal(ways[..., 0], addresses)
    assert (ways[..., 1:] >= CONFIG.addresses).all()
    assert (ways < CONFIG.slots).all()
    assert (ways % CONFIG.base_rows == addresses[..., None] % CONFIG.base_rows).all()


def test_ways_of_different_addresses_are_spread_over_those_that_they_could_have():
    config = replace(CONFIG, sub_keys=1_024, sharing=256)
    same_row = torch.arange(256) * config.base_rows
    later = Ways(config).of(same_row)[:, 1:]
    assert len(later.unique()) > 200  # of 256, hit 768 times


def test_ways_with_several_memory_layers_are_refused():
    with pytest.raises(ValueError, match="ways is 4; it must be 1 with 2 memory layers"):
        replace(CONFIG, layers=(1, 3), readout="gated")


@pytest.mark.parametrize("sharing", [4, 16])
def test_a_table_has_as_many_slots_again_for_later_ways(sharing):
    config = MemoryConfig((3,), query="words", heads=1, top_k=28, sub_keys=32, sharing=sharing, ways=2, intent_width=4)
    assert (config.addresses, config.slots, config.base_rows) == (1_024, 2_048, 1_024 // sharing)
    assert replace(config, ways=1).slots == 1_024


def test_ways_without_keys_are_refused():
    with pytest.raises(ValueError, match="ways is 2; it must be 1 where slots have no keys"):
        MemoryConfig((3,), ways=2)


def keyed(direction: int, threshold: float = 1.0) -> torch.Tensor:
    """A row whose key says how much of one direction is asked."""
    key = torch.zeros(KEY)
    key[direction] = threshold
    return torch.cat([torch.full((WIDTH,), float(direction)), key, torch.tensor([threshold])])


def context() -> tuple[MemoryContext, torch.Tensor]:
    """A base without keys, and the ways (4,) of an address."""
    base = torch.cat([torch.randn(CONFIG.base_rows, WIDTH), torch.zeros(CONFIG.base_rows, KEY + 1)], dim=1)
    table = ValueTable(base, 64, 4, "ab" * 32, slots=CONFIG.slots)
    return MemoryContext(table, tiny.intent(KEY), Ways(CONFIG)), Ways(CONFIG).of(torch.tensor(77))


def chosen(context: MemoryContext, ways: torch.Tensor, direction: int, **how: object) -> int:
    """Which way is chosen by who asks along a direction."""
    address, intent = ways[:1].view(1, 1, 1, 1), torch.eye(KEY)[direction].view(1, 1, -1)
    return int((ways == context.chosen(address, intent, **how).item()).nonzero()[0])


def test_the_nearest_key_is_read_and_the_first_free_way_where_none_is_open():
    memory, ways = context()
    order = ways[:3].sort()
    rows = torch.stack([keyed(0), keyed(1), keyed(2)])[order.indices]
    memory.use(memory.table.enter(memory.table.base, Delta(order.values, rows)))
    assert [chosen(memory, ways, direction) for direction in range(4)] == [0, 1, 2, 3]
    assert chosen(memory, ways, 3, taken=ways[3:]) == 0, "there is none left"
    memory.use(memory.table.base)
    assert chosen(memory, ways, 1) == 0
    assert chosen(memory, ways, 1, taken=ways[:2]) == 2


def test_a_way_that_is_open_too_little_is_read_but_not_written_again():
    memory, ways = context()
    row = torch.cat([torch.ones(WIDTH), torch.eye(KEY)[0], torch.tensor([1.5])])  # half open to direction 0
    memory.use(memory.table.enter(memory.table.base, Delta(ways[:1], row[None])))
    assert chosen(memory, ways, 0) == 0
    assert chosen(memory, ways, 0, least=0.9) == 1


def test_of_two_open_ways_the_nearer_is_read_also_where_the_other_is_open_further():
    memory, ways = context()
    towards = torch.zeros(KEY)
    towards[:2] = torch.tensor([0.6, 0.8])
    wide = torch.cat([torch.ones(WIDTH), 3 * torch.eye(KEY)[0], torch.tensor([1.0])])  # long key, cosine .6
    near = torch.cat([torch.ones(WIDTH), torch.eye(KEY)[1], torch.tensor([1.0])])  # short key, cosine .8
    order = ways[:2].sort()
    rows = torch.stack([wide, near])[order.indices]
    memory.use(memory.table.enter(memory.table.base, Delta(order.values, rows)))
    found = memory.chosen(ways[:1].view(1, 1, 1, 1), towards.view(1, 1, -1))
    assert found.item() == ways[1]


def test_the_bag_is_that_of_the_way_that_is_read():
    memory, ways = context()
    order = ways[:2].sort()
    rows = torch.stack([keyed(0), keyed(1)])[order.indices]
    memory.use(memory.table.enter(memory.table.base, Delta(order.values, rows)))
    address, weight = ways[:1].view(1, 1, 1, 1), torch.tensor(2.0).view(1, 1, 1, 1)
    beneath = memory.table.rows[ways[0] % CONFIG.base_rows, :WIDTH]
    for direction in (0, 1):
        bag = memory.bag(3, address, weight, torch.eye(KEY)[direction].view(1, 1, -1))
        torch.testing.assert_close(bag[0, 0], 2 * (beneath + direction))
    closed = memory.bag(3, address, weight, torch.eye(KEY)[2].view(1, 1, -1))
    torch.testing.assert_close(closed[0, 0], 2 * beneath)


@pytest.fixture
def checkpoint() -> Checkpoint:
    """A model whose addresses know one word in every question, and whose intents tell an owner from a place."""
    checkpoint = tiny.build(memory=CONFIG, spare_rows=4_096)
    (layer,) = memory_layers(checkpoint.model)
    assert layer.words is not None
    bos, name = checkpoint.tokenizer.bos_token_id, checkpoint.tokenizer.encode("B")
    layer.words.rarity.zero_()
    layer.words.rarity[layer.words.spelling.whole[[bos, *name]]] = 1.0
    checkpoint.context.intent = tiny.hearing("ni", KEY)
    return checkpoint


@pytest.mark.parametrize("group", [1, 2], ids=["one by one", "together"])
def test_two_facts_with_the_same_words_are_both_answered_and_stand_in_ways_of_their_own(checkpoint, group):
    table = checkpoint.table
    learned = learn(checkpoint, table.base, [study(OWNER, "me"), study(PLACE, "up")], replace(QUICK, group=group))
    assert [report.reason for report in learned.reports] == ["", ""]
    view = table.enter(table.base, learned.delta)
    assert answers(checkpoint, view, OWNER, PLACE) == ["me", "up"]
    first, second = (report.slots.slots for report in learned.reports)
    assert not torch.isin(first, second).any()
    assert (second >= CONFIG.addresses).any(), "where the first fact has the address"


def test_what_asks_the_same_is_written_where_it_stands(checkpoint):
    table = checkpoint.table
    old = learn(checkpoint, table.base, [study(OWNER, "me")], QUICK)
    view = table.enter(table.base, old.delta)
    new = learn(checkpoint, view, [study(OWNER, "us")], QUICK)
    assert torch.isin(new.reports[0].slots.slots, old.reports[0].slots.slots).any()
    assert (new.reports[0].slots.slots < CONFIG.addresses).all(), "no later way was needed"
    assert answers(checkpoint, table.enter(view, new.delta), OWNER) == ["us"]


def test_an_exported_version_has_its_ways(checkpoint, tmp_path):
    table = checkpoint.table
    learned = learn(checkpoint, table.base, [study(OWNER, "me"), study(PLACE, "up")], QUICK)
    checkpoint.export(learned.delta, tmp_path / "exported")
    exported = Checkpoint.load(tmp_path / "exported", spare_rows=0, places=1)
    exported.context.intent = checkpoint.context.intent
    assert answers(exported, exported.table.base, OWNER, PLACE) == ["me", "up"]


def test_a_wording_that_asks_it_otherwise_is_written_anew_where_the_others_are(checkpoint):
    """«n» and «i» are heard; the second wording asks «i», too, and is less like the two on the whole."""
    table, other = checkpoint.table, "Who own it, B?"
    both = (StudyText.asked(OWNER, "me"), StudyText.asked(other, "me"))
    old = learn(checkpoint, table.base, [Study(both, Probe("question", OWNER, "me"), True)], QUICK)
    view = table.enter(table.base, old.delta)
    again = tuple(StudyText.asked(text.question, "us") for text in both)
    new = learn(checkpoint, view, [Study(again, Probe("question", OWNER, "us"), True)], QUICK)
    assert (new.reports[0].slots.slots < CONFIG.addresses).all(), "no later way was needed"
    assert answers(checkpoint, table.enter(view, new.delta), OWNER, other) == ["us", "us"]


def test_a_fact_that_fails_leaves_no_gap_before_the_ways_of_others(checkpoint):
    """The first fact of the group would have had the first ways; nobody looks behind a free one."""
    table = checkpoint.table
    unlearnable = Study((StudyText.asked(OWNER, "me"),), Probe("question", OWNER, "impossible"), True)
    learned = learn(checkpoint, table.base, [unlearnable, study(PLACE, "up")], QUICK)
    assert [report.learned for report in learned.reports] == [False, True]
    view = table.enter(table.base, learned.delta)
    assert answers(checkpoint, view, PLACE) == ["up"]
    own = learned.reports[1].slots.slots
    gaps = learned.delta.slots[~torch.isin(learned.delta.slots, own)]
    rows = table.read(view, gaps)
    assert len(gaps)
    assert torch.isin(gaps, learned.reports[0].slots.slots).all()
    assert not rows[:, :-1].any()
    assert (rows[:, -1] > 1).all(), "closed to all"
