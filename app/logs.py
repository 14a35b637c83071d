"""Logs of a process: sentences with fields for people at a terminal, one JSON object a line for everybody else.

What is bound by `structlog.contextvars` stands in every line: the request, the job, the version. Texts of facts and
questions, and keys, are never logged.
"""

import logging
import sys
from contextlib import suppress
from io import TextIOBase
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

_ROUTINE = ("uvicorn", "uvicorn.error", "uvicorn.access")  # they come with handlers of their own


def configure(**_: Any) -> None:
    """Give this process its logs, those of its libraries too; for entry points, once."""
    for_people = sys.stdout.isatty()
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
    ]
    last: list[Processor] = [structlog.dev.ConsoleRenderer()]
    if not for_people:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[*common, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Lossy(sys.stdout))),
    )
    handler = logging.StreamHandler(sys.stdout)
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[drop, *last],
            foreign_pre_chain=[*common, structlog.stdlib.add_logger_name],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _ROUTINE:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # each request has a line of ours


class _Lossy(TextIOBase):
    """A stream on which what cannot be written is lost: a full disk must not stop that of which a line tells.

    Handlers of the standard library see to that themselves.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as far as that is possible."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """The same of what was written."""
        with suppress(OSError):
            self._stream.flush()


def _with_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace"] = trace.format_trace_id(context.trace_id)
    return event
