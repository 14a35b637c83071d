"""What PostgreSQL knows, as Prometheus metrics: what is so now, and sums of all that has ever gone live.

Sums are made from the first row on, so every process has the same, and a restart is no reset.
"""

from collections.abc import Iterable
from functools import partial
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.db.session import Sessions
from app.db.tables import JobKind, JobState
from app.services import figures
from app.services.facts import FactStatus
from app.services.figures import STEPS, Figures, Mark, Published, RollbackKind
from app.services.verifying import LastVerified
from app.settings import Settings

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0)
_ROWS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
_BYTES = tuple(10.0**power for power in range(3, 9))
_ON_THEIR_WAY: tuple[FactStatus, ...] = ("queued", "learning", "verifying")


class Ledger:
    """Adds up what goes live, each time it is read; for one thread at a time."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self.registry = CollectorRegistry()
        self._sessions, self._settings = sessions, settings
        self._mark = Mark()
        counter, histogram = partial(Counter, registry=self.registry), partial(Histogram, registry=self.registry)
        self._published = counter("slotwise_versions_published", "Versions that went live.", ["kind"])
        self._rollbacks = counter("slotwise_rollbacks", "Moves of the head that people made.", ["kind"])
        self._steps = histogram(
            "slotwise_job_step_seconds", "Steps of jobs that succeeded.", ["kind", "step"], buckets=_SECONDS
        )
        self._ages = histogram(
            "slotwise_fact_live_age_seconds", "From the POST of a fact until it was live.", buckets=_SECONDS
        )
        self._taught = histogram(
            "slotwise_learn_fact_seconds", "What the worker took to learn a fact.", buckets=_SECONDS
        )
        self._rows = histogram("slotwise_delta_rows", "Slots that versions change.", buckets=_ROWS)
        self._bytes = histogram("slotwise_delta_bytes", "Sizes of versions.", buckets=_BYTES)
        self._asked = counter("slotwise_neighbours_asked", "Questions near new facts, never taught.")
        self._near = counter("slotwise_neighbours_opened", "Of these, answered from the fact all the same.")

        # From 0 on: else the first of its kind is no rise.
        for kind in get_args(JobKind):
            if kind == "verify":  # it makes no version
                continue
            self._published.labels(kind)
            for step in STEPS:
                self._steps.labels(kind, step)
        for made in get_args(RollbackKind):
            self._rollbacks.labels(made)

    def read(self) -> Figures:
        """What is so now; what has gone live since the last call is added up."""
        with self._sessions() as session:
            found = figures.read(session, self._settings, self._mark)
        for published in found.published:
            self._add(published)
        for kind in found.rollbacks:
            self._rollbacks.labels(kind).inc()
        self._mark = found.mark
        return found

    def _add(self, published: Published) -> None:
        self._published.labels(published.kind).inc()
        self._rows.observe(published.rows)
        self._bytes.observe(published.bytes)
        self._asked.inc(published.asked)
        self._near.inc(published.opened)
        for step, seconds in published.steps.items():
            self._steps.labels(published.kind, step).observe(seconds)
        for seconds in published.ages:
            self._ages.observe(seconds)
        for seconds in published.taught:
            self._taught.observe(seconds)


class FigureGauges(Collector):
    """What is so now; None where the database did not tell it in time."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Every status and state has a value; of engines those that live have one."""
        found = self._figures
        yield GaugeMetricFamily("slotwise_database_up", "Whether the database told its part in time.", bool(found))
        if found is None:
            return
        yield GaugeMetricFamily("slotwise_head_version", "The version that is live in the namespace main.", found.head)
        yield GaugeMetricFamily("slotwise_namespaces", "Namespaces.", found.namespaces)
        facts = GaugeMetricFamily("slotwise_facts", "Facts, by status.", labels=["status"])
        for status in get_args(FactStatus):
            facts.add_metric([status], found.facts.get(status, (0, 0.0))[0])
        yield facts
        jobs = GaugeMetricFamily("slotwise_jobs", "Jobs, by state.", labels=["state"])
        for state in get_args(JobState):
            jobs.add_metric([state], found.jobs.get(state, 0))
        yield jobs
        oldest = GaugeMetricFamily(
            "slotwise_oldest_fact_seconds", "Age of the oldest fact that is not decided, 0 for none.", labels=["status"]
        )
        for status in _ON_THEIR_WAY:
            oldest.add_metric([status], found.facts.get(status, (0, 0.0))[1])
        yield oldest
        if found.heartbeat is not None:
            yield GaugeMetricFamily(
                "slotwise_worker_heartbeat_age_seconds", "Of the worker that learns now.", found.heartbeat
            )
        yield CounterMetricFamily("slotwise_questions_counted", "Questions whose reads were counted.", found.counted)
        yield from _engines(found)
        yield from _verified(found.verified)


def _verified(found: LastVerified | None) -> Iterable[Metric]:
    """Without a value until live facts were asked again for the first time."""
    facts = GaugeMetricFamily("slotwise_verify_facts", "Live facts when they were asked last.", labels=["result"])
    age, *counts = [
        GaugeMetricFamily(f"slotwise_verify_{name}", said)
        for name, said in (
            ("age_seconds", "Since all live facts were asked again."),
            ("neighbours_asked", "Questions near some of them, never taught, that were asked then."),
            ("neighbours_opened", "Of these, answered from the fact all the same."),
            ("bank_asked", "Background queries that were compared with all keys then."),
            ("bank_opened", "Of these, near enough to a key."),
        )
    ]
    if found is not None:
        facts.add_metric(["right"], found.right)
        facts.add_metric(["stale"], found.stale)
        age.add_metric([], found.age)
        told = (found.neighbours.asked, found.neighbours.open, found.bank.asked, found.bank.open)
        for family, count in zip(counts, told, strict=True):
            family.add_metric([], count)
    return [facts, age, *counts]


def _engines(found: Figures) -> Iterable[Metric]:
    version = GaugeMetricFamily("slotwise_engine_version", "What an engine answers with.", labels=["engine"])
    lag = GaugeMetricFamily("slotwise_engine_lag", "Moves of the head not followed yet.", labels=["engine"])
    alive = [engine for engine in found.engines if engine.alive]
    for engine in alive:
        version.add_metric([engine.id], engine.version)
        lag.add_metric([engine.id], engine.lag)
    yield version
    yield lag
    yield GaugeMetricFamily("slotwise_engines_alive", "Engines that were heard of lately.", len(alive))
    yield GaugeMetricFamily(
        "slotwise_engines_silent", "Engines that fell silent within a day.", len(found.engines) - len(alive)
    )
