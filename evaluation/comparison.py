"""One test set, and what rivals make of it: every run is a file, so that what broke off goes on."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation.methods import Method
from evaluation.outcomes import TOKENS, Asked, found, judged, skilled, unchanged
from evaluation.rival import Rival
from evaluation.sets import FactSet, Task, question, spread

_SWEPT = 16  # questions of each kind that a sweep asks

Answers = dict[str, list[str]]  # by the kind of question


@dataclass(frozen=True)
class Run:
    """What one method does with one setting.

    seconds, size  of teaching, and in bytes of what it keeps, a fact
    chosen         of each skill's tasks, which choice is likeliest; empty where none was asked
    """

    method: str
    settings: dict[str, Any]
    seconds: float
    size: float
    answers: Answers
    chosen: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Runs on one test set.

    work     folder of the runs
    methods  by name; «untouched» among them
    most     taught cases and others that are asked, each every so many in the order of teaching; all where None
    """

    work: Path
    test: FactSet
    methods: Mapping[str, Method]
    most: int | None = None

    def best(self, name: str) -> dict[str, Any]:
        """The settings of a sweep whose answers are right most often, and identical where nothing was taught."""
        tried = self.methods[name].sweep
        if len(tried) == 1:
            return tried[0]
        return max(tried, key=lambda settings: _worth(self.figures(self.run(name, settings, swept=True), swept=True)))

    def run(self, name: str, settings: dict[str, Any], *, swept: bool = False) -> Run:
        """What one method does with one setting, made once; `swept` asks fewer questions."""
        told = " ".join(f"{key}={value}" for key, value in settings.items())
        file = self.work / f"{' '.join(filter(None, (name, told, 'swept' if swept else '')))}.json"
        if not file.exists():
            print(f"{self.work.name}: {file.stem}", flush=True)
            _write(file, asdict(self._made(name, settings, swept=swept)))
        return Run(**json.loads(file.read_text(encoding="utf-8")))

    def figures(self, run: Run, *, swept: bool = False) -> dict[str, float]:
        """What its answers are worth."""
        before = self._before(run.method)
        before = {kind: said[: len(run.answers[kind])] for kind, said in before.items()}
        figures = judged(self._part(swept=swept), [case.right[0] for case in self.test.taught], before, run.answers)
        if run.chosen:
            untouched = self.run("untouched", {}).chosen
            figures |= skilled(self.test.skills, untouched, run.chosen)
        return figures

    def _made(self, name: str, settings: dict[str, Any], *, swept: bool) -> Run:
        method, taught = self.methods[name], self.test.taught
        rival, chats = method.make(**settings), Asked.of(self._part(swept=swept))
        before = self._before(name, rival if method.engine else None)
        began = time.monotonic()
        rival.teach([case.fact for case in taught])
        seconds = (time.monotonic() - began) / len(taught)
        after = before
        if method.learns:
            after = {kind: rival.answers(each, TOKENS) for kind, each in vars(chats).items()}
        chosen = {} if swept else {skill: _chosen(rival, tasks) for skill, tasks in self.test.skills.items()}
        return Run(name, settings, seconds, rival.size() / len(taught), after, chosen)

    def _before(self, name: str, engine: Rival | None = None) -> Answers:
        """What the base says to all chats: as transformers runs it, or as our engine does."""
        file = self.work / f"before{' by the engine' if self.methods[name].engine else ''}.json"
        if not file.exists():
            rival = engine or self.methods["untouched"].make()
            chats = vars(Asked.of(self._part(swept=False)))
            _write(file, {kind: rival.answers(each, TOKENS) for kind, each in chats.items()})
        said: Answers = json.loads(file.read_text(encoding="utf-8"))
        return said

    def _part(self, *, swept: bool) -> FactSet:
        few, most = _SWEPT if swept else None, self.most or len(self.test.taught)
        asked = replace(self.test, taught=spread(self.test.taught, most), untaught=spread(self.test.untaught, most))
        return replace(asked, taught=asked.taught[:few], untaught=asked.untaught[:few], controls=asked.controls[:few])


def _chosen(rival: Rival, tasks: Sequence[Task]) -> list[int]:
    """Which choice of each task it is likeliest to say."""
    asked = [(question(task.question), choice) for task in tasks for choice in task.choices]
    scores = iter(rival.scores(asked))
    each = [[next(scores) for _ in task.choices] for task in tasks]
    return [few.index(max(few)) for few in each]


def _worth(figures: Mapping[str, float]) -> float:
    return found(figures) + unchanged(figures)


def _write(file: Path, made: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(file)
