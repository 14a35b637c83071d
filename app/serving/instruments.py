"""What one process measures of itself, for Prometheus: each process has its own, and is scraped for itself.

It knows no database: what is kept there is told by `app.api.ledger`.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.db.tables import BASE_VERSION
from app.serving.views import Views
from model.engine import Answer, Engine, Generation, Piece
from model.engine.generation import Finish
from model.errors import Aborted, Cancelled, DeadlineExceeded

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_GATES = tuple(tenth / 10 for tenth in range(1, 11))
_ENDS: dict[type[Exception], str] = {Cancelled: "cancelled", DeadlineExceeded: "deadline", Aborted: "aborted"}
_FAILED = "failed"


class Instruments:
    """Counters and histograms; any thread may use them."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # half as many lines again, which nobody reads
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        counter, histogram = partial(Counter, registry=self.registry), partial(Histogram, registry=self.registry)
        self.http = counter(
            "slotwise_http_requests", "Requests, by the template of their path.", ["method", "route", "status"]
        )
        self.switch = histogram(
            "slotwise_switch_seconds",
            "Bringing a version up and giving it to new requests.",
            buckets=_SHORT,
        )
        self._answers = counter("slotwise_answers", "Prompts that were answered, or why they were not.", ["end"])
        self._opened = counter("slotwise_answers_opened", "Answers that a taught fact was read for.")
        self._tokens = counter("slotwise_answer_tokens", "Tokens of answers.")
        self._prompt_tokens = counter("slotwise_prompt_tokens", "Tokens of prompts that were answered.")
        self._gates = histogram("slotwise_citation_gate", "How far cited facts opened, from 0 to 1.", buckets=_GATES)
        self._whole = histogram(
            "slotwise_answer_seconds", "From a call's admission to the end of an answer.", buckets=_SECONDS
        )
        self._first = histogram(
            "slotwise_time_to_first_token_seconds", "Of streams, from a call's admission.", buckets=_SECONDS
        )
        self._between = histogram("slotwise_inter_token_seconds", "Between the pieces of a stream.", buckets=_SHORT)

        for end in (*get_args(Finish), *_ENDS.values(), _FAILED):  # from 0 on: else the first of its kind is no rise
            self._answers.labels(end)

    def timed(self, began: float, listener: Callable[[Piece], None]) -> Callable[[Piece], None]:
        """`listener`, and before it a look at the clock at each piece; `began` (monotonic seconds) is the admission."""
        last, observe = began, self._first.observe

        def heard(piece: Piece) -> None:
            nonlocal last, observe
            now = time.monotonic()
            observe(now - last)
            last, observe = now, self._between.observe
            listener(piece)

        return heard

    def ended(self, began: float, generation: Generation) -> None:
        """Count a request that has ended."""
        try:
            answer = generation.result(0)
        except Exception as error:  # its caller is told; here it is one more of its kind
            self._answers.labels(_ENDS.get(type(error), _FAILED)).inc()
            return
        self._answers.labels(answer.finish).inc()
        self._whole.observe(time.monotonic() - began)
        self._count(answer)

    def _count(self, answer: Answer) -> None:
        self._tokens.inc(answer.tokens)
        self._prompt_tokens.inc(answer.prompt_tokens)
        if answer.citations:
            self._opened.inc()
        for citation in answer.citations:
            self._gates.observe(citation.gate)


class EngineGauges(Collector):
    """What the engine is doing at the moment of a scrape."""

    def __init__(self, engine: Engine, views: Views) -> None:
        self._engine, self._views = engine, views
        self._written = (BASE_VERSION, 0)  # slots with a row, of the version that was served when they were counted

    def collect(self) -> Iterable[Metric]:
        """Read the engine's own report; it waits for no step."""
        report, room = self._engine.report(), self._engine.checkpoint.table.room()
        running = GaugeMetricFamily("slotwise_requests_running", "Requests in flight.", labels=["version"])
        for version, count in report.running_by_version.items():
            running.add_metric([str(version)], count)
        yield running
        yield GaugeMetricFamily("slotwise_requests_waiting", "Requests in the queue.", report.waiting)
        yield GaugeMetricFamily("slotwise_served_version", "What this engine answers with.", self._engine.live[0])
        yield GaugeMetricFamily("slotwise_views_resident", "Versions in memory.", room.places)
        yield GaugeMetricFamily("slotwise_rows_used", "Rows of the table that versions use.", room.rows)
        yield GaugeMetricFamily("slotwise_rows_room", "Rows that the table has for versions.", room.spare_rows)
        yield GaugeMetricFamily(
            "slotwise_slots_written", "Slots that hold a row in this version.", self._slots_written()
        )
        yield GaugeMetricFamily("slotwise_slots", "Slots that the memory has.", self._engine.checkpoint.table.slots)
        yield CounterMetricFamily("slotwise_engine_steps", "Forward passes.", report.steps)
        yield CounterMetricFamily(
            "slotwise_prompt_tokens_reused", "Tokens of prompts that were not processed again.", report.prefix_reused
        )
        yield CounterMetricFamily("slotwise_view_builds", "Versions that were brought into memory.", self._views.builds)
        yield CounterMetricFamily("slotwise_views_refused", "Views and anchors found damaged.", self._views.refused)

    def _slots_written(self) -> int:
        """Counted once a version: it takes milliseconds, and a scrape runs on the event loop."""
        version, view = self._engine.versions.bind()
        try:
            if version != self._written[0]:
                self._written = version, len(self._engine.checkpoint.table.changed_slots(view))
        finally:
            self._engine.versions.release(view)
        return self._written[1]
