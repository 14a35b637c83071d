"""Blocks of the cache: none is lost, none has two owners, and a beginning is found by its tokens alone."""

from hypothesis import given
from hypothesis import strategies as st

from model.engine.blocks import BLOCK, MARK, Blocks, blocks_for, names

PROMPTS = [[letter] * length for letter in (1, 2) for length in (10, 64, 65, 128, 200)] + [[1] * 64 + [2] * 90]


def read(blocks: Blocks, ids: list[int]) -> list[int] | None:
    """The blocks of a prompt that was processed; None where there was no room."""
    table, held = blocks.find(ids)
    if held % BLOCK:
        blocks.give([table.pop()])
    while len(table) < blocks_for(len(ids)):
        block = blocks.take()
        if block is None:
            blocks.give(table)
            return None
        table.append(block)
    for index, name in enumerate(names(ids)):
        blocks.name(table[index * MARK // BLOCK], name, (index + 1) * MARK)
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
    table = read(blocks, list(range(64)))
    blocks.give(table)
    assert blocks.find(list(range(64))) == (table, 56)
    assert blocks.find(list(range(65))) == (table, 64)
    assert blocks.find([1, *range(64)]) == ([], 0)


def test_a_prompt_that_goes_on_otherwise_finds_what_it_has_in_common():
    blocks = Blocks(8)
    table = read(blocks, [1] * 100)
    assert blocks.find([1] * 64 + [2] * 30) == (table[:1], 64)
    assert blocks.find([1] * 85 + [2] * 30) == (table, 80)
    assert blocks.find([1] * 23 + [2] * 90) == (table[:1], 16)


def test_of_many_short_prompts_few_are_kept_and_a_common_beginning_stays():
    blocks = Blocks(40)
    for number in range(100, 140):
        blocks.give(read(blocks, [1] * 24 + [number] * 10))
    assert blocks.find([1] * 24 + [7] * 10)[1] == 24
    assert blocks.kept <= 17
    assert blocks.find([1] * 24 + [110] * 10)[1] == 24, "its own beginning is forgotten"
    assert blocks.find([1] * 24 + [139] * 10)[1] == 32


def test_the_least_recently_used_are_forgotten_ends_before_beginnings():
    blocks, long, other = Blocks(4), list(range(200)), [7] * 130
    blocks.give(read(blocks, long))
    blocks.give(read(blocks, other))  # one block was free, and two of the first prompt's had to be forgotten
    assert blocks.kept == 3
    assert blocks.find(long)[1] == 64
    assert blocks.find(other)[1] == 128


def test_what_is_used_is_not_forgotten():
    blocks = Blocks(3)
    table = read(blocks, [1] * 192)
    assert blocks.take() is None
    blocks.give(table)
    assert blocks.room == 3
