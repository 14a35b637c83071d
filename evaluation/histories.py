"""What ours does to thousands of facts: `python -m evaluation.histories --data DIR --work DIR`.

2,500 facts are taught in jobs of 100. Then 500 of them get another answer, half in the words they were posted in, half
in others. And 300 in the middle are forgotten, which is compared with a history in which they were never taught. All is
judged by states (`model.learn.probing`), which say what greedy generation would. Deltas and figures are files in
--work: what broke off goes on.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.arguments import parser_of
from evaluation.sets import Case, read, spread
from model.base.checkpoint import Checkpoint
from model.facts import Fact, Probe
from model.learn.change import removal
from model.learn.job import Teacher
from model.learn.probing import Told
from model.memory.delta import Delta
from model.memory.table import View

_JOB = 100
_TOGETHER = 32  # questions that are asked between two rests
_FIRST_CORRECTION = 100_000  # number of a fact

Figures = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What is asked, the answer that is looked for, and the fact that it belongs to, if any."""

    text: str
    answer: str
    fact: int | None = None


class Histories:
    """Views of one checkpoint, each a history of jobs whose deltas are kept.

    work  folder of the deltas, by name of the history
    """

    def __init__(self, base: str, memory: Path, device: str, work: Path) -> None:
        self.checkpoint = Checkpoint.load(base, memory, device=device)
        self._teacher, self._work = Teacher(self.checkpoint), work

    def taught(self, name: str, view: View, facts: Sequence[Fact]) -> tuple[View, list[Figures]]:
        """The view behind jobs of facts, and what became of each fact; a job whose files are there is not run again."""
        reports, table = list[Figures](), self.checkpoint.table
        view = table.retain(view)
        for start in range(0, len(facts), _JOB):
            file = self._work / name / f"{start:05}.json"
            if not file.exists():
                self._learn(view, facts[start : start + _JOB], file)
                print(f"{name}: {start + _JOB:,} of {len(facts):,}", flush=True)
            reports += json.loads(file.read_text(encoding="utf-8"))
            later = table.enter(view, Delta.from_bytes(file.with_suffix(".safetensors").read_bytes()))
            table.release(view)
            view = later
        return view, reports

    def forgotten(self, view: View, facts: Sequence[int]) -> View:
        """The view without the rows of some facts."""
        return self.checkpoint.table.enter(view, removal(self.checkpoint.memory, view, facts))

    def told(self, view: View, questions: Sequence[Question]) -> list[Told]:
        """What the view says to questions."""
        found: list[Told] = []
        for start in range(0, len(questions), _TOGETHER):
            few = questions[start : start + _TOGETHER]
            found += self._teacher.prober.asked(view, [Probe(each.text, each.answer, held_out=False) for each in few])
        return found

    def says(self, told: Told, answer: str) -> bool:
        """Whether what is said is an answer, to the letter."""
        return told.ids == self.checkpoint.prompts.answer(answer)

    def _learn(self, view: View, facts: Sequence[Fact], file: Path) -> None:
        began = time.monotonic()
        learned = self._teacher.learn(view, facts)
        seconds = (time.monotonic() - began) / len(facts)
        file.parent.mkdir(parents=True, exist_ok=True)
        if learned.delta is None:
            raise ValueError(f"{file}: none of {len(facts)} facts was learned")
        file.with_suffix(".safetensors").write_bytes(learned.delta.to_bytes())
        rows = [
            {
                "fact": fact.id,
                "learned": each.learned,
                "reason": each.reason,
                "replaces": each.replaces,
                "seconds": round(seconds, 3),
                "bytes": learned.delta.nbytes // len(facts),
            }
            for fact, each in zip(facts, learned.reports, strict=True)
        ]
        file.write_text(json.dumps(rows), encoding="utf-8")


@dataclass(frozen=True)
class Plan:
    """Taught cases, others that are not, and what is asked of either.

    corrected, forgotten  how many of the taught ones, spread over all of them, and in the middle
    asked                 questions of each kind, spread over the cases, at most
    """

    taught: list[Case]
    untaught: list[Case]
    corrected: int
    forgotten: int
    asked: int

    def middle(self) -> list[Case]:
        """Those that are forgotten."""
        first = (len(self.taught) - self.forgotten) // 2
        return self.taught[first : first + self.forgotten]


