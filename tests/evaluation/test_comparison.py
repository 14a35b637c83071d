"""Runs that are kept, and what their answers are worth; rivals that say what they are told to."""

import pytest

from evaluation.comparison import Comparison
from evaluation.methods import Method
from evaluation.outcomes import judged, skilled
from evaluation.report import Table, plot
from evaluation.sets import Case, FactSet, Task, question
from model.facts import Fact

TAUGHT = [
    Case(Fact(1, question="Who keeps it?", answer="Ada"), "Who keeps it?", "Its keeper?", ("Ada",), beside="How tall?"),
    Case(Fact(2, question="Where is it?", answer="Pier 2"), "Where is it?", "Its place?", ("Pier 2",), ("Pier 1",)),
]
UNTAUGHT = [Case(Fact(3, question="Since when?", answer="1900"), "Since when?", None, ("1900",))]
TASKS = [Task("Which is red?", ("grass", "a poppy", "snow"), 1), Task("Which is wet?", ("sand", "rain"), 1)]
TEST = FactSet("made up", TAUGHT, UNTAUGHT, [question("2 + 2?")], {"PIQA": TASKS})


class Sayer:
    """Says one thing to all chats once it is taught."""

    def __init__(self, says: str = "", made: list[str] | None = None):
        self._says, self._taught = says, False
        if made is not None:
            made.append(says)

    def teach(self, facts):
        self._taught = True

    def answers(self, chats, tokens):
        return [self._says if self._taught else "I do not know." for _ in chats]

    def scores(self, asked):
        return [float(len(answer) if self._says else -len(answer)) for _, answer in asked]

    def size(self):
        return 10


def compared(folder, made):
    methods = {
        "untouched": Method(Sayer, learns=False),
        "parrot": Method(lambda says: Sayer(says, made), ({"says": "no"}, {"says": "It is Ada."})),
        "engine": Method(lambda: Sayer("pier 2", made), engine=True),
    }
    return Comparison(folder, TEST, methods)


def test_a_run_is_made_once_and_the_best_of_a_sweep_is_chosen(tmp_path):
    made: list[str] = []
    assert compared(tmp_path, made).best("parrot") == {"says": "It is Ada."}
    assert len(made) == 2
    run = compared(tmp_path, made).run("parrot", {"says": "no"}, swept=True)
    assert len(made) == 2
    assert run.answers["posted"] == ["no", "no"]
    assert run.size == 5


def test_answers_before_are_made_by_what_answers_behind(tmp_path):
    runs = compared(tmp_path, [])
    assert runs.figures(runs.run("untouched", {}))["controls identical"] == 1.0
    assert runs.figures(runs.run("engine", {}))["reworded exact"] == 0.5
    assert {path.name for path in tmp_path.iterdir()} >= {"before.json", "before by the engine.json"}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("Ada", "right"), ("It is Ada.", "right"), ("No idea", "stale"), ("Pier 2", "invented"), ("Adam", "miss")],
)
def test_what_a_taught_fact_is_answered_with(said, outcome):
    before = {"posted": ["No idea"] * 2, "reworded": ["No idea"] * 2, "beside": ["?"], "neighbours": []}
    before |= {"untaught": ["since 1900"], "controls": ["4"]}
    figures = judged(TEST, ["Ada", "Pier 2"], before, before | {"reworded": [said, "Pier 1"], "untaught": ["Ada"]})
    shares = {name: figures[f"reworded {name}"] for name in ("right", "stale", "invented")}
    expected = {"right": 0.0, "stale": 0.5, "invented": 0.0}  # the other's answer was right before
    assert shares == {name: share + (name == outcome) / 2 for name, share in expected.items()}
    assert (figures["untaught identical"], figures["untaught told"], figures["controls told"]) == (0.0, 1.0, 0.0)
    assert "neighbours identical" not in figures


def test_skills_are_counted_by_what_is_right_before_and_behind(tmp_path):
    runs = compared(tmp_path, [])
    assert runs.run("untouched", {}).chosen == {"PIQA": [2, 0]}  # of ties the first
    figures = runs.figures(runs.run("engine", {}))
    assert (figures["PIQA"], figures["skills lost"], figures["skills won"]) == (0.5, 0, 1)
    five = {"PIQA": TASKS[:1] * 5}
    assert skilled(five, {"PIQA": [1] * 5}, {"PIQA": [0] * 5})["McNemar p"] == 2 / 2**5
    assert skilled(five, {"PIQA": [1] * 5}, {"PIQA": [1] * 5})["McNemar p"] == 1.0


def test_of_many_cases_some_are_asked_spread_over_all(tmp_path):
    cases = [Case(Fact(n, question=f"{n}?", answer=str(n)), f"{n}?", None, (str(n),)) for n in range(10)]
    runs = Comparison(tmp_path, FactSet("many", cases, cases, []), compared(tmp_path, []).methods, most=4)
    assert len(runs.run("engine", {}).answers["posted"]) == 4
    assert [case.fact.id for case in runs._part(swept=False).taught] == [0, 2, 5, 7]


def test_a_table_and_a_plot(tmp_path):
    runs = compared(tmp_path, [])
    run = runs.run("engine", {})
    table = Table("made up", 2, 0, [(run, runs.figures(run))])
    assert "| **engine** |" in str(table)
    assert "| PIQA | skills lost · won, p |" in str(table)
    plot([table], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1_000
