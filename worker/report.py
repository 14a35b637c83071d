"""What the model reports, in the words of the services: pure functions."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from app.db.tables import Json
from app.services.handed import FactResult, WrittenSlots
from app.services.learning import Claim
from app.settings import Settings
from model.learn.gate import Drift
from model.learn.job import FactReport, Learned
from model.memory.rows import RowLayout
from worker.retold import Retold


def fact_results(claim: Claim, learned: Learned) -> list[FactResult]:
    """What became of each fact of a claim."""
    return [
        FactResult(
            fact=fact.id,
            learned=report.learned,
            reason=report.reason or None,
            probe=asdict(report.probe),
            probe_answer=report.probe_answer,
            report=_told(report),
            took_over=report.replaces if report.learned else (),
        )
        for fact, report in zip(claim.facts, learned.reports, strict=True)
    ]


def written_slots(claim: Claim, learned: Learned, layout: RowLayout) -> WrittenSlots:
    """The slots that a version writes, ascending: those where a fact of the claim has its row in the end."""
    owners: dict[int, int] = {}
    if learned.delta is not None:
        found = layout.owners(learned.delta.rows, learned.delta.which)
        owners = dict(zip(learned.delta.slots.tolist(), found.tolist(), strict=True))
    rows = [
        (slot, fact.id, score, count)
        for fact, report in zip(claim.facts, learned.reports, strict=True)
        if report.learned
        for slot, score, count in zip(report.slots.slots, report.slots.scores, report.slots.counts, strict=True)
        if owners.get(slot) == fact.id
    ]
    rows.sort()
    slots, facts, scores, counts = ([row[column] for row in rows] for column in range(4))
    return WrittenSlots([int(slot) for slot in slots], [int(fact) for fact in facts], scores, counts)


def figures(learned: Learned, slots: int, change: Drift | None, retold: Sequence[Retold]) -> Json:
    """The report of a job and of its version; `slots` are those that it writes, beside which it may free some."""
    taught = [report for report in learned.reports if report.learned]
    neighbours: Counter[str] = Counter()
    for report in learned.reports:
        neighbours.update(report.neighbours)
    return {
        "facts": {"learned": len(taught), "failed": len(learned.reports) - len(taught)},
        "slots": slots,
        "bytes": 0 if learned.delta is None else learned.delta.nbytes,
        "seconds": round(sum(report.seconds for report in learned.reports), 3),
        "neighbours": dict(neighbours),
        "drift": None if change is None else asdict(change),
        "touched": [{"fact": each.touched.fact, "said": each.said, "right": each.right} for each in retold],
    }


def complaint(change: Drift | None, settings: Settings) -> str:
    """Why a version must not be published, with the figures; empty when it may."""
    if change is None or change.share <= settings.drift_opened_share:
        return ""
    opened = (
        f"{change.opened_after:,} of {change.asked:,} questions that were never taught would be answered from memory"
    )
    return (
        f"drift: {opened}, {change.opened_before:,} before; that is {change.share:.1%} more, "
        f"and at most {settings.drift_opened_share:.1%} is allowed"
    )


def _told(report: FactReport) -> Json:
    return {
        "steps": report.steps,
        "margin": round(report.margin, 3) if math.isfinite(report.margin) else None,
        "seconds": round(report.seconds, 3),
        "slots": len(report.slots.slots),
        "neighbours": report.neighbours,
        **({"unread": list(report.unread)} if report.unread else {}),
        **({"note": report.note} if report.note else {}),
    }