def retained(histories: Histories, view: View, plan: Plan) -> Figures:
    """How much is found, by age, and how much of what was not taught opens a row."""
    few = spread(plan.taught, plan.asked)
    figures: Figures = {}
    for kind, text in _WORDINGS.items():
        questions = [Question(text(case), case.right[0], case.fact.id) for case in few]
        told = histories.told(view, questions)
        right = [histories.says(each, asked.answer) for each, asked in zip(told, questions, strict=True)]
        other = [each.opened not in (None, asked.fact) for each, asked in zip(told, questions, strict=True)]
        tenth = max(1, len(few) // 10)
        figures[kind] = {
            "asked": len(few),
            "right": _share(right),
            "opened another": _share(other),
            "by age, oldest first": [_share(right[at : at + tenth]) for at in range(0, len(right), tenth)],
        }
    others = {
        "never taught": [Question(_reworded(case), case.right[0]) for case in spread(plan.untaught, plan.asked)],
        "neighbours": [Question(case.neighbour, case.right[0]) for case in few if case.neighbour],
    }
    for kind, questions in others.items():
        told = histories.told(view, questions)
        figures[kind] = {"asked": len(questions), "identical": _share(each.opened is None for each in told)}
    return figures


def corrected(histories: Histories, view: View, plan: Plan) -> Figures:
    """New answers for facts, half of them posted in other words, and what each wording is given behind that."""
    cases = spread(plan.taught, plan.corrected)
    answers = [case.right[0] for case in spread(plan.untaught, plan.corrected)]
    numbers = range(_FIRST_CORRECTION, _FIRST_CORRECTION + len(cases))
    facts = [
        Fact(number, question=_reworded(case) if number % 2 else _posted(case), answer=answer)
        for number, case, answer in zip(numbers, cases, answers, strict=True)
    ]
    later, reports = histories.taught("corrected", view, facts)
    figures: Figures = {
        "corrected": len(facts),
        "learned": sum(each["learned"] for each in reports),
        "replaced": sum(case.fact.id in each["replaces"] for case, each in zip(cases, reports, strict=True)),
    }
    for kind, text in _WORDINGS.items():
        for name, wanted in (("new", answers), ("old", [case.right[0] for case in cases])):
            told = histories.told(later, [Question(text(case), want) for case, want in zip(cases, wanted, strict=True)])
            figures[f"{kind}: {name} answer"] = sum(map(histories.says, told, wanted))
    named = {case.fact.id for case in cases}
    kept = [case for case in spread(plan.taught, plan.asked) if case.fact.id not in named]
    questions = [Question(_posted(case), case.right[0]) for case in kept]
    figures["others"] = {
        when: _share(map(histories.says, histories.told(each, questions), [asked.answer for asked in questions]))
        for when, each in (("right before", view), ("right behind", later))
    }
    return figures


def forgotten(histories: Histories, view: View, plan: Plan) -> Figures:
    """Three arms: with the facts, without their rows, and a history in which they were never taught."""
    gone = plan.middle()
    ids = [case.fact.id for case in gone]
    began = time.monotonic()
    without = histories.forgotten(view, ids)
    seconds = time.monotonic() - began
    never, _ = histories.taught(
        "never", histories.checkpoint.table.base, [case.fact for case in plan.taught if case.fact.id not in set(ids)]
    )
    figures: Figures = {"forgotten": len(ids), "seconds a fact": round(seconds / len(ids), 4)}
    for kind, text in _WORDINGS.items():
        questions = [Question(text(case), case.right[0], case.fact.id) for case in gone]
        arms = [histories.told(each, questions) for each in (view, without, never)]
        figures[kind] = {
            name: {
                "right": _share(map(histories.says, told, [asked.answer for asked in questions])),
                "opened": sum(each.opened is not None for each in told),
            }
            for name, told in zip(("with", "forgotten", "never taught"), arms, strict=True)
        }
        figures[kind]["forgotten and never taught say the same"] = sum(
            one.ids == other.ids and one.opened == other.opened for one, other in zip(*arms[1:], strict=True)
        )
        figures[kind]["neighbours that open"] = [
            {"question": asked.text, "fact": each.opened}
            for asked, each in zip(questions, arms[1], strict=True)
            if each.opened is not None
        ]
    return figures


def _posted(case: Case) -> str:
    return case.posted or case.reworded or ""


def _reworded(case: Case) -> str:
    return case.reworded or _posted(case)


_WORDINGS: dict[str, Callable[[Case], str]] = {"posted words": _posted, "other words": _reworded}


def _share(of: Iterable[bool]) -> float:
    all_of = list(of)
    return round(sum(all_of) / len(all_of), 4)


def main() -> None:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument("--set", default="questions")
    parser.add_argument("--facts", type=int, default=2_500, help="how many are taught; as many are not")
    parser.add_argument("--corrected", type=int, default=500)
    parser.add_argument("--forgotten", type=int, default=300)
    parser.add_argument("--asked", type=int, default=500, help="questions of each kind, at most")
    given = parser.parse_args()
    work = given.work / f"{given.set} {given.facts} {given.seed} history"
    test = read(given.set, given.facts, given.data, given.seed)
    plan = Plan(test.taught, test.untaught, given.corrected, given.forgotten, given.asked)
    histories = Histories(given.base, given.memory, given.device, work)
    view, reports = histories.taught("taught", histories.checkpoint.table.base, [case.fact for case in plan.taught])
    figures: Figures = {
        "facts": len(reports),
        "learned": sum(each["learned"] for each in reports),
        "seconds a fact, by job": [reports[at]["seconds"] for at in range(0, len(reports), _JOB)],
        "bytes a fact": sum(each["bytes"] for each in reports) // len(reports),
    }
    for name, measured in (("retained", retained), ("corrected", corrected), ("forgotten", forgotten)):
        figures[name] = measured(histories, view, plan)
        print(json.dumps({name: figures[name]}, indent=1), flush=True)
    (work / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
