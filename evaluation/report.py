"""What runs are worth, as Markdown tables and a plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt

from evaluation.comparison import Run
from evaluation.outcomes import found, unchanged
from evaluation.sets import SKILLS

_COLUMNS = {  # of a table, by the names of figures
    "reliability": "posted right",
    "generality": "reworded right",
    "… exact": "reworded exact",
    "stale": "reworded stale",
    "another fact's answer": "reworded invented",
    "beside told": "beside told",
    "beside identical": "beside identical",
    "neighbours told": "neighbours told",
    "neighbours identical": "neighbours identical",
    "never taught told": "untaught told",
    "never taught identical": "untaught identical",
    "controls identical": "controls identical",
}
_MARKS = "o^sDvP*X<"


@dataclass(frozen=True)
class Table:
    """Runs on one test set with so many facts, each with its figures."""

    name: str
    facts: int
    seed: int
    runs: Sequence[tuple[Run, Mapping[str, float]]]

    def __str__(self) -> str:
        """Markdown, a method a row; the columns that the set has."""
        columns = {title: key for title, key in _COLUMNS.items() if any(key in figures for _, figures in self.runs)}
        skills = [name for name in SKILLS if any(name in figures for _, figures in self.runs)]
        more = [*skills, "skills lost · won, p"] if skills else []
        rows = [["method", *columns, *more, "seconds a fact", "kB a fact"]]
        rows += [["---"] * len(rows[0])]
        for run, figures in self.runs:
            shares = [_percent(figures.get(key)) for key in columns.values()]
            shares += [_percent(figures.get(name)) for name in skills] + [_changes(figures)] * bool(skills)
            rows.append([_named(run), *shares, f"{run.seconds:.2f}", f"{run.size / 1000:,.1f}"])
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return f"## {self.name}, {self.facts:,} facts, seed {self.seed}\n\n" + "\n".join(lines) + "\n"


def plot(tables: Sequence[Table], file: Path) -> None:
    """What is found in other words against what is said as before: a method a mark, a set a panel."""
    figure, panels = plt.subplots(1, len(tables), figsize=(5.2 * len(tables), 4.6), squeeze=False)
    for panel, table in zip(panels[0], tables, strict=True):
        for (run, figures), mark in zip(table.runs, _MARKS, strict=False):
            place = [100 * unchanged(figures)], [100 * found(figures)]
            panel.scatter(*place, s=90, marker=mark, label=run.method)
        panel.set(xlim=(-3, 103), ylim=(-3, 103), title=f"{table.name}, {table.facts:,} facts")
        panel.set_xlabel("never taught: the very answer of before, %")
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("taught: right in other words, %")
    panels[0][0].legend(fontsize=8, loc="lower left")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _named(run: Run) -> str:
    settings = ", ".join(f"{key} {value:g}" for key, value in run.settings.items())
    return f"{run.method} ({settings})" if settings else f"**{run.method}**"


def _changes(figures: Mapping[str, float]) -> str:
    if "McNemar p" not in figures:
        return "–"
    return f"{figures['skills lost']:.0f} · {figures['skills won']:.0f}, {figures['McNemar p']:.2g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
