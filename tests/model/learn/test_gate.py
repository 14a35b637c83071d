"""The gate: it counts the background queries that a version would answer from memory, and nothing else."""

import torch

from model.learn.gate import Drift, Gate
from model.memory.delta import Delta
from model.memory.demand import Demand
from model.memory.rows import Written
from tests import tiny


def written(checkpoint, what, whom, thresholds, stem=0):
    """A view with one row behind a key, in slot 7."""
    value = torch.zeros(1, tiny.MEMORY.value_width)
    numbers = torch.tensor([Demand().numbers()]), torch.tensor([stem]), torch.tensor([1])
    row = Written(value, what[None], whom[None], torch.tensor([thresholds]), *numbers)
    table = checkpoint.table
    return table.enter(table.base, Delta(torch.tensor([7]), checkpoint.memory.layout.pack(row)))


def test_a_key_that_background_queries_open_is_counted_once_for_each_of_them():
    checkpoint = tiny.build(spare_rows=64)
    gate, bank = Gate(checkpoint), checkpoint.memory.addressing.background.bank
    own = written(checkpoint, bank.what[3], bank.whom[3], (0.95, 0.95))
    every = written(checkpoint, bank.what[3], bank.whom[3], (-1.0, -1.0))
    nobody = written(checkpoint, bank.what[3], bank.whom[4], (0.95, 0.95))
    base = checkpoint.table.base
    assert gate.drift(base, own) == Drift(len(bank), 0, 1)
    assert gate.drift(own, every) == Drift(len(bank), 1, len(bank))
    assert gate.drift(every, nobody) == Drift(len(bank), len(bank), 0)
    assert Gate(checkpoint).drift(every, own) == Drift(len(bank), len(bank), 1)
    assert gate.drift(base, every).share == 1.0
    assert gate.drift(every, base).share == 0.0


def test_rows_behind_a_first_token_are_no_keys():
    checkpoint = tiny.build(spare_rows=64)
    bank = checkpoint.memory.addressing.background.bank
    view = written(checkpoint, bank.what[0], bank.whom[0], (-1.0, -1.0), stem=5)
    assert Gate(checkpoint).drift(checkpoint.table.base, view).opened_after == 0
