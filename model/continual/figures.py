"""Records of runs as figures. Knows no model.

A run's figures are one `Figures`; runs of one method, setting and plan that differ in their seed are a `Group`.
"""

import itertools
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from model.continual.measure import best_f1, exact
from model.continual.settings import TITLES
from model.evaluate import matches


@dataclass(frozen=True)
class Figures:
    """What one run shows; shares and F1 in 0..1, None where the run had nothing to measure it with.

    deciles        F1 at the end by age: a tenth of the facts each, the oldest first
    by_source      source → F1 and exact match at the end, and how many facts
    known_drop     relative loss of F1 on known questions
    prose_rise, skill_rise   relative rise of the negative log-likelihood
    control_before, control_end   share of never taught facts that are answered, before and at the end
    locality_kept  share of continuations about other subjects that stayed the same
    beside_told    share of questions for something else of a taught subject that get the taught answer at the end
    beside_kept    share of them that are answered as before
    seconds, steps   medians of a fact
    rows, nbytes   medians of the facts that changed anything; 0 when none did
    no_answer      facts whose posted words show no answer
    probes_asked   facts asked in the wording that learning may have stopped on
    """

    method: str
    described: str
    setting: dict[str, Any]
    plan: dict[str, Any]
    checkpoint: str
    machine: str
    finished: str
    f1_right_after: float
    f1_end: float
    exact_before: float
    exact_right_after: float
    exact_end: float
    deciles: tuple[float, ...]
    by_source: dict[str, dict[str, float]]
    known_drop: float | None
    known_before: float | None
    known_end: float | None
    prose_rise: float | None
    skill_rise: float | None
    control_before: float | None
    control_end: float | None
    locality_kept: float | None
    beside_told: float | None
    beside_kept: float | None
    answered_while_learning: float | None
    seconds: float
    seconds_p95: float
    seconds_step: float
    steps: float
    rows: float
    nbytes: float
    peak_bytes: int
    no_answer: int
    probes_asked: int

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Figures":
        """The figures of one record of a run."""
        facts, before, after = record["facts"], record["before"], record["after"]
        f1 = [best_f1(fact["end"], fact["answers"]) for fact in facts]
        seconds = sorted(fact["seconds"] for fact in facts)
        answered = [fact["answered"] for fact in facts if fact["answered"] is not None]
        beside = [fact for fact in facts if fact["beside"]]
        return cls(
            method=record["setting"]["method"],
            described=record["described"],
            setting=record["setting"],
            plan=record["plan"],
            checkpoint=record["checkpoint"],
            machine=record["machine"],
            finished=record["finished"],
            f1_right_after=statistics.mean(best_f1(fact["right_after"], fact["answers"]) for fact in facts),
            f1_end=statistics.mean(f1),
            exact_before=_right(facts, "before"),
            exact_right_after=_right(facts, "right_after"),
            exact_end=_right(facts, "end"),
            deciles=deciles(f1),
            by_source=_by_source(facts),
            known_drop=_drop(before["known_f1"], after["known_f1"]),
            known_before=before["known_exact"],
            known_end=after["known_exact"],
            prose_rise=_rise(before["prose_nll"], after["prose_nll"]),
            skill_rise=_rise(before["skill_nll"], after["skill_nll"]),
            control_before=_right(record["controls"], "before") if record["controls"] else None,
            control_end=_right(record["controls"], "end") if record["controls"] else None,
            locality_kept=_same(before["locality"], after["locality"]),
            beside_told=_right(beside, "beside_end") if beside else None,
            beside_kept=_same([fact["beside_before"] for fact in beside], [fact["beside_end"] for fact in beside]),
            answered_while_learning=statistics.mean(answered) if answered else None,
            seconds=statistics.median(seconds),
            seconds_p95=seconds[int(0.95 * len(seconds))],
            seconds_step=sum(seconds) / max(1, sum(fact["steps"] for fact in facts)),
            steps=statistics.median(fact["steps"] for fact in facts),
            rows=statistics.median([fact["rows"] for fact in facts if fact["nbytes"]] or [0]),
            nbytes=statistics.median([fact["nbytes"] for fact in facts if fact["nbytes"]] or [0]),
            peak_bytes=record["peak_bytes"],
            no_answer=sum(not fact["answer_known"] for fact in facts),
            probes_asked=sum(fact["asked_is_probe"] for fact in facts),
        )


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone."""

    runs: tuple[Figures, ...]

    @property
    def method(self) -> str:
        """The method's short name."""
        return self.runs[0].method

    @property
    def facts(self) -> int:
        """Facts taught in each run."""
        return int(self.runs[0].plan["facts"])

    @property
    def plan(self) -> str:
        """Checkpoint and plan but for the seed, as a key."""
        plan = {name: value for name, value in self.runs[0].plan.items() if name != "seed"}
        return json.dumps([self.runs[0].checkpoint, plan], sort_keys=True)

    def values(self, read: Callable[[Figures], float | None]) -> list[float]:
        """One figure of every run that has it."""
        return [value for run in self.runs if (value := read(run)) is not None]

    def mean(self, read: Callable[[Figures], float | None]) -> float | None:
        """Its mean; None when no run has it."""
        values = self.values(read)
        return statistics.mean(values) if values else None

    @property
    def balance(self) -> float:
        """Harmonic mean of F1 at the end and of the share of known F1 that was kept: what a sweep chooses by."""
        learned, kept = self.mean(lambda run: run.f1_end) or 0.0, 1 - (self.mean(lambda run: run.known_drop) or 0.0)
        return 2 * learned * kept / (learned + kept) if learned > 0 and kept > 0 else 0.0


