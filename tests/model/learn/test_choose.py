"""Scores and counts against slow references written from the formulas."""

import math
from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st

from model import access
from model.tfidf import inverse_document_frequency, score, top_t

slot_counts = st.dictionaries(st.integers(0, 200), st.tuples(st.integers(1, 50), st.integers(0, 30)), min_size=1)


@given(slot_counts, st.integers(30, 400))
def test_score_follows_the_paper(table, batches):
    """score(i) = c(i)/Σc · ln((|B|+1)/(df(i)+1))."""
    total = sum(count for count, _ in table.values())
    expected = [count / total * math.log((batches + 1) / (df + 1)) for count, df in table.values()]
    counts = torch.tensor([count for count, _ in table.values()])
    df = torch.tensor([df for _, df in table.values()], dtype=torch.int32)
    given_scores = score(counts, inverse_document_frequency(df, batches))
    assert torch.allclose(given_scores, torch.tensor(expected, dtype=torch.float64))


@given(slot_counts, st.integers(1, 40), st.randoms())
def test_top_t_is_the_sorted_head_whatever_the_order(table, t, shuffle):
    slots, values = list(table), [float(df) for _, df in table.values()]
    expected = sorted((-value, slot) for slot, value in zip(slots, values, strict=True) if value > 0)[:t]
    order = list(range(len(slots)))
    shuffle.shuffle(order)
    shuffled = torch.tensor([slots[i] for i in order])
    chosen = top_t(shuffled, torch.tensor([values[i] for i in order]), t)
    assert shuffled[chosen].tolist() == [slot for _, slot in expected]


def test_counts_are_raw_reads_without_padding():
    torch.manual_seed(0)
    layers = [torch.randint(0, 40, (3, 5, 2, 4)) for _ in range(2)]
    real = torch.rand(3, 5) < 0.6
    expected: Counter[int] = Counter()
    for reads in layers:
        for row in range(3):
            for token in range(5):
                if real[row, token]:
                    expected.update(reads[row, token].flatten().tolist())
    slots, counts = access.count(layers, real)
    assert dict(zip(slots.tolist(), counts.tolist(), strict=True)) == dict(expected)


def test_usage_gives_shares_of_slots_and_of_reads():
    reads = torch.cat([torch.zeros(50, dtype=torch.int64), torch.arange(1, 51)])
    in_use, top_share = access.usage(reads, 100)
    assert in_use == 0.51
    assert top_share == 0.5
