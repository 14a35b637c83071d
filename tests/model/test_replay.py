"""Replaying from the first memory layer up says what a full pass says."""

import pytest
import torch

from model.config import MemoryConfig
from model.delta import Delta
from model.replay import Replay
from model.text import TokenRows
from tests import tiny

TWO = MemoryConfig((1, 3), heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
LAST = MemoryConfig((3,), heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
DIRECT = MemoryConfig((3,), readout="direct", heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
BESIDE = MemoryConfig((2,), placement="beside", heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)


def batch() -> TokenRows:
    real = torch.ones(3, 10, dtype=torch.bool)
    real[1, 7:] = False
    answer = torch.zeros_like(real)
    answer[0, 8:], answer[1, 4:7], answer[2, 9] = True, True, True
    return TokenRows(torch.randint(0, 256, (3, 10)), real, answer)


@pytest.mark.parametrize("language", [tiny.llama(), tiny.qwen3()], ids=["llama", "qwen3"])
@pytest.mark.parametrize(
    "memory", [tiny.MEMORY, TWO, LAST, DIRECT, BESIDE], ids=["one", "two", "last", "direct", "beside"]
)
def test_a_replay_through_another_view_equals_a_full_pass_through_it(language, memory):
    checkpoint = tiny.build(language, memory)
    table, rows = checkpoint.table, batch()
    checkpoint.context.use(table.base)
    replay = Replay(checkpoint, rows)
    before = table.rows[:256].clone()
    view = table.enter(table.base, Delta(torch.arange(256), before + torch.randn_like(before)))
    checkpoint.context.use(view)
    with torch.no_grad():
        full = checkpoint.model.get_decoder()(input_ids=rows.ids).last_hidden_state
        replayed = replay(replay.bag())
    assert replay.asked.sum() == 6
    torch.testing.assert_close(replayed, full[replay.asked], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(replay(replay.bag(), torch.arange(6) == 2), replayed[2:3])


def test_places_of_a_text():
    checkpoint = tiny.build(memory=DIRECT)
    checkpoint.context.use(checkpoint.table.base)
    replay = Replay(checkpoint, batch())
    fact = replay.fact(torch.tensor([False, True, False]))
    assert fact.own == slice(2, 5)
    assert torch.equal(fact.slots, replay.addresses[2:5].flatten(1))
    assert torch.equal(fact.addresses, fact.slots)
    everything = Replay(tiny.build(), batch())
    assert everything.fact(torch.tensor([True, False, False])).own == slice(0, 10)
