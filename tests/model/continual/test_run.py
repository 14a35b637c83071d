"""The protocol: what a run records, that it is not run twice, and that the base is measured once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.config import FinetuneConfig
from model.continual.measure import Snapshot, Yardstick, ask, best_f1, exact
from model.continual.methods import DenseConfig
from model.continual.run import Bench, PeakMemory, Plan, Runs
from model.continual.settings import Setting
from model.continual.sources import Asking
from model.evaluate import complete, nll
from tests import tiny
from tests.model.continual import data

PLAN = Plan(("invented",), facts=2, controls=1, seed=0, texts=3, facts_per_job=1, known=4, prose=2, skills=2)
DENSE = Setting("full", DenseConfig(1e-3, 1))
SPARSE = Setting("ours", FinetuneConfig(texts=3, top_t=20, max_steps=1))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("model") / "tiny")


def bench(model: Path, out: Path, folder: Path | None = None) -> Bench:
    return Bench(model, folder, torch.device("cpu"), Runs(out / "runs.jsonl"))


def test_a_run_records_every_fact_and_both_moments(model, tmp_path):
    record = bench(model, tmp_path).run(PLAN, DENSE)
    assert [fact["source"] for fact in record["facts"]] == ["invented"] * 2
    assert all({"before", "right_after", "end", "rows", "nbytes", "seconds"} <= set(fact) for fact in record["facts"])
    assert len(record["controls"]) == 1
    assert record["after"]["prose_nll"] != record["before"]["prose_nll"]
    assert record["before"]["skill_nll"] is None  # no data folder, no skills
    assert record["peak_bytes"] > 0


def test_a_finished_run_is_read_not_run_again(model, tmp_path, monkeypatch):
    first = bench(model, tmp_path).run(PLAN, DENSE)
    monkeypatch.setattr(Setting, "begin", lambda *_: pytest.fail("it began again"))
    assert bench(model, tmp_path).run(PLAN, DENSE) == json.loads(json.dumps(first))


def test_another_seed_setting_or_plan_is_another_run(model, tmp_path):
    place = bench(model, tmp_path)
    keys = {
        place.run(plan, setting)["key"]
        for plan, setting in (
            (PLAN, DENSE),
            (replace(PLAN, seed=1), DENSE),
            (replace(PLAN, known=3), DENSE),
            (PLAN, Setting("full", DenseConfig(1e-3, 2))),
        )
    }
    assert len(keys) == 4


def test_the_base_is_measured_once_for_all_methods_of_a_plan(model, tmp_path):
    place = bench(model, tmp_path)
    dense, sparse = place.run(PLAN, DENSE), place.run(PLAN, SPARSE)
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["base", "run", "run"]
    assert dense["before"] == sparse["before"]
    assert list(place.runs) == [dense, sparse]


def test_a_line_that_was_cut_off_is_dropped_and_the_others_stay(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text('{"key": "a", "kind": "run"}\n{"key": "b", "ki', encoding="utf-8")
    runs = Runs(path)
    runs.add({"key": "c", "kind": "run"})
    assert "b" not in runs
    assert [record["key"] for record in Runs(path)] == ["a", "c"]


def test_the_yardstick_of_a_data_folder_has_prose_and_skills(model, tmp_path):
    folder = data.folder(tmp_path / "data")
    yardstick = Yardstick.of(tiny.build(), folder, known=3, prose=5, skills=5)
    assert (len(yardstick.known), len(yardstick.prose), len(yardstick.skills)) == (3, 5, 5)
    assert sum("2 + 2 = 4\n4" in text.text for text in yardstick.skills) == 2
    assert yardstick == Yardstick.of(tiny.build(), folder, known=3, prose=5, skills=5)


def test_a_snapshot_measures_a_view_and_survives_json():
    checkpoint = tiny.build()
    base = checkpoint.table.base
    yardstick = Yardstick.of(checkpoint, None, known=4, prose=2, skills=0)
    taught, control = replace(PLAN, facts=1, controls=2).lessons(None)
    snapshot = Snapshot.take(checkpoint, base, taught, control, yardstick)
    assert snapshot.control == tuple(
        complete(checkpoint, [checkpoint.question_prompt(lesson.asked.text) for lesson in control], base)
    )
    beside = [checkpoint.question_prompt(lesson.case.beside) for lesson in taught]
    assert snapshot.beside == tuple(complete(checkpoint, beside, base))
    assert snapshot.prose_nll == nll(checkpoint, base, yardstick.prose)
    assert Snapshot.from_json(json.loads(json.dumps(snapshot.to_json()))) == snapshot


def test_a_cloze_is_asked_as_it_stands_and_cut_at_its_sentence(monkeypatch):
    checkpoint = tiny.build()
    asked: list[str] = []

    def say(_, prompts, *rest):
        asked.extend(prompts)
        return ["Oslo. He lived. "] * len(prompts)

    monkeypatch.setattr("model.continual.measure.complete", say)
    answers = ask(checkpoint, checkpoint.table.base, [Asking("cloze", "He was born in"), Asking("question", "Where?")])
    assert asked == ["He was born in", checkpoint.question_prompt("Where?")]
    assert answers == ["Oslo", "Oslo. He lived. "]


def test_any_accepted_answer_counts():
    assert exact("the oslo", ["Kristiania", "Oslo"])
    assert not exact("Oslo city", ["Kristiania", "Oslo"])
    assert best_f1("Oslo city", ["Kristiania", "Oslo"]) == pytest.approx(2 / 3)


def test_peak_memory_sees_what_was_allocated_and_freed():
    peak = PeakMemory(torch.device("cpu"))
    low = peak.read()
    block = torch.ones(64_000_000, dtype=torch.uint8)
    del block
    assert peak.read() - low > 30_000_000
