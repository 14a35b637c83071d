"""What engines count adds up, over engines and restarts, for each base and memory by itself."""

from concurrent.futures import ThreadPoolExecutor

from app.db.session import Sessions
from app.services import slot_statistics
from model.memory.traffic import Traffic

OURS, OTHER = "a" * 64, "b" * 64


def test_nothing_was_read_before_the_first_batch(session):
    assert slot_statistics.traffic(session, OURS) == Traffic()
    assert slot_statistics.counted(session, OURS) == slot_statistics.Counted()


def test_batches_add_up_and_those_of_another_memory_do_not(session):
    slot_statistics.add(session, OURS, Traffic(2, {7: 2, 3: 1}))
    slot_statistics.add(session, OTHER, Traffic(9, {7: 9}))
    slot_statistics.add(session, OURS, Traffic(1, {9: 1, 7: 1}))
    assert slot_statistics.traffic(session, OURS) == Traffic(3, {3: 1, 7: 3, 9: 1})
    counted = slot_statistics.counted(session, OURS)
    assert counted.queries == 3
    assert counted.since < counted.counted_at


def test_engines_that_add_at_once_lose_nothing_and_wait_for_each_other_in_one_order(sessions: Sessions):
    def one_engine(order: int) -> None:
        reads = dict.fromkeys(range(50)[::order], 1)  # the order in which it was counted is not that of the rows
        for _ in range(10):
            with sessions() as session:
                slot_statistics.add(session, OURS, Traffic(1, reads))

    with ThreadPoolExecutor() as threads:
        list(threads.map(one_engine, (1, -1, 1, -1)))
    with sessions() as session:
        assert slot_statistics.traffic(session, OURS) == Traffic(40, dict.fromkeys(range(50), 40))
