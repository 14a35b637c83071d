"""Stems: each place of an answer has its own, and permutes all slots."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from model.memory.rows import MAX_NUMBER
from model.memory.stem import EMPTY, longer, permuted, stems

tokens = st.lists(st.integers(0, 200_000), max_size=12)


@given(tokens)
def test_every_place_of_an_answer_has_another_stem_however_often_a_token_comes(answer):
    found = stems(answer)
    assert len(found) == len(answer) + 1 == len(set(found))
    assert found[0] == EMPTY
    assert all(EMPTY < stem <= MAX_NUMBER for stem in found[1:])


def test_repeated_tokens_have_places_of_their_own():
    assert len(set(stems([7] * 200))) == 201


@given(tokens, tokens)
def test_answers_that_differ_have_other_stems_from_there_on(one, other):
    if one != other:
        assert stems(one)[-1] != stems(other)[-1]


@given(st.integers(1, MAX_NUMBER), st.sampled_from([256, 1024, 65_536, 49 * 49]))
def test_a_stem_permutes_all_slots(stem, count):
    moved = permuted(torch.arange(count), stem, count)
    assert torch.equal(moved.sort().values, torch.arange(count))


def test_where_an_answer_begins_slots_stay_as_they_are():
    assert torch.equal(permuted(torch.arange(256), EMPTY, 256), torch.arange(256))
    assert longer(EMPTY, 0) != EMPTY
