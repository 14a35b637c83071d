"""Blocks of the cache: none is lost, none has two owners, and a beginning is found by its tokens alone."""

from hypothesis import given
from hypothesis import strategies as st

from model.engine.blocks import BLOCK, Blocks, blocks_for, names

PROMPTS = [[letter] * length for letter in (1, 2) for length in (10, 64, 65, 128, 200)] + [[1] * 64 + [2] * 90]


def read(blocks: Blocks, ids: list[int]) -> list[int] | None:
    """The blocks of a prompt that was processed; None where there was no room."""
    table = blocks.find(ids)
    while len(table) < blocks_for(len(ids)):
        block = blocks.take()
        if block is None:
            blocks.give(table)
            return None
        table.append(block)
    for block, name in zip(table, names(ids), strict=False):
        blocks.name(block, name)
    return table


@given(st.integers(1, 12), st.lists(st.tuples(st.sampled_from(PROMPTS), st.booleans()), max_size=30))
def test_no_block_is_lost_and_only_those_who_begin_alike_share_one(count, actions):
    blocks, running = Blocks(count), []
    for ids, ends in actions:
        if ends and running:
            blocks.give(running.pop(0)[1])
        elif (table := read(blocks, ids)) is not None:
            running.append((ids, table))
        used = {block for _, table in running for block in table}
        assert blocks.room == count - len(used)
        assert 0 not in used
        for ids, table in running:
            for other, others in running:
                for place, block in enumerate(table):
                    if block in others:
                        end = BLOCK * (place + 1)
                        assert ids is other or (others[place] == block and ids[:end] == other[:end])
    for _, table in running:
        blocks.give(table)
    assert blocks.room == count
    assert sorted(block for block in iter(blocks.take, None)) == list(range(1, count + 1))
    assert blocks.kept == 0


def test_a_token_is_left_to_process():
    blocks = Blocks(8)
    blocks.give(read(blocks, list(range(64))))
    assert blocks.find(list(range(64))) == []
    assert len(blocks.find(list(range(65)))) == 1
    assert blocks.find([1, *range(64)]) == []


def test_the_least_recently_used_are_forgotten_ends_before_beginnings():
    blocks, long, other = Blocks(4), list(range(200)), [7] * 130
    blocks.give(read(blocks, long))
    blocks.give(read(blocks, other))  # one block was free, and two of the first prompt's had to be forgotten
    assert blocks.kept == 3
    assert len(blocks.find(long)) == 1
    assert len(blocks.find(other)) == 2


def test_what_is_used_is_not_forgotten():
    blocks = Blocks(3)
    table = read(blocks, [1] * 192)
    assert blocks.take() is None
    blocks.give(table)
    assert blocks.room == 3
