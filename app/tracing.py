"""One trace from the POST of a fact to the engines that serve it, across processes: OpenTelemetry.

Off unless the environment names an OTLP endpoint, by the variables that all of OpenTelemetry reads. What a later step
joins is a `traceparent` (W3C) that is stored with the job and the move of the head. No span holds a text of a fact or
a question, nor the message of an error, which may quote one.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_SECONDS = 2.0
_FIELD = "traceparent"
_form = TraceContextTextMapPropagator()


def configure(process: str) -> None:
    """Export spans of this process if the environment says where to.

    process  its name, unless OTEL_SERVICE_NAME gives another
    """
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    # Only here: who exports nothing does without the weight of it.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME") or f"slotwise-{process}"
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def flush() -> None:
    """Send what has ended, before the process does; a collector that does not answer holds nobody up for long."""
    send = getattr(trace.get_tracer_provider(), "force_flush", None)
    if send is not None:
        sender = threading.Thread(target=send, name="flush", daemon=True)
        sender.start()
        sender.join(_FLUSH_SECONDS)


def traceparent() -> str | None:
    """The current span, for who joins it later; None where nothing is traced."""
    carrier: dict[str, str] = {}
    _form.inject(carrier)
    return carrier.get(_FIELD)


@contextmanager
def span(name: str, parent: str | None, began: int | None = None, **attributes: str | int) -> Iterator[None]:
    """A step that joins the span `parent`; without one, or where nothing is exported, just the block.

    began  when the step began, in nanoseconds since the epoch; the block may be its end only
    An error that leaves the block marks the span as failed.
    """
    if parent is None:
        yield
        return
    context = _form.extract({_FIELD: parent}, Context())
    tracer = trace.get_tracer("slotwise")
    said = {f"slotwise.{key}": value for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name, context, start_time=began, attributes=said, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise
