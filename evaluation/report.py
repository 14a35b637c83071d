"""Tables and plots of the results in a folder: `python -m evaluation.report --work DIR --out docs/results`."""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt

_COLUMNS = {  # of a table, by the names of figures
    "reliability": "posted right",
    "generality": "reworded right",
    "stale": "reworded stale",
    "another fact's answer": "reworded invented",
    "beside told": "beside told",
    "beside identical": "beside identical",
    "neighbours identical": "neighbours identical",
    "never taught identical": "untaught identical",
    "controls identical": "controls identical",
}
_MARKS = "o^sDvP*X<"


@dataclass(frozen=True)
class Test:
    """All results on one test set with so many facts."""

    name: str
    facts: int
    seed: int
    results: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> "Test":
        """The results in a folder, named as comparisons name it; those of sweeps are left out."""
        name, facts, seed = folder.name.rsplit(" ", 2)
        files = sorted(file for file in folder.glob("*.json") if not file.stem.startswith("before"))
        found = [json.loads(file.read_text(encoding="utf-8")) for file in files if not file.stem.endswith("swept")]
        return cls(name, int(facts), int(seed), found)

    def table(self) -> str:
        """Markdown, a method a row; the columns that the set has."""
        columns = {
            title: key for title, key in _COLUMNS.items() if any(key in each["figures"] for each in self.results)
        }
        rows = [["method", *columns, "seconds a fact", "kB a fact"]]
        rows += [["---"] * len(rows[0])]
        for each in sorted(self.results, key=_order):
            shares = [_percent(each["figures"].get(key)) for key in columns.values()]
            cost = [f"{each['seconds a fact']:.2f}", f"{each['bytes a fact'] / 1000:,.1f}"]
            rows.append([_named(each), *shares, *cost])
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def plot(tests: Sequence[Test], file: Path) -> None:
    """What is found in other words against what is said as before, a method a mark, a set a panel."""
    figure, panels = plt.subplots(1, len(tests), figsize=(5.2 * len(tests), 4.6), squeeze=False)
    for panel, test in zip(panels[0], tests, strict=True):
        for each, mark in zip(sorted(test.results, key=_order), _MARKS, strict=False):
            found = each["figures"]
            kept = [found[key] for key in found if key.endswith(" identical") and not key.startswith("beside")]
            right = found.get("reworded right", found.get("posted right", 0.0))
            panel.scatter([100 * sum(kept) / len(kept)], [100 * right], s=90, marker=mark, label=each["method"])
        panel.set(xlim=(-3, 103), ylim=(-3, 103), title=f"{test.name}, {test.facts:,} facts")
        panel.set_xlabel("never taught: the very answer of before, %")
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("taught: right in other words, %")
    panels[0][-1].legend(fontsize=8, loc="lower left")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _order(result: dict[str, Any]) -> tuple[bool, bool, str]:
    return result["method"] != "untouched", result["method"] != "ours", result["method"]


def _named(result: dict[str, Any]) -> str:
    settings = ", ".join(f"{key} {value:g}" for key, value in result["settings"].items())
    return f"{result['method']} ({settings})" if settings else f"**{result['method']}**"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _tests(work: Path) -> Iterable[Test]:
    return [Test.read(folder) for folder in sorted(work.iterdir()) if folder.is_dir()]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="folder of the results")
    parser.add_argument("--out", type=Path, required=True, help="folder for tables.md and methods.png")
    given = parser.parse_args()
    tests = [test for test in _tests(given.work) if test.results]
    given.out.mkdir(parents=True, exist_ok=True)
    tables = [f"## {test.name}, {test.facts:,} facts, seed {test.seed}\n\n{test.table()}\n" for test in tests]
    (given.out / "tables.md").write_text("\n".join(tables), encoding="utf-8")
    plot(tests, given.out / "methods.png")


if __name__ == "__main__":
    main()
