"""What `slotwise import-version` refuses: folders that are not what was exported. Nothing of them is stored."""

import json
import os
from pathlib import Path

import pytest

from app.carried import FACTS
from app.errors import BadFolder, WrongCheckpoint
from model.base.exported import EXPORTED, ROWS
from model.memory.query import STATISTICS
from tests import tiny
from tests.moved import Away, Home, away, folder, folders, home, lines, sign
from tests.worker.conftest import key, session, sessions

__all__ = ["away", "folder", "folders", "home", "key", "session", "sessions"]  # fixtures that are the same here


def rewrite(folder: Path, *carried: dict[str, object]) -> None:
    (folder / FACTS).write_text("".join(json.dumps(one) + "\n" for one in carried))
    sign(folder)


def test_another_base_or_memory_is_refused_with_both_names(home: Home, away: Away, tmp_path):
    other = tiny.memory(tmp_path / "other", Path(home.settings.base), seed=1)
    away.settings = away.settings.model_copy(update={"memory": other})
    with pytest.raises(
        WrongCheckpoint, match=f"belongs to the base and memory {home.story.fingerprint}; .*{other} is "
    ):
        away.take_in(home.folder)
    assert away.is_untouched()


@pytest.mark.parametrize("name", [EXPORTED, ROWS, FACTS, STATISTICS])
def test_a_file_that_is_missing_altered_or_a_link_is_refused(away: Away, folder: Path, name: str):
    path, whole = folder / name, (folder / name).read_bytes()
    path.unlink()
    with pytest.raises(BadFolder, match=f"{name} is missing, or is no plain file"):
        away.take_in(folder)
    path.symlink_to("/etc/hostname")
    with pytest.raises(BadFolder, match="no plain file"):
        away.take_in(folder)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadFolder, match="no plain file"):
        away.take_in(folder)
    path.unlink()
    path.write_bytes(whole[:-9] + b"!" * 9)
    with pytest.raises(BadFolder, match=r"is not the file that was exported|exported\.json: "):
        away.take_in(folder)
    assert away.is_untouched()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"format": 3}, "format: Input should be 2"),
        ({"version": 2**63}, "version: Input should be less than"),
        ({"version": "1"}, "version: Input should be a valid integer"),
        ({"state_hash": "0" * 63}, "state_hash: String should match"),
        ({"state_hash": "0" * 64}, "lead to the state"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"files": {"../../etc/passwd": "0" * 64}}, r"names other files .* '\.\./\.\./etc/passwd'"),
        ({"files": {}}, "names other files"),
        ({"base": "x" * 2**17}, "at most 65,536 are allowed"),
    ],
)
def test_a_manifest_that_tells_something_else_is_refused(away: Away, folder: Path, told, said: str):
    sign(folder, **told)
    with pytest.raises(BadFolder, match=said):
        away.take_in(folder)
    assert away.is_untouched()


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "[" * 60_000, '{"format": 1e999}'])
def test_a_manifest_that_is_none_is_refused(away: Away, folder: Path, text: str):
    (folder / EXPORTED).write_text(text)
    with pytest.raises(BadFolder, match=EXPORTED):
        away.take_in(folder)


@pytest.mark.parametrize(
    "rows",
    [
        b"",
        b"\xff" * 64,
        b"\x02\x00\x00\x00\x00\x00\x00\x00{}",
        (60_000).to_bytes(8, "little") + b"[" * 60_000,
        (76).to_bytes(8, "little") + b'{"slots":{"dtype":"I64","shape":[4611686018427387904,0],"data_offsets":[0,0]}}',
    ],
)
def test_rows_that_are_none_are_refused(away: Away, folder: Path, rows: bytes):
    (folder / ROWS).write_bytes(rows)
    sign(folder)
    with pytest.raises(BadFolder, match="cannot be read"):
        away.take_in(folder)
    assert away.is_untouched()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": 0}, "line 2: id: Input should be greater"),
        ({"id": 2**44}, "line 2: id: Input should be less"),
        ({"id": 10**400}, "line 2: "),
        ({"id": 1}, "line 2: fact 1 does not come behind 1"),
        ({"id": 3}, "rows are owned by fact 2, which the version does not tell"),
        ({"replaces": [2]}, "line 2: fact 2 does not come behind 2"),
        ({"answer": "x" * 201}, "line 2: answer: 201 characters; at most 200 are allowed"),
        ({"answer": None}, "line 2: answer: it is missing"),
        ({"question": None}, "line 2: it: there is neither"),
        ({"source": "a\x00b"}, "line 2: source: "),
        ({"phrasings": ["?"] * 101}, "line 2: phrasings: 101 phrasings"),
        ({"probe": None}, "line 2: probe: "),
        ({"probe": {"text": "", "answer": "no"}}, r"line 2: probe.text: '' holds no word"),
        ({"report": {"took_over": ["x"]}}, r"line 2: report.took_over.0: "),
        ({"report": {"margin": float("inf")}}, "line 2: report.margin: "),
        ({"report": {"note": "\x00"}}, "line 2: report: it holds a NUL"),
        ({"owner": 1}, "line 2: owner: Extra inputs"),
    ],
)
def test_a_fact_that_could_not_have_been_posted_is_refused_by_its_line(away: Away, folder: Path, changed, said: str):
    first, second, last = lines(folder)
    rewrite(folder, first, second | changed, last)
    with pytest.raises(BadFolder, match=said):
        away.take_in(folder)
    assert away.is_untouched()


def test_facts_that_do_not_fit_the_rows_are_refused(away: Away, folder: Path):
    first, second, last = lines(folder)
    for carried, said in (
        ([], "tells no fact"),
        ([first, last], "rows are owned by fact 2"),
        ([second, last], "fact 1 is replaced by another, and is not among the facts"),
        ([first, second | {"replaces": [1]}, last | {"replaces": [2]}], "rows are owned by fact 2"),
    ):
        rewrite(folder, *carried)
        with pytest.raises(BadFolder, match=said):
            away.take_in(folder)
    assert away.is_untouched()
