"""Figures from records, tables from figures, and the document that is generated."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import plots
from model.continual.figures import Figures, Group, deciles, groups, main_groups
from model.continual.report import markdown, read, write

DOCS = Path(__file__).parents[3] / "docs"


def fact(end: str, answer: str = "red house", **others: Any) -> dict[str, Any]:
    return {
        "source": "invented",
        "asked": "?",
        "answers": [answer],
        "answer_known": True,
        "asked_is_probe": False,
        "before": "nothing",
        "right_after": answer,
        "end": end,
        "beside": "What else?",
        "beside_before": "nothing",
        "beside_end": "nothing",
        "answered": True,
        "steps": 4,
        "seconds": 2.0,
        "rows": 100,
        "nbytes": 1000,
        **others,
    }


def record(
    method: str = "ours", seed: int = 0, facts: int = 4, end: str = "red house", known: float = 0.8, lr: float = 0.1
) -> dict[str, Any]:
    measures = {"known_exact": 0.7, "prose_nll": 2.0, "skill_nll": None}
    return {
        "setting": {"method": method, "learning_rate": lr},
        "described": f"lr {lr}",
        "plan": {
            "sources": ["invented"],
            "facts": facts,
            "controls": 1,
            "seed": seed,
            "texts": 3,
            "facts_per_job": 1,
            "known": 4,
            "prose": 2,
            "skills": 0,
        },
        "checkpoint": "ab" * 32,
        "machine": "a machine",
        "finished": "2026-11-22",
        "peak_bytes": 5_000_000,
        "facts": [fact(end) for _ in range(facts)],
        "controls": [{"asked": "?", "answers": ["x"], "before": "y", "end": "x"}],
        "before": {**measures, "known_f1": 0.8, "locality": ["a", "b"]},
        "after": {**measures, "known_f1": known, "prose_nll": 2.1, "locality": ["A.", "c"]},
    }


def test_figures_of_a_record():
    entry = record(known=0.6)
    entry["facts"][0] = fact("red", source="reading", answer_known=False, rows=0, nbytes=0, seconds=9.0)
    entry["facts"][1] = fact("red house", beside_end="a red house")
    entry["facts"][2] = fact("red house", beside="", beside_before="", beside_end="")
    figures = Figures.of(entry)
    assert figures.f1_end == pytest.approx((2 / 3 + 3) / 4)
    assert (figures.exact_before, figures.exact_right_after, figures.exact_end) == (0.0, 1.0, 0.75)
    assert figures.known_drop == pytest.approx(0.25)
    assert figures.prose_rise == pytest.approx(0.05)
    assert figures.skill_rise is None
    assert (figures.control_before, figures.control_end) == (0.0, 1.0)
    assert figures.locality_kept == 0.5
    assert (figures.beside_told, figures.beside_kept) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert (figures.seconds, figures.seconds_p95, figures.rows, figures.nbytes) == (2.0, 9.0, 100, 1000)
    assert figures.no_answer == 1
    assert figures.by_source["reading"] == {"facts": 1, "f1": pytest.approx(2 / 3), "exact": 0.0}


def test_deciles_cover_every_value_once_in_order():
    values = [float(index) for index in range(100)]
    assert deciles(values) == tuple(10 * part + 4.5 for part in range(10))
    assert deciles([1.0, 0.0]) == (1.0, 0.0)
    assert len(deciles([1.0] * 23)) == 10


def test_runs_that_differ_in_seed_are_one_group_and_others_are_not():
    runs = [
        Figures.of(record(seed=1)),
        Figures.of(record(seed=0)),
        Figures.of(record(lr=0.2)),
        Figures.of(record(facts=5)),
        Figures.of(record("full")),
    ]
    found = groups(runs)
    assert [len(group.runs) for group in found] == [1, 2, 1, 1]
    assert found[0].method == "full"
    assert [run.plan["seed"] for run in found[1].runs] == [0, 1]


def test_the_result_of_a_method_is_its_largest_run_then_its_best():
    best = Figures.of(record(known=0.7, lr=0.2))
    found = groups(
        [Figures.of(record(known=0.4)), best, Figures.of(record("full", facts=9)), Figures.of(record("full"))]
    )
    chosen = {group.method: group for group in main_groups(found)}
    assert chosen["ours"].runs == (best,)
    assert chosen["full"].facts == 9


def test_balance_is_the_harmonic_mean_of_learned_and_kept():
    assert Group((Figures.of(record(known=0.4)),)).balance == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert Group((Figures.of(record(end="blue")),)).balance == 0.0
    assert Group((Figures.of(record(known=0.0)),)).balance == 0.0


def test_tables_show_mean_and_spread_over_seeds():
    text = markdown([Figures.of(record(seed=0, known=0.8)), Figures.of(record(seed=1, known=0.6))])
    assert "| 12.5 % ± 17.7 % |" in text


def test_the_matched_setting_is_the_nearest_in_learning_not_the_best_kept():
    runs = [
        Figures.of(record("ours", known=0.72)),
        Figures.of(record("lora", known=0.8, end="blue", lr=0.3)),
        Figures.of(record("lora", known=0.2, lr=0.4)),
    ]
    line = next(line for line in markdown(runs).splitlines() if line.startswith("| LoRA") and line.endswith("yes |"))
    assert "lr 0.4" in line
    assert "75.0 %" in line
    assert "10.0 %" in line


def test_figures_are_read_as_they_were_written(tmp_path):
    write([record(), record("full", known=0.2)], tmp_path)
    figures = read(tmp_path / "results.json")
    assert figures == [Figures.of(record()), Figures.of(record("full", known=0.2))]
    assert (tmp_path / "results.md").read_text() == markdown(figures)


def test_document_and_pictures_are_made_from_the_figures(tmp_path):
    write([record(seed=0), record(seed=1, known=0.6), record("full", known=0.2)], tmp_path)
    docs = tmp_path / "docs"
    docs.mkdir()
    plots.write(tmp_path, docs)
    assert (docs / "results.json").read_text() == (tmp_path / "results.json").read_text()
    for _, name in (plots.PARETO, plots.RETENTION):
        assert (docs / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in (docs / "results.md").read_text()


def test_the_document_in_docs_is_what_its_figures_say():
    text = markdown(read(DOCS / "results.json"), (plots.PARETO, plots.RETENTION))
    assert (DOCS / "results.md").read_text(encoding="utf-8") == text
