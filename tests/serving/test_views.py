"""Views: the same rows and state by every way, and whatever is damaged is refused, named and healed."""

import hashlib
from collections.abc import Iterator

import pytest
import torch
from sqlalchemy import delete, func, select, update
from structlog.testing import capture_logs

from app.db.session import Sessions
from app.db.tables import Anchor, AnchorPart, Version
from app.errors import DamagedDelta, VersionNotServed
from app.services import anchors, versions
from app.services.versions import Live
from app.serving.report import report
from app.serving.views import Views
from benchmarks.rebuild import Chain
from model.engine import Engine
from model.errors import SpareRowsExhausted
from model.memory import anchor
from model.memory.anchor import parts_of
from model.memory.delta import Delta, same_bits
from tests import tiny

VERSIONS, SLOTS = 12, 20


class Kept:
    """A chain of versions in the database, and an engine that has none of them yet."""

    def __init__(self, sessions: Sessions, places: int = 8) -> None:
        self.sessions = sessions
        self.checkpoint = tiny.build(spare_rows=1_024, places=4)
        self.chain = Chain(self.checkpoint, sessions)
        self.engine = Engine(tiny.build(spare_rows=512, places=places))
        self.views = Views(self.engine, sessions)

    def live(self, version: int) -> Live:
        return Live(version, self.chain.hashes[version])

    def bring(self, version: int) -> None:
        self.views.bring(self.live(version), 30)

    def anchor(self) -> int:
        """Store the anchor of the newest version, due or not."""
        newest = len(self.chain.hashes) - 1
        with self.sessions() as session:
            stored = (part.to_bytes() for part in parts_of(self.checkpoint.table, self.chain.view))
            assert anchors.store(session, newest, stored)
        return newest

    def rows(self, engine: Engine, version: int) -> torch.Tensor:
        table, view = engine.checkpoint.table, engine.versions.view(version)
        assert view is not None
        return table.read(view, torch.arange(table.slots))

    def is_newest(self) -> bool:
        """Whether the engine has the newest version to the bit."""
        table = self.checkpoint.table
        made = table.read(self.chain.view, torch.arange(table.slots))
        newest = len(self.chain.hashes) - 1
        return same_bits(made, self.rows(self.engine, newest)) and self.engine.versions.intact(newest)

    def count(self, table: type) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def change(self, statement) -> None:
        with self.sessions.begin() as session:
            session.execute(statement)


