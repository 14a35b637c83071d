"""The command `evaluate continual`: its options, sweeps, winners, and the report after every run."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch

from model.checkpoint import fingerprint_of
from model.config import FinetuneConfig
from model.continual import report
from model.continual.figures import Figures, Group
from model.continual.run import Bench, Plan, Runs
from model.continual.settings import GRID, Setting
from model.continual.sources import NAMES
from model.errors import ModelError

_MODEL = Path(__file__).parent.parent / "default"


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments ask for; finished runs in the folder are not run again."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if "lora" in options.methods and find_spec("peft") is None:
        parser.error("LoRA needs the package peft; install it, or leave «lora» out of --methods")
    try:
        _compare(options)
    except (ModelError, FileNotFoundError) as error:
        sys.exit(f"evaluate continual: {error}")
    print((options.out / "results.md").read_text(encoding="utf-8"))


def _compare(options: argparse.Namespace) -> None:
    """Every method in turn: its sweep if asked for, then the chosen setting on each seed."""
    bench = Bench(options.model, options.data, torch.device(options.device), Runs(options.out / "runs.jsonl"))
    plan = Plan(
        sources=_sources(options.source, options.data),
        facts=options.facts,
        controls=options.controls,
        seed=options.seeds[0],
        texts=options.texts,
        facts_per_job=options.facts_per_job,
        known=options.known,
        prose=options.prose,
        skills=options.skills,
    )
    for method in options.methods:
        settings = [Setting(method, config) for config in GRID[method]]
        chosen = _winner(bench, replace(plan, facts=options.sweep_facts), settings) if options.sweep else settings[0]
        for seed in options.seeds:
            bench.run(replace(plan, seed=seed), chosen)
            _report(bench)


def _winner(bench: Bench, plan: Plan, settings: list[Setting]) -> Setting:
    """The setting with the best balance of learned and kept on `plan`."""
    balance = {}
    for setting in settings:
        balance[setting] = Group((Figures.of(bench.run(plan, setting)),)).balance
        _report(bench)
    return max(settings, key=lambda setting: balance[setting])


def _report(bench: Bench) -> None:
    """Tables of the runs on this checkpoint; the file may hold others."""
    fingerprint = fingerprint_of(bench.model)
    report.write((run for run in bench.runs if run["checkpoint"] == fingerprint), bench.runs.folder)


def _sources(named: list[str] | None, data: Path | None) -> tuple[str, ...]:
    """The sources of the options: `mixed` is all that there are data for."""
    if not named:
        named = ["invented"] if data is None else ["mixed"]
    every = NAMES if data is not None else ("invented",)
    return tuple(dict.fromkeys(name for given in named for name in (every if given == "mixed" else (given,))))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate continual",
        description="Teach facts one after another by several methods; measure what is learned and what is forgotten.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--methods", nargs="+", choices=list(GRID), default=list(GRID), help="methods to compare")
    parser.add_argument("--source", nargs="+", choices=[*NAMES, "mixed"], help="where facts come from, in turn")
    parser.add_argument("--facts", type=_count, default=1000, help="facts taught in each run")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="one run each; a sweep uses the first")
    parser.add_argument("--sweep", action="store_true", help="try all settings first, and run the best")
    parser.add_argument("--sweep-facts", type=_count, default=200, help="facts taught in each run of a sweep")
    parser.add_argument("--controls", type=int, default=100, help="facts asked for and never taught")
    parser.add_argument("--texts", type=_count, default=FinetuneConfig.texts, help="study texts of a fact, at most")
    parser.add_argument("--facts-per-job", type=_count, default=1, help="facts that sparse methods make one version of")
    parser.add_argument("--known", type=int, default=500, help="known questions asked before and after, at most")
    parser.add_argument("--prose", type=int, default=200, help="held-out texts, at most")
    parser.add_argument("--skills", type=int, default=200, help="problems with solutions, at most")
    parser.add_argument("--model", type=Path, default=_MODEL, help="checkpoint folder")
    parser.add_argument("--data", type=Path, help="data folder; without it facts are invented")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/continual"),
        help="folder of runs and tables; take a new one when the code that learns has changed",
    )
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value
