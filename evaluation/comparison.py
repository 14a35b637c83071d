"""One test set, and what rivals make of it: every result is a file, so that what broke off goes on."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.methods import Method
from evaluation.outcomes import TOKENS, Asked, judged
from evaluation.rival import Rival
from evaluation.sets import TestSet

_SWEPT = 30  # questions of each kind that a sweep asks


@dataclass(frozen=True)
class Comparison:
    """Runs on one test set.

    work     folder of the results
    methods  by name; «untouched» among them
    """

    work: Path
    test: TestSet
    methods: Mapping[str, Method]

    def best(self, name: str) -> dict[str, Any]:
        """The settings of a sweep whose answers are right most often, and identical where nothing was taught."""
        tried = self.methods[name].sweep
        if len(tried) == 1:
            return tried[0]
        return max(tried, key=lambda settings: _worth(self.result(name, settings, swept=True)["figures"]))

    def result(self, name: str, settings: dict[str, Any], *, swept: bool = False) -> dict[str, Any]:
        """What one method does with one setting; `swept` asks fewer questions."""
        told = " ".join(f"{key}={value}" for key, value in settings.items())
        file = self.work / f"{' '.join(filter(None, (name, told, 'swept' if swept else '')))}.json"
        if not file.exists():
            print(f"{self.work.name}: {file.stem}", flush=True)
            _write(file, self._run(name, settings, swept=swept) | {"method": name, "settings": settings})
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def _run(self, name: str, settings: dict[str, Any], *, swept: bool) -> dict[str, Any]:
        method, part = self.methods[name], self._first(_SWEPT if swept else None)
        rival, chats = method.make(**settings), Asked.of(part)
        before = self._before(rival if method.engine else None)
        before = {kind: said[: len(getattr(chats, kind))] for kind, said in before.items()}
        began = time.monotonic()
        rival.teach([case.fact for case in self.test.taught])
        seconds = time.monotonic() - began
        after = before
        if method.learns:
            after = {kind: rival.answers(each, TOKENS) for kind, each in vars(chats).items()}
        return {
            "figures": judged(part, [case.right[0] for case in self.test.taught], before, after),
            "seconds a fact": seconds / len(self.test.taught),
            "bytes a fact": rival.size() / len(self.test.taught),
            "answers": after,
        }

    def _before(self, engine: Rival | None) -> dict[str, list[str]]:
        """What the base says to all chats: as transformers runs it, or as our engine does."""
        file = self.work / f"before{'' if engine is None else ' by the engine'}.json"
        if not file.exists():
            rival = engine or self.methods["untouched"].make()
            _write(file, {kind: rival.answers(chats, TOKENS) for kind, chats in vars(Asked.of(self.test)).items()})
        found: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def _first(self, few: int | None) -> TestSet:
        test = self.test
        return replace(test, taught=test.taught[:few], untaught=test.untaught[:few], controls=test.controls[:few])


def _worth(figures: Mapping[str, float]) -> float:
    found = figures.get("reworded right", figures.get("posted right", 0.0))
    kept = [share for name, share in figures.items() if name.endswith(" identical")]
    return found + sum(kept) / len(kept)


def _write(file: Path, found: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(file)
