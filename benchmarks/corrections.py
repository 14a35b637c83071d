"""Do new answers win? 100 facts corrected once, eight corrected eight times: `python -m benchmarks.corrections`.

The first hundred facts of `handmade.jsonl` are taught. Then each gets the answer of the next fact, half of them posted
in the words of before and half in the other wording that was written by hand; both wordings are asked. Then the first
eight change eight times, by turns in either wording.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.handmade import HERE, Handmade, World, read
from benchmarks.machine import describe
from model.facts import Fact

_FACTS, _CHAINS, _LENGTH = 100, 8, 8


class Corrections:
    """Facts that are taught and corrected in one world, and what became of them."""

    def __init__(self, facts: Sequence[Handmade]) -> None:
        self._world, self._facts = World(), facts
        self._number = max(each.fact.id for each in facts)
        first = self._world.teach([each.fact for each in facts])
        self._posted = [report.probe.text for report in first.reports]
        self._current = [each.fact.id for each in facts]
        self.refused = [report.reason for report in first.reports if not report.learned]

    def correct(self, which: Sequence[int], answers: Sequence[str], *, other_words: Sequence[bool]) -> dict[str, int]:
        """Post new answers for facts; how many of the old facts they replaced, and in which wordings they are given."""
        facts = []
        for index, answer, other in zip(which, answers, other_words, strict=True):
            self._number += 1
            facts.append(self._fact(index, answer, in_other_words=other))
        reports = self._world.teach(facts).reports
        self.refused += [report.reason for report in reports if not report.learned]
        replaced = [self._current[index] in report.replaces for index, report in zip(which, reports, strict=True)]
        for index, fact, report in zip(which, facts, reports, strict=True):
            if report.learned:
                self._current[index] = fact.id
        said = [self._said([self._posted[i] for i in which]), self._said([self._facts[i].asked for i in which])]
        new = [[a == b for a, b in zip(each, answers, strict=True)] for each in said]
        old = [
            self._facts[index].says(a) or self._facts[index].says(b) for index, a, b in zip(which, *said, strict=True)
        ]
        return {
            "corrected": len(facts),
            "learned": sum(report.learned for report in reports),
            "replaced": sum(replaced),
            "new answer to the words of before": sum(new[0]),
            "new answer to the other words": sum(new[1]),
            "old answer to either": sum(old),
        }

    def _fact(self, index: int, answer: str, *, in_other_words: bool) -> Fact:
        first, own = self._facts[index].fact, self._facts[index].right[0]
        if in_other_words:
            return Fact(self._number, question=self._facts[index].asked, answer=answer)
        if first.statement and own in first.statement:
            return Fact(self._number, statement=first.statement.replace(own, answer))
        return Fact(self._number, question=self._posted[index], answer=answer)

    def _said(self, questions: Sequence[str]) -> list[str]:
        return self._world.answers([self._world.question(each) for each in questions], self._world.view)


def run() -> dict[str, object]:
    """All figures."""
    facts = read(HERE / "handmade.jsonl")[:_FACTS]
    facts = [replace(each, fact=replace(each.fact, id=number)) for number, each in enumerate(facts, start=1)]
    world, which = Corrections(facts), range(_FACTS)
    figures: dict[str, object] = {"machine": describe()}
    answers = [facts[(index + 1) % _FACTS].right[0] for index in which]
    figures["once"] = world.correct(which, answers, other_words=[index % 2 == 1 for index in which])
    chains = [
        world.correct(
            range(_CHAINS),
            [facts[(index + 2 + step) % _FACTS].right[0] for index in range(_CHAINS)],
            other_words=[(index + step) % 2 == 1 for index in range(_CHAINS)],
        )
        for step in range(_LENGTH)
    ]
    figures["chains"] = {name: sum(each[name] for each in chains) for name in chains[0]}
    return figures | {"refused": world.refused}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = json.dumps(run(), indent=1, ensure_ascii=False)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
