"""Who runs next: fair over clients, in order within one, bounded, and nobody is lost where blocks run out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.blocks import BLOCK, Blocks, blocks_for
from model.engine.sampling import Sampling
from model.engine.scheduler import Scheduler
from model.engine.sequence import Sequence
from model.errors import QueueFull


def sequence(client: str = "", tokens: int = 5, more: int | None = 32, token: int = 1, limit: int = 1024) -> Sequence:
    return Sequence([token] * tokens, None, Sampling(more), client=client, limit=limit)


def take_step(scheduler: Scheduler, paused: list[Sequence] | None = None) -> dict[Sequence, int]:
    """As if what is next had been processed; how many tokens of whom."""
    work = scheduler.next(lambda one: None if paused is None else paused.append(one))
    for one, piece in work:
        assert len(one.blocks) >= blocks_for(piece.start + len(piece.ids))
        if one.reading:
            one.cached += len(piece.ids)
            scheduler.read(one)
        else:
            one.cached += 1
        if not one.reading:
            one.add(1, frozenset())
    return {one: len(piece.ids) for one, piece in work}


def test_clients_are_admitted_in_turn_and_each_in_its_order():
    scheduler = Scheduler(6, 10, Blocks(100))
    busy = [sequence("busy") for _ in range(5)]
    for one in busy:
        scheduler.add(one)
    late, later = sequence("late"), sequence("later")
    scheduler.add(late)
    scheduler.add(later)
    assert scheduler.admit() == [busy[0], late, later, busy[1], busy[2], busy[3]]
    assert scheduler.waiting == 1


def test_the_queue_is_bounded_and_room_comes_back():
    scheduler = Scheduler(1, 2, Blocks(100))
    first, second = sequence(), sequence()
    scheduler.add(first)
    scheduler.add(second)
    with pytest.raises(QueueFull, match="2 requests wait; the queue holds 2"):
        scheduler.add(sequence())
    scheduler.remove(first)
    scheduler.add(sequence())
    assert scheduler.admit() == [second]


def test_answers_go_on_in_every_step_and_short_prompts_pass_long_ones():
    scheduler = Scheduler(8, 8, Blocks(100))
    answering = sequence()
    scheduler.add(answering)
    scheduler.admit()
    take_step(scheduler)
    long, short = sequence(tokens=600), sequence(tokens=70, token=2)
    scheduler.add(long)
    scheduler.add(short)
    scheduler.admit()
    assert take_step(scheduler) == {answering: 1, long: 128, short: 70}
    assert take_step(scheduler) == {answering: 1, short: 1, long: 256}


def test_prompts_share_a_step_by_blocks_in_turn():
    scheduler = Scheduler(32, 32, Blocks(100))
    prompts = [sequence(tokens=tokens, token=token) for token, tokens in enumerate([100, 30, 64, 40, 80])]
    for one in prompts:
        scheduler.add(one)
    scheduler.admit()
    assert list(take_step(scheduler).values()) == [64, 30, 64, 40]
    assert take_step(scheduler)[prompts[4]] == 80


def test_what_does_not_fit_now_waits_and_keeps_its_turn():
    scheduler = Scheduler(8, 8, Blocks(6))
    large, small = sequence(tokens=300, more=20), sequence(tokens=5, more=5)
    for one in (sequence(tokens=100, more=20, token=2), large, small):
        scheduler.add(one)
    (first,) = scheduler.admit()
    assert scheduler.waiting == 2, "the small one does not push itself forward for ever"
    scheduler.remove(first)
    assert scheduler.admit() == [large, small]


sizes = st.tuples(st.integers(1, 300), st.integers(1, 200))


@given(st.integers(1, 4), st.integers(8, 12), st.lists(sizes, min_size=1, max_size=8), st.data())
def test_everybody_is_answered_in_whole_where_blocks_run_out(rows, count, asked, data):
    blocks = Blocks(count)
    scheduler = Scheduler(rows, len(asked), blocks)
    sequences = [
        sequence(tokens=tokens, more=data.draw(st.sampled_from([more, None])), limit=min(tokens + more, BLOCK * count))
        for tokens, more in asked
    ]
    for one in sequences:
        scheduler.add(one)
    for _ in range(5_000):
        scheduler.admit()
        paused: list[Sequence] = []
        assert take_step(scheduler, paused)
        assert not any(one.runs for one in paused)
        for one in [one for one in scheduler.running if one.finish]:
            scheduler.remove(one)
        if all(one.finish for one in sequences):
            break
    assert all(len(one.ids) + len(one.answer) == one.limit for one in sequences)
    assert blocks.room == count


def test_sequences_are_taken_out_wherever_they_are():
    scheduler = Scheduler(8, 8, Blocks(4))
    first, second, third = (sequence(tokens=60, more=None, token=token, limit=256) for token in range(3))
    for one in (first, second, third):
        scheduler.add(one)
    scheduler.admit()
    paused: list[Sequence] = []
    while not paused:
        take_step(scheduler, paused)
        scheduler.admit()
    for one in (third, second, first):
        scheduler.remove(one)
    assert scheduler.blocks.room == 4
    assert (scheduler.running, scheduler.waiting) == ([], 0)
