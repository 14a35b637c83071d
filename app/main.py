"""The HTTP service as an ASGI application, which `app.server` serves."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TypedDict

import anyio
import anyio.to_thread
import structlog
from fastapi import Depends, FastAPI

from app import logs, tracing
from app.api import (
    activations,
    aliases,
    audit,
    chat,
    completions,
    console,
    diffs,
    documents,
    engines,
    facts,
    health,
    imports,
    jobs,
    keys,
    metrics,
    models,
    namespaces,
    own_key,
    pauses,
    query,
    reference,
    slots,
    verify,
    versions,
    webhooks,
)
from app.api.described import Described
from app.api.errors import handle_errors
from app.api.headers import SecurityHeaders
from app.api.keyring import Keyring
from app.api.ledger import Ledger
from app.api.limits import BodyLimit
from app.api.metrics import Scrapes
from app.api.ports import AdminPort
from app.api.requests import Requests
from app.api.strict import only_known_parameters, only_text
from app.api.watch import JobWatch
from app.db.session import Sessions, close_sessions, open_sessions
from app.errors import StackFailed
from app.limiter import Limiter
from app.queue import Queue
from app.services.versions import bootstrap
from app.settings import Settings

_THREADS_FOR_SHORT_CALLS = 40
_log = structlog.get_logger()


class State(TypedDict):
    """What every request finds in `request.state`."""

    settings: Settings
    sessions: Sessions
    queue: Queue
    keyring: Keyring
    limiter: Limiter
    watch: JobWatch
    imports: anyio.Semaphore  # files that are read at once
    scrapes: Scrapes
    serving: object  # app.serving.Serving, which is not imported here: see `_lifespan`


def serve() -> FastAPI:
    """The application of a process of its own, with its logs, and its traces where the environment says where to."""
    logs.configure()
    tracing.configure("api")
    return create_app()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; it connects and loads the model when it is started, not when it is made."""
    settings = settings or Settings()
    app = Described(
        title="Slotwise",
        version=version("slotwise"),
        description="Teaches a live language model facts.",
        lifespan=partial(_lifespan, settings),
        docs_url=None,  # `reference` has a page that loads nothing from elsewhere
        redoc_url=None,
        # Requests have spans where a provider is configured. Errors go to the log, and figures to /metrics.
        telemetry={"metrics": False, "logs": False, "operation_spans": False, "auto_configure": False},
        dependencies=[Depends(only_known_parameters), Depends(only_text)],
    )
    limits = {"max_bytes": settings.max_body_bytes, "max_import_bytes": settings.max_import_bytes}
    app.add_middleware(BodyLimit, **limits)
    if settings.admin_port:
        app.add_middleware(AdminPort, port=settings.admin_port)
    app.add_middleware(Requests)
    app.add_middleware(SecurityHeaders)  # the outermost: what the others refuse has them, too
    handle_errors(app)
    teaching, asking = (imports, facts, documents, jobs), (query, completions, chat, models)
    history, watching = (versions, activations, aliases, diffs, slots), (engines, audit, health, metrics)
    operating, access = (pauses, verify, webhooks), (namespaces, keys, own_key)
    for resource in (*teaching, *asking, *history, *operating, *access, *watching, reference, console):
        app.include_router(resource.router)
    return app


@asynccontextmanager
async def _lifespan(settings: Settings, app: FastAPI) -> AsyncIterator[State]:
    """Load the model, answer, stop. Nothing else runs on the event loop yet, so loading may block it.

    Raises CheckpointError for what cannot be loaded, WrongCheckpoint when the database belongs to another checkpoint.
    """
    # Torch is loaded here: a process that only reads the routes or the OpenAPI document does without it.
    from app.serving import Relay, Serving, ends_the_process
    from model.base.checkpoint import SPARE_ROWS, Checkpoint
    from model.engine import Engine

    for name in ("database_url", "redis_url"):
        if not getattr(settings, name):
            raise StackFailed(f"SLOTWISE_{name.upper()} is not set; `slotwise up` starts servers of its own")
    checkpoint = Checkpoint.load(
        settings.base,
        settings.memory,
        spare_rows=settings.spare_rows or SPARE_ROWS,
        places=settings.resident_views,
        device=settings.device,
        say=_log.info,
    )
    # Threads read the database and are soon free again: who asks waits for the answer on the event loop.
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS_FOR_SHORT_CALLS
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        stack.callback(tracing.flush)
        sessions = open_sessions(settings.database_url)
        stack.callback(close_sessions, sessions)
        with sessions() as session:
            bootstrap(session, checkpoint.fingerprint, checkpoint.table.base.state_hash)
        queue = Queue(settings)
        stack.callback(queue.close)
        limiter = Limiter(settings)
        stack.callback(limiter.close)
        sizes = {"max_batch": settings.max_batch, "max_queue": settings.max_queue}
        if settings.cache_tokens:
            sizes["cache_tokens"] = settings.cache_tokens
        threads = settings.engine_threads or max(1, len(os.sched_getaffinity(0)) - 1)
        engine = Engine(checkpoint, **sizes, threads=threads, on_failure=ends_the_process(loop))
        engine.start()
        stack.callback(engine.stop)
        serving = Serving(engine, sessions, queue, settings, Relay(loop))
        serving.start()
        stack.callback(serving.stop)
        watch = JobWatch(sessions, queue, settings.poll_seconds)
        watch.start()
        stack.callback(watch.stop)
        keyring = Keyring(sessions, settings.max_stale_seconds)
        imports = anyio.Semaphore(settings.max_imports)
        scrapes = Scrapes(Ledger(sessions, settings), keyring)
        yield State(
            settings=settings,
            sessions=sessions,
            queue=queue,
            keyring=keyring,
            limiter=limiter,
            watch=watch,
            imports=imports,
            scrapes=scrapes,
            serving=serving,
        )
