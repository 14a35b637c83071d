"""Engines: who lives, what it answers with, and how far behind it is."""

from app.services import activations, engines, versions
from app.services.engines import Beat


def beat(story, engine: str, *, followed: int = 0, report: dict | None = None) -> None:
    with story.sessions() as session:
        live = versions.head(session, "main")
        engines.beat(session, Beat(engine, live, followed, report))


def told(story) -> dict[str, engines.EngineView]:
    with story.sessions() as session:
        return {one.id: one for one in engines.every(session, story.settings)}


def last_move(story) -> int:
    with story.sessions() as session:
        return activations.last_move(session)


def test_an_engine_is_shown_with_what_it_told_last(story):
    version = story.learn()
    beat(story, "one", report={"views": 1})
    beat(story, "one", followed=last_move(story), report={"views": 2})
    one = told(story)["one"]
    assert (one.version, one.report, one.alive, one.lag) == (version, {"views": 2}, True, 0)
    assert len(one.state_hash) == 64


def test_lag_counts_every_move_of_the_head_that_was_not_followed(story):
    beat(story, "slow", followed=last_move(story))
    story.silence_engine()  # no version waits for it any more
    first, second = story.learn(), story.learn()
    story.activate(first)
    beat(story, "quick", followed=last_move(story))
    beat(story, "new")
    lags = {name: one.lag for name, one in told(story).items() if name != "engine"}
    assert lags == {"slow": 3, "quick": 0, "new": 4}
    story.activate(second)
    assert told(story)["quick"].lag == 1


def test_a_silent_engine_is_shown_as_such_and_one_that_stopped_in_order_is_not_shown(story):
    beat(story, "silent")
    story.silence_engine()
    beat(story, "stopped")
    beat(story, "well")
    with story.sessions() as session:
        engines.retire(session, "stopped")
    assert {name: one.alive for name, one in told(story).items()} == {"silent": False, "well": True}


def test_moves_are_told_once_with_their_order_to_end_requests(story):
    start = last_move(story)
    version = story.learn()
    story.activate(0, abort_in_flight=True)
    story.activate(0)
    story.activate(0, abort_in_flight=True)  # no move, but an order all the same
    with story.sessions() as session:
        moves = activations.moves(session, start)
        assert [(move.version, move.abort_in_flight) for move in moves] == [(version, False), (0, True), (0, True)]
        assert activations.moves(session, moves[-1].id) == []
