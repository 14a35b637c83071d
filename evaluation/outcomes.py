"""What answers are worth: right, stale, invented or missed where a fact was taught, else the same as before or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

from evaluation.sets import Case, Chat, FactSet, Task, question
from model.evaluate import matches, normalise

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
    def of(cls, test: FactSet) -> "Asked":
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
    test: FactSet, taught: Sequence[str], before: dict[str, list[str]], after: dict[str, list[str]]
) -> dict[str, float]:
    """Shares of the answers of each kind, of kinds that the set has; `taught` are all answers that were taught.

    A taught fact is answered right, stale (as the base does, or what was right before), with another fact's answer
    (invented), or missed. Right is whatever says the answer, alone or in a sentence, because the base makes sentences
    of what stands in its prompt; `exact` is the answer alone. Where nothing was taught, an answer is identical to that
    before, and told if it says what was taught and the one before did not.
    """
    figures: dict[str, float] = {}
    for kind in ("posted", "reworded"):
        cases = [case for case in test.taught if getattr(case, kind)]
        pairs = list(zip(cases, after[kind], strict=True))
        if pairs:
            found = [_outcome(*pair, old, taught) for pair, old in zip(pairs, before[kind], strict=True)]
            figures |= {f"{kind} {name}": found.count(name) / len(found) for name in ("right", "stale", "invented")}
            exact = [any(matches(said, right) for right in case.right) for case, said in pairs]
            figures[f"{kind} exact"] = sum(exact) / len(exact)
            figures[f"{kind} worst tenth"] = _worst_tenth([each == "right" for each in found])
    for kind in ("beside", "neighbours", "untaught", "controls"):
        both = list(zip(before[kind], after[kind], strict=True))
        if both:
            figures[f"{kind} identical"] = sum(old == new for old, new in both) / len(both)
            told = [any(_says(new, answer) and not _says(old, answer) for answer in taught) for old, new in both]
            figures[f"{kind} told"] = sum(told) / len(told)
    return figures


def skilled(
    skills: Mapping[str, Sequence[Task]], before: Mapping[str, list[int]], after: Mapping[str, list[int]]
) -> dict[str, float]:
    """The share of right choices of each skill, and how likely the changes over all skills are by chance alone.

    That is McNemar's test, exact: of tasks that are right only before or only behind, each half is as likely.
    """
    figures, lost, won = {}, 0, 0
    for name, tasks in skills.items():
        pairs = [
            (old == task.right, new == task.right)
            for task, old, new in zip(tasks, before[name], after[name], strict=True)
        ]
        figures[name] = sum(new for _, new in pairs) / len(pairs)
        lost += sum(old and not new for old, new in pairs)
        won += sum(new and not old for old, new in pairs)
    fewer = sum(comb(lost + won, count) for count in range(min(lost, won) + 1))
    return figures | {"skills lost": lost, "skills won": won, "McNemar p": min(1.0, 2 * fewer / 2 ** (lost + won))}


def found(figures: Mapping[str, float]) -> float:
    """The share of taught facts that are right in other words; in the posted ones where the set has no others."""
    return figures.get("reworded right", figures.get("posted right", 0.0))


def unchanged(figures: Mapping[str, float]) -> float:
    """The mean share of identical answers, over all kinds of what was not taught."""
    shares = [share for name, share in figures.items() if name.endswith(" identical")]
    return sum(shares) / len(shares)


def _worst_tenth(right: Sequence[bool]) -> float:
    """The least share of the tenths of facts, in the order in which they were taught."""
    size = max(1, len(right) // 10)
    return min(sum(right[start : start + size]) / size for start in range(0, len(right) - size + 1, size))


def _outcome(case: Case, said: str, old: str, taught: Sequence[str]) -> str:
    if any(_says(said, right) for right in case.right):
        return "right"
    if said == old or any(_says(said, each) for each in case.before):
        return "stale"
    return "invented" if any(_says(said, each) and not _says(old, each) for each in taught) else "miss"


def _says(said: str, answer: str) -> bool:
    """Whether the words of an answer stand in what is said."""
    return f" {normalise(answer)} " in f" {normalise(said)} "
