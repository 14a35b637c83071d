"""What answers are worth: right, stale, invented or missed where a fact was taught, else the same as before or not."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.sets import Case, Chat, TestSet, question
from model.evaluate import matches

TOKENS = 20  # of an answer, at most


@dataclass(frozen=True)
class Asked:
    """All chats of a test, by what they are there for, in the order of its cases."""

    posted: list[Chat]
    reworded: list[Chat]
    beside: list[Chat]
    neighbours: list[Chat]
    untaught: list[Chat]
    controls: list[Chat]

    @classmethod
    def of(cls, test: TestSet) -> "Asked":
        """Never taught facts are asked in the words in which taught ones are asked again."""
        again = [case.reworded or case.posted for case in test.untaught]
        return cls(
            [question(case.posted) for case in test.taught if case.posted],
            [question(case.reworded) for case in test.taught if case.reworded],
            [question(case.beside) for case in test.taught if case.beside],
            [question(case.neighbour) for case in test.taught if case.neighbour],
            [question(asked) for asked in again if asked],
            test.controls,
        )


def judged(
    test: TestSet, taught: Sequence[str], before: dict[str, list[str]], after: dict[str, list[str]]
) -> dict[str, float]:
    """Shares of the answers of each kind, of kinds that the set has; `taught` are all answers that were taught.

    A taught fact is answered right, stale (as the base does, or what was right before), with another fact's answer
    (invented), or missed. Where nothing was taught, an answer is identical to that before, and told if it is one that
    was taught and was not given before.
    """
    figures: dict[str, float] = {}
    for kind in ("posted", "reworded"):
        cases = [case for case in test.taught if getattr(case, kind)]
        if cases:
            found = [
                _outcome(case, said, old, taught)
                for case, said, old in zip(cases, after[kind], before[kind], strict=True)
            ]
            figures |= {f"{kind} {name}": found.count(name) / len(found) for name in ("right", "stale", "invented")}
            tenth = max(1, len(found) // 10)
            figures[f"{kind} worst tenth"] = min(
                found[start : start + tenth].count("right") / tenth for start in range(0, len(found) - tenth + 1, tenth)
            )
    for kind in ("beside", "neighbours", "untaught", "controls"):
        pairs = list(zip(before[kind], after[kind], strict=True))
        if pairs:
            figures[f"{kind} identical"] = sum(old == new for old, new in pairs) / len(pairs)
            told = [old != new and any(matches(new, answer) for answer in taught) for old, new in pairs]
            figures[f"{kind} told"] = sum(told) / len(told)
    return figures


def _outcome(case: Case, said: str, old: str, taught: Sequence[str]) -> str:
    if any(matches(said, right) for right in case.right):
        return "right"
    if said == old or any(matches(said, each) for each in case.before):
        return "stale"
    return "invented" if any(matches(said, each) for each in taught) else "miss"
