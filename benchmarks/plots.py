"""What does each method learn, and what does it forget? Document and pictures from the figures of runs.

`python -m benchmarks.plots FOLDER` reads `FOLDER/results.json`, as `slotwise evaluate continual` writes it, and writes
results.json, results.md and two pictures into `docs/` (or the folder named second).
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # no window

from matplotlib import pyplot as plt

from model.continual.figures import Figures, Group, groups, main_groups
from model.continual.report import markdown, read
from model.continual.settings import TITLES

DOCS = Path(__file__).parent.parent / "docs"
PARETO = ("Learned against forgotten", "results-pareto.png")
RETENTION = ("F1 at the end by age of the fact", "results-retention.png")
_COLOURS = dict(zip(TITLES, ("#d62728", "#ff7f0e", "#9467bd", "#8c564b", "#1f77b4", "#2ca02c"), strict=True))


def pareto(figures: Sequence[Figures], path: Path) -> None:
    """F1 at the end against the drop of F1 on known questions: small dots for all settings, large ones for results."""
    found = [group for group in groups(figures) if group.mean(_drop) is not None]
    results = main_groups(found)
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    for group in found:
        x, y = _point(group)
        if group in results:
            axes.errorbar(
                x,
                y,
                xerr=_half_range([100 * value for value in group.values(_drop)]),
                yerr=_half_range(group.values(_end)),
                marker="o",
                markersize=9,
                capsize=3,
                linestyle="none",
                color=_COLOURS[group.method],
                label=f"{TITLES[group.method]} ({group.facts} facts)",
            )
        else:
            axes.plot(x, y, marker=".", color=_COLOURS[group.method], alpha=0.5)
    axes.set_xlabel("drop of F1 on known questions, %")
    axes.set_ylabel("F1 on new facts, unseen wording, at the end")
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    _save(figure, path)


def retention(figures: Sequence[Figures], path: Path) -> None:
    """F1 at the end by decile of age, a line a method."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for group in main_groups(groups(figures)):
        means = [sum(part) / len(part) for part in zip(*(run.deciles for run in group.runs), strict=True)]
        axes.plot(range(1, len(means) + 1), means, marker="o", color=_COLOURS[group.method], label=TITLES[group.method])
    axes.set_xlabel("part of the sequence, the oldest facts first")
    axes.set_ylabel("F1 at the end")
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    _save(figure, path)


def write(folder: Path, docs: Path) -> None:
    """The figures of `folder` as document and pictures in `docs`."""
    source = folder / "results.json"
    figures = read(source)
    (docs / "results.json").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    pareto(figures, docs / PARETO[1])
    retention(figures, docs / RETENTION[1])
    (docs / "results.md").write_text(markdown(figures, (PARETO, RETENTION)), encoding="utf-8")


def _end(run: Figures) -> float:
    return run.f1_end


def _drop(run: Figures) -> float | None:
    return run.known_drop


def _point(group: Group) -> tuple[float, float]:
    return 100 * (group.mean(_drop) or 0.0), group.mean(_end) or 0.0


def _half_range(values: Sequence[float]) -> float:
    return (max(values) - min(values)) / 2


def _save(figure: plt.Figure, path: Path) -> None:
    # without the program's version, the same figures make the same bytes
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m benchmarks.plots FOLDER [DOCS]")
    write(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else DOCS)
