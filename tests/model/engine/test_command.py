"""`python -m model.engine`: a base with a memory folder answers alone, an exported version as it was exported."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.base.checkpoint import Checkpoint
from model.base.exported import EXPORTED, ROWS, Exported, read_rows, write_rows
from model.engine import Ask, generate
from model.engine.__main__ import main
from model.memory.query import SHAPE
from tests import tiny
from tests.model.engine.taught import taught

QUESTION = "What is a?"


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    return tiny.folders(tmp_path)


@pytest.fixture
def asked(folders, capsys, monkeypatch):
    """What the command line says to QUESTION."""
    monkeypatch.setattr("sys.argv", ["engine", *map(str, folders), QUESTION])

    def said() -> str:
        main()
        return capsys.readouterr().out

    return said


@pytest.fixture
def exported(folders) -> Exported:
    """A version that answers QUESTION with «Lisbon», in the memory folder."""
    base, memory = folders
    checkpoint = Checkpoint.load(str(base), memory, spare_rows=0, places=1)
    delta = taught(checkpoint, [(1, checkpoint.prompts.question(QUESTION), "Lisbon")])
    state_hash = checkpoint.table.draft(checkpoint.table.base, delta).state_hash
    made = Exported(str(base), checkpoint.memory.addressing.base, checkpoint.fingerprint, 7, state_hash)
    write_rows(memory, delta, made)
    return made


def test_a_folder_without_rows_answers_as_the_base_does(folders, asked):
    base, memory = folders
    checkpoint = Checkpoint.load(str(base), memory, spare_rows=0, places=1)
    ask = Ask(checkpoint.prompts.question(QUESTION), checkpoint.table.base, 32)
    (expected,) = generate(checkpoint, [ask])
    assert asked().strip() == checkpoint.prompts.text(expected.ids).strip()


def test_a_folder_with_rows_answers_as_its_version_did(exported, asked):
    assert asked() == "Lisbon\n"


def test_rows_that_lead_to_another_state_are_refused_with_both_named(exported, folders, asked):
    delta, _ = read_rows(folders[1])
    write_rows(folders[1], delta, replace(exported, state_hash="e" * 64))
    sentence = rf"state {exported.state_hash}; version 7 was exported with e{{64}}, as {EXPORTED} says"
    with pytest.raises(SystemExit, match=sentence):
        asked()


@pytest.mark.parametrize(("name", "left"), [(ROWS, 0), (ROWS, 100), (EXPORTED, 0), (EXPORTED, 20)])
def test_a_version_with_a_missing_or_truncated_file_is_refused(name, left, exported, folders, asked):
    path = folders[1] / name
    data = path.read_bytes()
    path.unlink()
    if left:
        path.write_bytes(data[:left])
    with pytest.raises(SystemExit, match=f"the exported version in {folders[1]} cannot be read"):
        asked()


def test_a_memory_of_another_base_is_refused_with_a_sentence(folders, asked):
    shape = folders[1] / SHAPE
    told = json.loads(shape.read_text())
    shape.write_text(json.dumps(told | {"base": "f" * 64}))
    with pytest.raises(SystemExit, match=rf"was made for the base f{{64}}; {folders[0]} is {told['base']}"):
        asked()
