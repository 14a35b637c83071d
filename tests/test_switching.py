"""The benchmarks of cold starts and of switches run, on a tiny model, and what they report adds up."""

from pathlib import Path

import pytest

from app.services import anchors
from benchmarks import rebuild, switch
from tests import tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    base, memory = tiny.folders(tmp_path_factory.mktemp("tiny"))
    return str(base), memory


def test_a_cold_start_is_measured_with_and_without_anchors(folders: tuple[str, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(anchors, "_LEAST", 1)
    monkeypatch.setattr(rebuild, "_TOGETHER", 10)
    figures = rebuild.measure(*folders, count=40, slots=5, repeats=1)
    assert figures["versions"] == 40
    assert figures["anchors"] >= 1
    assert 100 < figures["slots that differ from the base"] < 200
    starts = [name for name in figures if name.startswith("cold start at")]
    assert starts == ["cold start at 10, seconds", "cold start at 20, seconds", "cold start at 40, seconds"]
    assert all(figures[name] > 0 for name in (*starts, "the same at 40 without anchors"))


def test_switches_under_streams_are_measured_and_no_request_fails(
    folders: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(switch, "LARGE_EVERY", 2)
    monkeypatch.setattr(switch, "SMALL", 16)
    figures = switch.measure(*folders, switches=8, rows=100, streams=4, tokens=20)
    assert figures.failures == []
    assert figures.answers > 0
    assert len(figures.first) == 8
    assert {kind: len(seconds) for kind, seconds in figures.builds.items()} == {
        "a small version": 2,
        "a large version": 2,
    }
    assert figures.steps["nothing"]
    assert "| failed or mixed requests | 0 |" in switch.table(figures)
