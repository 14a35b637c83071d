"""One trace from the POST of a fact to the engine that serves it; and none where nobody asked for it."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import select

from app import tracing
from app.db.tables import Activation, Job
from app.queue import Queue
from model.base.checkpoint import Checkpoint
from tests.api.teacher import Teacher
from tests.api.test_health import wait_until
from worker.learner import Learner

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FACT = {"question": "What is the capital of Zorvania?", "answer": "ok"}


class Spans:
    """What was exported of this process."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def of(self, trace_id: int) -> dict[str, ReadableSpan]:
        found = self._exporter.get_finished_spans()
        return {span.name: span for span in found if span.context is not None and span.context.trace_id == trace_id}

    def one(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self._exporter.get_finished_spans() if span.name == name]
        return found

    def all(self) -> str:
        return "".join(span.to_json() for span in self._exporter.get_finished_spans())


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    spans = Spans()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", spans.provider)
    yield spans
    spans.provider.shutdown()


@pytest.fixture
def learner(settings, sessions) -> Iterator[Learner]:
    """The real worker, in this process."""
    queue = Queue(settings)
    yield Learner(Checkpoint.load(settings.base, settings.memory, spare_rows=1_024), sessions, queue, settings)
    queue.close()


def test_a_post_and_all_that_follows_from_it_are_one_trace(spans, client, learner):
    job = client.post("/v1/facts", json=FACT, headers={"traceparent": CALLER}).json()["job"]["id"]
    learner.run()
    wait_until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "succeeded")
    own = int(CALLER.split("-")[1], 16)
    wait_until(lambda: "switch" in spans.of(own))
    found = spans.of(own)
    assert set(found) == {"POST /v1/facts", "learn", "verify", "publish", "switch"}
    post = found.pop("POST /v1/facts")
    assert post.parent is not None
    assert f"{post.parent.span_id:016x}" == CALLER.split("-")[2]
    for span in found.values():
        assert span.parent is not None
        assert post.context is not None
        assert span.parent.span_id == post.context.span_id, span.name
    assert found["learn"].attributes == {"slotwise.job": job, "slotwise.facts": 1}
    assert found["publish"].attributes["slotwise.outcome"] == "published"
    assert found["learn"].start_time < found["verify"].start_time < found["switch"].start_time


def test_a_rollback_is_followed_in_its_own_trace(spans, client, teacher: Teacher):
    version = teacher.teach()
    client.post("/v1/admin/rollback", json={"version": 0, "reason": "a test"})
    rollback = spans.one("POST /v1/admin/rollback")
    found = spans.of(rollback.context.trace_id)
    assert found["switch"].parent.span_id == rollback.context.span_id
    assert found["switch"].attributes["slotwise.version"] == 0 != version


def test_no_span_tells_what_was_asked_or_what_an_error_quoted(spans, client):
    client.get("/v1/admin/versions/0/diff/0", params={"ask": "Where do olms live?"})
    with pytest.raises(ValueError, match="olms"), tracing.span("learn", CALLER, job=1):
        raise ValueError("olms are not known")
    assert "olms" not in spans.all()
    assert "GET /v1/admin/versions/{a}/diff/{b}" in spans.all()
    failed = spans.one("learn")
    assert (failed.status.is_ok, failed.attributes["error.type"]) == (False, "ValueError")


def test_without_an_endpoint_nothing_is_traced_or_stored(client, teacher, sessions, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    before = trace.get_tracer_provider()
    tracing.configure("api")
    assert trace.get_tracer_provider() is before
    teacher.teach()
    with sessions() as session:
        stored = [*session.scalars(select(Job.traceparent)), *session.scalars(select(Activation.traceparent))]
    assert stored == [None] * 3
