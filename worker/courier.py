"""The courier sends what the outbox holds. Threads of the worker beside learning, which may take minutes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from app.client.webhooks import sign
from app.db.session import Sessions
from app.services import outbox
from app.services.outbox import Due
from app.settings import Settings
from worker.guarded import post

_AT_ONCE = 8  # addresses; of each one message at a time, so a slow one holds up no other
_log = structlog.get_logger()


class Courier:
    """Looks every `poll_seconds` for messages that are due, and as soon as one is through."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions, self._settings = sessions, settings
        self._busy: set[int] = set()  # webhooks to which a message is on its way
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; what is on its way ends within its time."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        """Wait for that."""
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE, "courier") as threads:
            while not self._stopping.is_set():
                self._wake.clear()
                if not self._begin(threads):
                    self._wake.wait(self._settings.poll_seconds)

    def _begin(self, threads: ThreadPoolExecutor) -> bool:
        """Send what is due; whether there was anything."""
        busy = frozenset(self._busy)
        try:
            with self._sessions() as session:
                found = outbox.take(session, self._settings, busy, _AT_ONCE - len(busy))
        except Exception:
            # A database that is away comes back; a courier that ended would not.
            _log.exception("outbox not read")
            return False
        for due in found:
            self._busy.add(due.webhook)
            threads.submit(self._send, due)
        return bool(found)

    def _send(self, due: Due) -> None:
        try:
            self._deliver(due)
        except Exception:
            # It was not noted what came of it, so it is sent again: twice is allowed, never is not.
            _log.exception("delivery not noted", delivery=due.delivery)
        finally:
            self._busy.discard(due.webhook)
            self._wake.set()

    def _deliver(self, due: Due) -> None:
        now, body = int(time.time()), due.body.encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "slotwise",
            "webhook-id": due.message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(due.secret, due.message_id, now, body),
        }
        settings = self._settings
        seconds, allow_private = settings.webhook_timeout_seconds, settings.webhook_private_addresses
        sent = post(due.url, headers, body, seconds=seconds, allow_private=allow_private)
        with self._sessions() as session:
            outbox.note(session, settings, due.delivery, sent)
        if not sent.arrived:
            _log.warning("not delivered", delivery=due.delivery, webhook=due.webhook, code=sent.code, error=sent.error)
