"""A dead engine ends the process: whoever runs it starts another, and nobody waits for answers that never come."""

import asyncio
import os
import threading
from collections.abc import Callable

import structlog

_EXIT_STATUS = 1
_GRACE_SECONDS = 1.0  # in which callers are told, and /readyz says why
_LAST_SECONDS = 10.0  # after which the process ends, though its event loop may be stuck
_log = structlog.get_logger()


def ends_the_process(loop: asyncio.AbstractEventLoop) -> Callable[[BaseException], None]:
    """What to do when the engine's thread dies: log the reason, leave `loop` in good order, exit with status 1."""

    def end(reason: BaseException) -> None:
        last_resort = threading.Timer(_LAST_SECONDS, os._exit, [_EXIT_STATUS])
        last_resort.daemon = True
        last_resort.start()
        loop.call_soon_threadsafe(loop.call_later, _GRACE_SECONDS, _leave)
        _log.critical("the engine died, and with it this process", reason=repr(reason))  # its thread prints the rest

    return end


def _leave() -> None:
    # Out of the loop and past the server: what the application has opened is closed on the way.
    raise SystemExit(_EXIT_STATUS)