@pytest.fixture
def kept(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """Versions 1 to 12, and an anchor of the eighth in several parts."""
    monkeypatch.setattr(anchor, "PART_BYTES", 4_096)
    kept = Kept(sessions)
    kept.chain.grow(8, SLOTS, anchored=False)
    kept.anchor()
    kept.chain.grow(VERSIONS - 8, SLOTS, anchored=False)
    yield kept
    kept.views.close()


def complaints(logs: list) -> list[tuple[str, int]]:
    return [(entry["what"], entry["version"]) for entry in logs if entry["event"] == "damaged start refused"]


def test_with_and_without_anchors_a_version_has_the_same_rows_and_state(kept: Kept, monkeypatch):
    asked, parts = [], anchors.parts
    monkeypatch.setattr(
        anchors, "parts", lambda session, version, rest: asked.append(version) or parts(session, version, rest)
    )
    kept.bring(VERSIONS)
    assert kept.is_newest()
    assert asked == [8]
    kept.change(delete(AnchorPart))
    kept.change(delete(Anchor))
    kept.engine.drop(VERSIONS)
    kept.bring(VERSIONS)
    assert kept.is_newest()
    assert asked == [8]


def test_the_version_of_an_anchor_needs_no_delta(kept: Kept):
    kept.change(update(Version).where(Version.id > 0).values(delta=b"gone"))
    kept.bring(8)
    with pytest.raises(DamagedDelta, match="version 9"):
        kept.bring(9)


@pytest.mark.parametrize(
    "damage",
    [
        update(AnchorPart).where(AnchorPart.number == 1).values(data=b"\x00" * 4_000),
        update(AnchorPart).where(AnchorPart.number == 1).values(data=func.overlay(AnchorPart.data, b"\x01", 300)),
        delete(AnchorPart).where(AnchorPart.number == 2),
        update(Anchor).values(parts=2),
    ],
)
def test_a_damaged_anchor_is_refused_loudly_and_deltas_are_used_instead(kept: Kept, damage):
    kept.change(damage)
    with capture_logs() as logs:
        kept.bring(VERSIONS)
    assert kept.is_newest()
    assert complaints(logs) == [("anchor", 8)]
    assert kept.views.refused == 1
    assert kept.count(Anchor) == kept.count(AnchorPart) == 0, "the next one that is due is made anew"
    assert kept.count(Version) == VERSIONS + 1, "no delta goes with it"


def test_an_anchor_of_other_rows_with_a_good_checksum_is_refused_too(kept: Kept):
    with kept.sessions() as session:
        anchors.discard(session, 8)
        other = parts_of(kept.checkpoint.table, kept.chain.view)  # of version 12
        anchors.store(session, 8, (part.to_bytes() for part in other))
    with capture_logs() as logs:
        kept.bring(VERSIONS)
        kept.bring(8)
    assert kept.is_newest()
    assert complaints(logs) == [("anchor", 8)]


def test_a_view_that_was_damaged_in_memory_is_built_anew_with_what_came_of_it(kept: Kept):
    kept.chain.grow(1, 8 * SLOTS, anchored=False)  # so many that some of the damaged rows are replaced
    kept.bring(VERSIONS)
    kept.engine.switch(VERSIONS)
    assert kept.views.builds == 1
    kept.engine.checkpoint.table.rows[1:] += 1
    with capture_logs() as logs:
        kept.bring(VERSIONS + 1)
    assert complaints(logs) == [("view", VERSIONS)]
    assert kept.is_newest()
    assert kept.engine.versions.intact(VERSIONS)
    assert kept.engine.live == (VERSIONS, kept.chain.hashes[VERSIONS])


def test_a_delta_of_another_parent_is_refused_and_nothing_else_is_blamed(kept: Kept):
    """As if a worker had made version 12 from version 11, and said that its parent was version 10."""
    with kept.sessions() as session:
        (_, data), *_ = versions.deltas(session, [VERSIONS - 1])
    eleven = Delta.from_bytes(data)
    twelve = Delta(eleven.slots, eleven.after + 1).to_bytes()
    wrong = {"parent_id": VERSIONS - 2, "delta": twelve, "delta_sha256": hashlib.sha256(twelve).hexdigest()}
    kept.change(update(Version).where(Version.id == VERSIONS).values(wrong))
    for resident in (0, VERSIONS - 2):
        if resident:
            kept.bring(resident)
        with (
            capture_logs() as logs,
            pytest.raises(VersionNotServed, match=f"version {VERSIONS} was rebuilt in the wrong state"),
        ):
            kept.bring(VERSIONS)
        assert complaints(logs) == []
    assert kept.count(Anchor) == 1
    assert kept.engine.resident(VERSIONS - 2) == kept.chain.hashes[VERSIONS - 2]


@pytest.mark.parametrize("resident", [0, 11])
def test_a_version_that_was_made_with_another_state_is_not_served_and_no_start_is_blamed(kept: Kept, resident: int):
    if resident:
        kept.bring(resident)
    with capture_logs() as logs, pytest.raises(VersionNotServed, match="rebuilt in the wrong state"):
        kept.views.bring(Live(VERSIONS, "e" * 64), 30)
    assert kept.engine.resident(VERSIONS) is None
    assert complaints(logs) == []
    assert kept.count(Anchor) == 1


def test_room_is_bounded_the_least_recently_used_makes_it_and_rows_come_back(sessions: Sessions):
    kept = Kept(sessions, places=4)
    kept.chain.grow(VERSIONS, SLOTS, anchored=False)
    table = kept.engine.checkpoint.table
    for version in (1, 2, 3, 4, 5, 4, 1, 12):
        kept.bring(version)
    told = report(kept.engine, kept.views)["views"]
    assert [one["version"] for one in told["resident"]] == [0, 1, 5, 12], "12 was made from 5, which 4 made room for"
    assert told["places"] == {"used": 4, "of": 4}
    assert told["rows"] == {"used": table.room().rows, "of": 512}
    assert told["builds"]["count"] == 7, "4 was there when it was wanted again, 1 was not"
    assert told["builds"]["longest_seconds"] >= told["builds"]["last_seconds"] > 0
    for version in (1, 5, 12):
        kept.engine.drop(version)
    assert table.room().rows == 0
    kept.views.close()


def test_views_that_are_all_in_use_leave_no_room_for_another(sessions: Sessions):
    kept = Kept(sessions, places=3)
    kept.chain.grow(3, SLOTS, anchored=False)
    bound = []
    for version in (1, 2):
        kept.bring(version)
        bound.append(kept.engine.versions.bind(version)[1])
    with pytest.raises(SpareRowsExhausted, match="all 3 places hold views in use"):
        kept.bring(3)
    kept.engine.versions.release(bound[0])
    kept.bring(3)
    assert kept.is_newest()
    kept.views.close()
