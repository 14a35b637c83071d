"""What the model reports, in the words of the services: pure functions."""

import math
from collections.abc import Sequence
from dataclasses import asdict

from app.db.tables import Json
from app.services.learning import Claim, FactResult, WrittenSlots
from app.settings import Settings
from model.evaluate import Drift
from model.finetune import Learned
from model.group import FactReport
from model.writing import SlotUses


def fact_results(claim: Claim, learned: Learned, notes: Sequence[str]) -> list[FactResult]:
    """What became of each fact of a claim; a note says why another model's phrasings are missing from its texts."""
    return [
        FactResult(
            fact=fact.id,
            learned=report.learned,
            reason=report.reason or None,
            probe=asdict(report.probe),
            probe_answer=report.probe_answer,
            report=_steps(report) | ({"phrasings": note} if note else {}),
        )
        for fact, report, note in zip(claim.facts, learned.reports, notes, strict=True)
    ]


def written_slots(learned: Learned) -> WrittenSlots:
    """The slots of the facts that were learned, at least one, in ascending order."""
    uses = SlotUses.joined([report.slots for report in learned.reports if report.learned])
    return WrittenSlots(uses.slots.tolist(), uses.scores.tolist(), uses.counts.tolist())


def figures(claim: Claim, learned: Learned, change: Drift | None) -> Json:
    """The report of a job and of its version."""
    taught = [report for report in learned.reports if report.learned]
    pairs = zip(claim.facts, learned.reports, strict=True)
    return {
        "facts": {"learned": len(taught), "failed": len(learned.reports) - len(taught)},
        "replaced": [
            {"fact": fact.id, "replaces": fact.replaces}
            for fact, report in pairs
            if report.learned and fact.replaces is not None
        ],
        "slots": 0 if learned.delta is None else len(written_slots(learned).slots),
        "bytes": 0 if learned.delta is None else learned.delta.nbytes,
        "seconds": round(sum(report.seconds for report in learned.reports), 3),
        "drift": None if change is None else asdict(change),
    }


def complaint(change: Drift | None, settings: Settings) -> str:
    """Why a version must not be published, with the figures; empty when it may."""
    if change is None:
        return ""
    if change.known_drop > settings.drift_known_drop:
        known = f"known questions answered fell from {change.known_before:.1%} to {change.known_after:.1%}"
        return f"drift: {known}, by {change.known_drop:.1%}; at most {settings.drift_known_drop:.1%} is allowed"
    # A figure that is no number must not pass as a small one, hence the negation.
    if not change.nll_rise <= settings.drift_nll_rise:
        nll = f"background text went from {change.nll_before:.3f} to {change.nll_after:.3f} nats a token"
        return f"drift: {nll}, by {change.nll_rise:.1%}; at most {settings.drift_nll_rise:.1%} is allowed"
    return ""


def _steps(report: FactReport) -> Json:
    return {
        "steps": report.steps,
        "loss": report.loss if math.isfinite(report.loss) else None,
        "seconds": round(report.seconds, 3),
        "slots": len(report.slots),
    }