def groups(runs: Iterable[Figures]) -> list[Group]:
    """Runs put together that share method, setting, checkpoint and plan but for the seed; in order of methods."""
    together: dict[tuple[str, str], list[Figures]] = {}
    for run in runs:
        together.setdefault((json.dumps(run.setting, sort_keys=True), Group((run,)).plan), []).append(run)
    found = [Group(tuple(sorted(same, key=lambda run: run.plan["seed"]))) for same in together.values()]
    return sorted(found, key=lambda group: list(TITLES).index(group.method))


def main_groups(found: Sequence[Group]) -> list[Group]:
    """Of each method the group with most facts, then most seeds, then the best balance: its result."""
    best: dict[str, Group] = {}
    for group in sorted(found, key=lambda group: (group.facts, len(group.runs), group.balance)):
        best[group.method] = group
    return [best[method] for method in TITLES if method in best]


def deciles(values: Sequence[float]) -> tuple[float, ...]:
    """Means of ten parts of `values`, in order and of nearly equal size; fewer parts when there are fewer values."""
    parts = min(10, len(values))
    edges = [round(index * len(values) / parts) for index in range(parts + 1)]
    return tuple(statistics.mean(values[low:high]) for low, high in itertools.pairwise(edges))


def _right(items: Sequence[dict[str, Any]], moment: str) -> float:
    return statistics.mean(exact(item[moment], item["answers"]) for item in items)


def _by_source(facts: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for source in dict.fromkeys(fact["source"] for fact in facts):
        own = [fact for fact in facts if fact["source"] == source]
        found[source] = {
            "facts": len(own),
            "f1": statistics.mean(best_f1(fact["end"], fact["answers"]) for fact in own),
            "exact": _right(own, "end"),
        }
    return found


def _drop(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else (before - after) / before


def _rise(before: float | None, after: float | None) -> float | None:
    drop = _drop(before, after)
    return None if drop is None else -drop


def _same(before: Sequence[str], after: Sequence[str]) -> float | None:
    pairs = list(zip(before, after, strict=True))
    return statistics.mean(matches(*pair) for pair in pairs) if pairs else None
