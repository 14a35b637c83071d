"""Figures of runs as Markdown tables, and their file. Knows no model."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from model.continual.figures import Figures, Group, groups, main_groups
from model.continual.settings import TITLES

_MATCHED = 0.02  # «at matched learning»: F1 at the end within 2 points


def write(records: Iterable[dict[str, Any]], folder: Path) -> None:
    """Write `results.json` and `results.md` of `records` into `folder`."""
    figures = [Figures.of(record) for record in records]
    text = json.dumps([asdict(run) for run in figures], indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "results.md").write_text(markdown(figures), encoding="utf-8")


def read(path: Path) -> list[Figures]:
    """The figures of a `results.json`."""
    return [
        Figures(**{**fields, "deciles": tuple(fields["deciles"])})
        for fields in json.loads(path.read_text(encoding="utf-8"))
    ]


def markdown(figures: Sequence[Figures], plots: Sequence[tuple[str, str]] = ()) -> str:
    """All tables; `plots` are (title, file) of pictures that lie beside the document."""
    found = groups(figures)
    main = main_groups(found)
    parts = [
        "# Teaching facts one after another: methods compared\n",
        "Written by `make results` from the runs of `slotwise evaluate continual`; not edited by hand.\n",
        _setup(main),
        "## Learned and forgotten\n\n" + _table(_OUTCOME, main),
        *(f"![{title}]({file})\n" for title, file in plots),
        "## At matched learning\n\n" + _matched(found),
        "## What a fact costs\n\n" + _table(_COST, main),
        "## F1 at the end, by age of the fact\n\n" + _ages(main),
        "## By source, at the end\n\n" + _sources(main),
        "## All settings\n\n" + _sweep(found),
        _NOTES,
    ]
    return "\n".join(parts)


def _setup(main: Sequence[Group]) -> str:
    """What was run: a line a plan, then a line a method."""
    lines = []
    for plan_key in dict.fromkeys(group.plan for group in main):
        own = [group for group in main if group.plan == plan_key]
        run = own[0].runs[0]
        plan, seeds = run.plan, sorted({one.plan["seed"] for group in own for one in group.runs})
        lines.append(
            f"{plan['facts']} facts from {', '.join(plan['sources'])}, seeds {', '.join(map(str, seeds))}; at most "
            f"{plan['texts']} study texts a fact; facts a version: {plan['facts_per_job']}; "
            f"{plan['controls']} controls. Known questions, held-out texts and skill problems: at most "
            f"{plan['known']}, {plan['prose']}, {plan['skills']}. In a run, facts whose posted words show no answer: "
            f"{_number(own, _no_answer)}; facts asked in the wording that learning may have stopped on: "
            f"{_number(own, _probes_asked)}. Checkpoint `{run.checkpoint[:12]}`; "
            f"{', '.join(sorted({group.runs[0].machine for group in own}))}; "
            f"{max(one.finished for group in own for one in group.runs)}.\n"
        )
        lines += [
            f"- {TITLES[group.method]}: {group.runs[0].described}"
            f"{' (seed ' + ', '.join(str(one.plan['seed']) for one in group.runs) + ')' if len(seeds) > 1 else ''}"
            for group in own
        ]
        lines.append("")
    return "\n".join(lines)


def _number(own: Sequence[Group], read: Callable[[Figures], float]) -> str:
    return f"{statistics.mean(read(run) for group in own for run in group.runs):g}"


def _no_answer(run: Figures) -> float:
    return run.no_answer


def _probes_asked(run: Figures) -> float:
    return run.probes_asked


def _f1(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if value < 1 else "1.00"


def _percent(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:.1f} %"


def _size(value: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.0f} B"


Column = tuple[str, Callable[[Figures], float | None], Callable[[float], str]]

_OUTCOME: tuple[Column, ...] = (
    ("F1 right after", lambda run: run.f1_right_after, _f1),
    ("F1 at the end", lambda run: run.f1_end, _f1),
    ("exact right after", lambda run: run.exact_right_after, _percent),
    ("exact at the end", lambda run: run.exact_end, _percent),
    ("exact before (base)", lambda run: run.exact_before, _percent),
    ("drop of F1 on known questions", lambda run: run.known_drop, _percent),
    ("known answered", lambda run: run.known_end, _percent),
    ("rise of prose NLL", lambda run: run.prose_rise, _percent),
    ("rise of skill NLL", lambda run: run.skill_rise, _percent),
    ("controls before", lambda run: run.control_before, _percent),
    ("controls at the end", lambda run: run.control_end, _percent),
    ("locality kept", lambda run: run.locality_kept, _percent),
    ("asked for something else of the subject: as before", lambda run: run.beside_kept, _percent),
    ("with the taught answer", lambda run: run.beside_told, _percent),
)
_COST: tuple[Column, ...] = (
    ("seconds a fact", lambda run: run.seconds, lambda value: f"{value:.2f}"),
    ("p95", lambda run: run.seconds_p95, lambda value: f"{value:.2f}"),
    ("steps a fact", lambda run: run.steps, lambda value: f"{value:g}"),
    ("seconds a step", lambda run: run.seconds_step, lambda value: f"{value:.3f}"),
    ("rows changed a fact", lambda run: run.rows, lambda value: f"{value:,.0f}"),
    ("bytes a fact", lambda run: run.nbytes, _size),
    ("peak memory", lambda run: float(run.peak_bytes), _size),
    ("probe answered while learning", lambda run: run.answered_while_learning, _percent),
)
_NOTES = """## How to read it

