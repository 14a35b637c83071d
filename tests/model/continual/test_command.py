"""The command from options to tables, by both of its names."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from model import evaluate
from model.config import FinetuneConfig
from model.continual import command
from model.continual.methods import DenseConfig
from tests import tiny

SMALL = ["--facts", "2", "--sweep-facts", "2", "--controls", "1", "--texts", "3", "--known", "2", "--prose", "1"]


@pytest.fixture
def grid(monkeypatch):
    settings = {
        "full": (DenseConfig(1e-3, 1), DenseConfig(1.0, 1)),
        "ours": (FinetuneConfig(texts=3, top_t=20, max_steps=1),),
    }
    monkeypatch.setattr(command, "GRID", settings)


def test_a_sweep_runs_every_setting_and_the_winner_on_every_seed(grid, tmp_path, capsys):
    model = tiny.checkpoint(tmp_path / "model")
    options = ["--model", str(model), "--out", str(tmp_path / "out"), "--sweep", "--seeds", "0", "1", *SMALL]
    command.main(["--methods", "full", "ours", *options])
    lines = [json.loads(line) for line in (tmp_path / "out" / "runs.jsonl").read_text().splitlines()]
    runs = [(line["described"], line["plan"]["seed"]) for line in lines if line["kind"] == "run"]
    assert [seed for _, seed in runs] == [0, 0, 1, 0, 1]
    assert len({described for described, _ in runs}) == 3
    printed = capsys.readouterr().out
    assert (tmp_path / "out" / "results.md").read_text() in printed
    assert "| full finetuning, AdamW |" in printed


def test_no_data_means_invented_facts_and_mixed_means_all_there_are():
    assert command._sources(None, None) == ("invented",)
    assert command._sources(["mixed"], None) == ("invented",)
    assert command._sources(["simpleqa", "invented"], Path()) == ("simpleqa", "invented")
    assert len(command._sources(None, Path())) == 5


def test_what_cannot_be_run_is_a_sentence(tmp_path):
    out = ["--methods", "full", "--out", str(tmp_path / "out"), *SMALL]
    with pytest.raises(SystemExit, match="is not a checkpoint"):
        command.main([*out, "--model", str(tmp_path)])
    with pytest.raises(SystemExit, match="the source 'simpleqa' needs a data folder"):
        command.main([*out, "--source", "simpleqa"])
    with pytest.raises(SystemExit, match=r"simpleqa\.jsonl\.xz"):
        command.main([*out, "--source", "simpleqa", "--data", str(tmp_path)])


def test_slotwise_passes_its_options_on():
    result = CliRunner().invoke(app, ["evaluate", "continual", "--help"])
    assert result.exit_code == 0
    assert "--sweep-facts" in result.output


@pytest.mark.parametrize(("arguments", "code"), [(["continual", "--help"], 0), ([], 1), (["nothing"], 1)])
def test_python_m_model_evaluate(arguments, code, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(Path(evaluate.__file__)), run_name="__main__")
    assert bool(ended.value.code) is bool(code)
    assert "continual" in f"{ended.value.code} {capsys.readouterr().out}"
