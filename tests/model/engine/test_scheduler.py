"""Who runs next: fair over clients, in order within one, bounded, prompts and answers in turns."""

import pytest

from model.engine.sampling import Sampling
from model.engine.scheduler import Scheduler
from model.engine.sequence import Sequence
from model.errors import QueueFull


def sequence(client: str = "", tokens: int = 5) -> Sequence:
    return Sequence([1] * tokens, None, Sampling(), client)


def read(scheduler: Scheduler, sequences: list[Sequence]) -> None:
    """As if the next chunk of their prompts had been processed."""
    for one in sequences:
        one.cached += len(one.next_chunk().ids)
        scheduler.read(one)


def test_clients_are_admitted_in_turn_and_each_in_its_order():
    scheduler = Scheduler(rows=6, queue=10)
    busy = [sequence("busy") for _ in range(5)]
    for one in busy:
        scheduler.add(one)
    late, later = sequence("late"), sequence("later")
    scheduler.add(late)
    scheduler.add(later)
    assert scheduler.admit() == [busy[0], late, later, busy[1], busy[2], busy[3]]
    assert scheduler.waiting == 1


def test_the_queue_is_bounded_and_room_comes_back():
    scheduler = Scheduler(rows=1, queue=2)
    first, second = sequence(), sequence()
    scheduler.add(first)
    scheduler.add(second)
    with pytest.raises(QueueFull, match="2 requests wait; the queue holds 2"):
        scheduler.add(sequence())
    scheduler.remove(first)
    scheduler.add(sequence())
    assert scheduler.admit() == [second]


def test_prompts_and_answers_take_turns_and_short_prompts_pass_long_ones():
    scheduler = Scheduler(rows=8, queue=8)
    answering = sequence()
    scheduler.add(answering)
    scheduler.admit()
    read(scheduler, scheduler.prompts())
    long, short = sequence(tokens=200), sequence(tokens=5)
    scheduler.add(long)
    scheduler.add(short)
    scheduler.admit()
    turns = []
    for _ in range(7):
        prompts = scheduler.prompts()
        turns.append(prompts)
        read(scheduler, prompts)
    # Prompts had the last turn before.
    assert turns == [[], [long], [], [short], [], [long], []]


def test_chunks_of_one_width_are_processed_together_up_to_a_limit():
    scheduler = Scheduler(rows=32, queue=32)
    for tokens in [10, 16, 40] + [12] * 20:
        scheduler.add(sequence(tokens=tokens))
    scheduler.admit()
    assert [len(one.ids) for one in scheduler.prompts()] == [10, 16] + [12] * 14


def test_rows_move_down_when_that_makes_the_batch_smaller():
    scheduler = Scheduler(rows=8, queue=8)
    sequences = [sequence() for _ in range(8)]
    for one in sequences:
        scheduler.add(one)
    scheduler.admit()
    for one in sequences[1:5]:
        scheduler.remove(one)
    assert [(one.row, target) for one, target in scheduler.moves()] == [(7, 1), (6, 2), (5, 3)]
    assert scheduler.batch() == [sequences[0], sequences[7], sequences[6], sequences[5]]
    scheduler.remove(sequences[0])
    assert list(scheduler.moves()) == []