Every method gets the same checkpoint, facts, study texts and unseen wordings, and trains answer tokens only; where
words are the address, sparse methods leave out texts that tell if any asks. Answers are generated greedily. F1 is over
normalised words, against the nearest accepted answer. ± is the standard deviation over seeds. Controls are facts of the
same sources that were never taught. Locality prompts are beginnings of statements about other subjects (CounterFact).
Asked for something else of a taught subject («Where did X die?» once «X was born in Oslo» was taught), a model should
answer as before. Sweeps choose by the harmonic mean, «balance», of F1 at the end and of the share of known F1 that was
kept. Dense methods begin each fact with fresh moments of Adam, unless «moments kept» says otherwise; LoRA's adapters
stay unmerged. Rows and bytes are medians of the facts that changed anything; for dense methods the bytes are those of
all trained parameters. Peak memory is the process's on a CPU, interpreter and checkpoint included. SimpleQA has one
wording a fact, so these facts are asked in the wording that `augment` holds out.
"""


def _table(columns: Sequence[Column], main: Sequence[Group]) -> str:
    lines: list[Sequence[str]] = [("method", *(name for name, _, _ in columns))]
    lines += [(TITLES[group.method], *(_cell(group, get, show) for _, get, show in columns)) for group in main]
    return _lines(lines)


def _cell(group: Group, get: Callable[[Figures], float | None], show: Callable[[float], str]) -> str:
    values = group.values(get)
    if not values:
        return "–"
    spread = f" ± {show(statistics.stdev(values))}" if len(values) > 1 else ""
    return show(statistics.mean(values)) + spread


def _matched(found: Sequence[Group]) -> str:
    """Of each method the setting whose F1 at the end is nearest to that of our best setting on the same plan."""
    ours: dict[str, Group] = {}
    for group in found:
        if group.method == "ours" and (group.plan not in ours or group.balance > ours[group.plan].balance):
            ours[group.plan] = group
    lines: list[Sequence[str]] = [
        ("method", "setting", "facts", "F1 at the end", "drop", "ours: F1 at the end", "ours: drop", "matched")
    ]
    for method in dict.fromkeys(group.method for group in found if group.method != "ours"):
        pairs = [(group, ours[group.plan]) for group in found if group.method == method and group.plan in ours]
        if not pairs:
            continue
        group, reference = min(pairs, key=lambda pair: abs(_gap(*pair)))
        apart = abs(_gap(group, reference))
        figures = [
            _cell(one, *column)
            for one in (group, reference)
            for column in ((_end, _f1), (lambda run: run.known_drop, _percent))
        ]
        verdict = "yes" if apart <= _MATCHED else f"no, {100 * apart:.0f} points apart"
        lines.append((TITLES[method], group.runs[0].described, str(group.facts), *figures, verdict))
    return _lines(lines) if len(lines) > 1 else "No run of ours on the same facts to compare with.\n"


def _gap(group: Group, reference: Group) -> float:
    return (group.mean(_end) or 0.0) - (reference.mean(_end) or 0.0)


def _end(run: Figures) -> float:
    return run.f1_end


def _ages(main: Sequence[Group]) -> str:
    parts = max(len(run.deciles) for group in main for run in group.runs)
    lines: list[Sequence[str]] = [("method", "oldest", *(str(part) for part in range(2, parts)), "newest")[: parts + 1]]
    for group in main:
        columns = zip(*(run.deciles for run in group.runs), strict=True)
        lines.append((TITLES[group.method], *(_f1(statistics.mean(column)) for column in columns)))
    return _lines(lines)


def _sources(main: Sequence[Group]) -> str:
    names = list(dict.fromkeys(name for group in main for run in group.runs for name in run.by_source))
    lines: list[Sequence[str]] = [("method", *(f"{name}: F1 · exact" for name in names))]
    for group in main:
        cells = []
        for name in names:
            own = [run.by_source[name] for run in group.runs if name in run.by_source]
            f1, right = (statistics.mean(entry[key] for entry in own) for key in ("f1", "exact"))
            cells.append(f"{_f1(f1)} · {_percent(right)}")
        lines.append((TITLES[group.method], *cells))
    return _lines(lines)


def _sweep(found: Sequence[Group]) -> str:
    columns: tuple[Column, ...] = (_OUTCOME[1], _OUTCOME[5], _OUTCOME[7], _COST[0])
    lines: list[Sequence[str]] = [("method", "setting", "facts", "seeds", *(name for name, _, _ in columns), "balance")]
    for group in found:
        lines.append(
            (
                TITLES[group.method],
                group.runs[0].described,
                str(group.facts),
                str(len(group.runs)),
                *(_cell(group, get, show) for _, get, show in columns),
                _f1(group.balance),
            )
        )
    return _lines(lines)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *body)]) + "\n"
