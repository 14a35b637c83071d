"""The history of the head: newest first, and what was in force at a moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.errors import ActivationNotFound, NotBootstrapped
from app.services import activations, versions
from tests.services.story import TESTER, Story

TICK = timedelta(microseconds=1)


def test_moves_come_newest_first_by_pages(story: Story):
    first, second = story.learn(), story.learn()
    story.activate(first)
    with story.sessions() as session:
        page = activations.page(session, "main", None, 3)
        rest = activations.page(session, "main", page.next_cursor, 3)
    assert [(one.version_id, one.previous_id) for one in page.items + rest.items] == [
        (first, second),
        (second, first),
        (first, 0),
        (0, None),
    ]
    assert (page.items[0].reason, page.items[0].actor) == ("a test", "tester")
    assert rest.next_cursor is None


def test_at_each_moment_the_last_move_before_it_is_in_force(story: Story):
    story.learn()
    story.activate(0)
    with story.sessions() as session:
        moves = activations.page(session, "main", None, 50).items[::-1]
        assert [move.created_at for move in moves] == sorted(move.created_at for move in moves)
        for before, move in pairwise(moves):
            assert activations.at(session, "main", move.created_at).id == move.id
            assert activations.at(session, "main", move.created_at - TICK).id == before.id
        assert activations.at(session, "main", datetime.now(UTC) + timedelta(days=1)).id == moves[-1].id
        with pytest.raises(ActivationNotFound, match=r"at: no version was live at .*; the first went live at 20"):
            activations.at(session, "main", moves[0].created_at - TICK)


def test_a_move_that_waited_for_the_head_is_dated_after_the_one_it_waited_for(story: Story):
    version = story.learn()
    with ThreadPoolExecutor(1) as pool, story.sessions() as late:
        versions.head(late, "main")  # its transaction begins here
        pool.submit(story.activate, 0).result()
        versions.activate(late, "main", version, reason="late", actor=TESTER)
    with story.sessions() as session:
        newest, before = activations.page(session, "main", None, 2).items
    assert newest.reason == "late"
    assert newest.created_at > before.created_at


def test_before_the_first_start_there_is_no_history(session):
    assert activations.page(session, "main", None, 50).items == []
    with pytest.raises(NotBootstrapped):
        activations.at(session, "main", datetime.now(UTC))
