"""The application behind a real server on a real port, in a thread of the test's process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from app.embedded.servers import free_port
from app.serving import Serving

_START_SECONDS = 30.0


@dataclass(frozen=True)
class Running:
    """Where it listens, and what it serves with."""

    url: str
    serving: Serving


@contextmanager
def running(app: FastAPI) -> Iterator[Running]:
    """Serve `app` until the block ends."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            assert thread.is_alive(), "the server ended while it started"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield Running(f"http://127.0.0.1:{port}", server.lifespan.state["serving"])
    finally:
        server.should_exit = True
        thread.join()
