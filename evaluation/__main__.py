"""Teach rivals the same facts and ask them the same questions: `python -m evaluation --data DIR --work DIR`.

Each method's settings are swept on fewer questions, and the best of them is asked all. Every result is a file in
--work: what broke off goes on. --out makes tables and a plot of them.
"""

from pathlib import Path

from evaluation.arguments import parser_of
from evaluation.comparison import Comparison
from evaluation.methods import methods
from evaluation.report import Table, plot
from evaluation.sets import read
from model.base.source import base_folder


def main() -> None:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--sets", nargs="+", default=["hand-made", "zsre", "wikibigedit", "counterfact"])
    parser.add_argument("--facts", type=int, nargs="+", default=[100], help="how many are taught; as many are not")
    parser.add_argument("--asked", type=int, metavar="N", help="ask about so many of them, and of the others, at most")
    parser.add_argument("--methods", nargs="+", help="all where left out")
    parser.add_argument("--swept-on", type=int, metavar="N", help="take the settings that were best with N facts")
    parser.add_argument("--out", type=Path, help="folder for tables.md and methods.png")
    given = parser.parse_args()
    known = methods(base_folder(given.base, print), given.memory, given.device)
    if unknown := set(given.methods or ()) - set(known):
        parser.error(f"--methods: {', '.join(sorted(unknown))}; there are {', '.join(known)}")

    def compared(name: str, facts: int) -> Comparison:
        test = read(name, facts, given.data, given.seed)
        asked = f" asked {given.asked}" if given.asked and given.asked < facts else ""
        return Comparison(given.work / f"{name} {facts} {given.seed}{asked}", test, known, given.asked)

    tables = []
    for name in given.sets:
        for facts in given.facts:
            runs = compared(name, facts)
            swept = compared(name, given.swept_on) if given.swept_on else runs
            made = [runs.run(method, swept.best(method)) for method in given.methods or known]
            tables.append(Table(name, facts, given.seed, [(run, runs.figures(run)) for run in made]))
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "tables.md").write_text("\n".join(map(str, tables)), encoding="utf-8")
        plot(tables, given.out / "methods.png")


if __name__ == "__main__":
    main()
