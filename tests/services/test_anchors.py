"""Anchors: when one is due, which way to a version is the cheapest, and that no damage goes unseen."""

import pytest
from sqlalchemy import func, select, update

from app.db import slices
from app.db.tables import Anchor, AnchorPart, Version
from app.errors import DamagedAnchor, VersionNotFound
from app.services import anchors
from app.services.anchors import Route

EACH = anchors._EACH


@pytest.fixture
def line(story) -> list[int]:
    """Six versions in a line."""
    return [story.learn() for _ in range(6)]


def route(story, version: int, *resident: int) -> Route:
    with story.sessions() as session:
        return anchors.route(session, version, [0, *resident])


def store(story, version: int, size: int = 10) -> bool:
    with story.sessions() as session:
        return anchors.store(session, version, [b"a" * size, b"b" * size])


def due(story, version: int) -> bool:
    with story.sessions() as session:
        return anchors.due(session, version)


def test_without_anchors_the_way_begins_at_the_last_resident_ancestor(story, line):
    assert route(story, line[4]) == Route(0, False, tuple(line[:5]))
    assert route(story, line[4], line[1], line[3]) == Route(line[3], False, (line[4],))
    assert route(story, line[4], line[5]) == Route(0, False, tuple(line[:5])), "a descendant is no way"


def test_of_residents_and_anchors_the_cheapest_is_taken(story, line):
    store(story, line[2])
    assert route(story, line[5]) == Route(line[2], True, tuple(line[3:]))
    assert route(story, line[2]) == Route(line[2], True, ())
    assert route(story, line[1]) == Route(0, False, tuple(line[:2])), "it comes before the anchor"
    assert route(story, line[5], line[1]) == Route(line[2], True, tuple(line[3:]))
    assert route(story, line[5], line[4]) == Route(line[4], False, (line[5],))
    store(story, line[4], 4 * EACH)  # dearer than the two deltas behind the other anchor
    assert route(story, line[5]) == Route(line[2], True, tuple(line[3:]))


def test_a_branch_does_not_use_the_anchor_of_another(story, line):
    store(story, line[3])
    story.activate(line[1])
    branch = story.learn()
    assert route(story, branch, line[4]) == Route(0, False, (*line[:2], branch))


def test_an_unknown_version_has_no_way(story):
    with pytest.raises(VersionNotFound, match="99"):
        route(story, 99)


def test_an_anchor_is_due_when_the_deltas_since_the_last_outweigh_it(story, line, monkeypatch):
    assert not due(story, line[5]), "so few bytes are read in no time"
    monkeypatch.setattr(anchors, "_LEAST", 3 * EACH)
    assert [due(story, version) for version in (0, *line)] == [False, False, False, True, True, True, True]
    store(story, line[1], 2 * EACH + 100)
    assert not due(story, line[5]), "four deltas do not outweigh an anchor of two parts of twice as much"
    assert due(story, story.learn())


def test_the_second_to_store_an_anchor_finds_it_done(story, line):
    assert store(story, line[0])
    assert not store(story, line[0], 99)
    with story.sessions() as session:
        assert [bytes(part) for part in anchors.parts(session, line[0])] == [b"a" * 10, b"b" * 10]
        anchors.discard(session, line[0])
        assert session.scalar(select(func.count()).select_from(AnchorPart)) == 0
    assert store(story, line[0])


def test_an_anchor_whose_parts_fail_to_come_is_not_there_at_all(story, line):
    def failing():
        yield b"a"
        raise OSError("the disk is full")

    with story.sessions() as session, pytest.raises(OSError, match="disk"):
        anchors.store(session, line[0], failing())
    with story.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Anchor)) == 0


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (update(AnchorPart).where(AnchorPart.number == 0).values(data=b"other"), "does not match its checksum"),
        (update(AnchorPart).where(AnchorPart.number == 1).values(number=2), "part 1 of 2 .* is missing"),
        (update(Anchor).values(parts=1), "does not match its checksum"),
    ],
)
def test_damage_is_seen_before_the_last_part_is_used(story, line, damage, complaint):
    store(story, line[0])
    with story.sessions.begin() as session:
        session.execute(damage)
    with story.sessions() as session, pytest.raises(DamagedAnchor, match=complaint):
        list(anchors.parts(session, line[0]))
    with story.sessions() as session, pytest.raises(DamagedAnchor, match="is gone"):
        list(anchors.parts(session, line[1]))


def test_large_deltas_are_read_in_slices_to_the_byte(story, line):
    data = bytes(range(256)) * (5 * slices.SLICE_BYTES // 512)  # two slices and a half
    with story.sessions.begin() as session:
        session.execute(update(Version).where(Version.id == line[0]).values(delta=data))
    with story.sessions() as session:
        rests = []
        assert slices.delta(session, line[0], len(data), lambda: rests.append(True)) == data
        assert len(rests) == 3
        assert slices.delta(session, 99, len(data), slices.no_rest) == b""
