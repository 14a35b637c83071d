"""The thread that follows the database: heartbeat, head, and versions that wait to be published."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout

import structlog
from sqlalchemy.orm import Session

from app import tracing
from app.db.outage import DATABASE_AWAY
from app.db.session import Sessions
from app.db.tables import MAIN
from app.errors import DamagedDelta, VersionNotServed
from app.queue import Queue
from app.services import activations, engines, publishing, versions
from app.services.activations import Move
from app.services.engines import Beat
from app.services.publishing import PendingVersion, ProbeAnswer
from app.services.versions import Live
from app.serving.head import HeadReader
from app.serving.instruments import Instruments
from app.serving.probes import ask, judged
from app.serving.report import report
from app.serving.tally import Tally
from app.serving.views import Views
from app.settings import Settings
from model.engine import Engine
from model.errors import Aborted, ModelError

_LONGEST_PAUSE = 5.0  # after repeated failures; shorter than it takes an engine to count as dead
_BEATS_WHILE_FRESH = 5  # so late ones do not make a living engine count as dead
_BEAT_WHILE_BUILDING = 1.0
_NOT_BUILT = ""  # no state hash: acknowledging it names the engine that could not build a version

_log = structlog.get_logger()


class Follower:
    """Keeps the engine where the heads are, and takes part in publishing, for all namespaces.

    The version that is live in `main` is pinned. Those of other namespaces are brought up when they move while somebody
    asks there, else when they are asked for: there may be more of them than the engine has room for.

    name     of this engine in the database, new at every start
    failure  why the last round failed, None after a good one
    level    when (monotonic seconds) the engine last had the head's version
    followed the last activation that the engine has followed
    aborts   how often requests in flight were ended because their version had to go
    """

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        queue: Queue,
        settings: Settings,
        head: HeadReader,
        views: Views,
        instruments: Instruments,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.failure: str | None = None
        self.level = time.monotonic()
        self.followed = self.aborts = 0
        self._engine = engine
        self._sessions = sessions
        self._queue = queue
        self._settings = settings
        self._head = head
        self._views = views
        self._instruments = instruments
        self._tally = Tally(engine, sessions)
        self._seen = 0  # the last activation whose order to end requests was carried out
        self._following = threading.Lock()
        self._said: tuple[int, str, int] | None = None
        self._beaten = 0.0
        self._next_try: dict[int, float] = {}  # of versions that could not be built as they were made
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the round in hand."""
        self._stopping.set()
        self._queue.hint()  # it may be waiting for one
        self._thread.join()

    def catch_up(self) -> None:
        """Be where the heads are, and end what a rollback says must end; from any thread, once for each activation.

        Raises VersionNotServed, and what hindered it.
        """
        with self._following:
            began = time.monotonic()
            with self._sessions() as session:
                moves = self._news(session)
                moved = {MAIN, *(move.namespace for move in moves)} if self.followed else None
                heads = self._head.read_by(session, moved)  # after the moves: what went live since may go on
                parent = self._traceparent(session, heads[MAIN])
            self._head.followed(began)
            for move in moves:
                if move.abort_in_flight:
                    self._abort(move, heads[move.namespace])
                self._seen = move.id
            if self._engine.live[0] != heads[MAIN].version:
                self._switch(heads[MAIN], parent)
            self._foresee(moves, heads)
            self.followed, self.level = self._seen, time.monotonic()

    def _traceparent(self, session: Session, head: Live) -> str | None:
        """The span that a switch joins; an engine that has just started follows nobody's call."""
        if not self.followed or self._engine.live[0] == head.version:
            return None
        return activations.traceparent(session, MAIN, head.version)

    def _foresee(self, moves: Sequence[Move], heads: Mapping[str, Live]) -> None:
        """Begin to build what went live in a namespace that was asked here; who asks it meanwhile waits for it.

        Whatever comes of that is told to those who ask in that namespace: the others are not held up.
        """
        for move in moves:
            head = heads[move.namespace]
            if move.namespace != MAIN and move.version == head.version and self._is_resident(move.previous):
                self._views.build(head)

    def _is_resident(self, version: int | None) -> bool:
        return version is not None and self._engine.resident(version) is not None

    def _switch(self, head: Live, parent: str | None) -> None:
        span = tracing.span("switch", parent, engine=self.name, version=head.version)
        with self._instruments.switch.time(), span:
            self._views.bring(head, self._settings.rebuild_wait_seconds)
            self._engine.switch(head.version)
        _log.info("switched", engine=self.name, version=head.version)

    def lag(self) -> int | None:
        """How many moves of heads the engine has not followed yet; None while the database is away."""
        try:
            with self._sessions() as session:
                return activations.moves_after(session, self.followed) if self.followed else 0
        except DATABASE_AWAY:
            return None

    def _news(self, session: Session) -> list[Move]:
        """Moves of all heads since the last call; a new engine has followed all there were."""
        if not self._seen:
            self._seen = activations.last_move(session)
        return activations.moves(session, self._seen)

    def _abort(self, move: Move, head: Live) -> None:
        with self._sessions() as session:
            kept = {*versions.lineage(session, move.version), *versions.lineage(session, head.version)}
            gone = versions.own(session, move.namespace) - kept
        self.aborts += 1  # before: who is admitted from now on on what was live until then, asks again
        reason = f"version {move.version} went live, and requests on what is no part of it were to end"
        ended = self._engine.abort(gone, reason)
        _log.warning("requests ended", engine=self.name, version=move.version, count=ended)

    def _run(self) -> None:
        hints = self._queue.listen()
        hints.wait(0.0)  # subscribed before the first round: no later change goes unseen until a poll
        failures = 0
        while not self._stopping.is_set():
            failures = 0 if self._try_round() else failures + 1
            if failures:
                self._stopping.wait(min(self._settings.poll_seconds * 2**failures, _LONGEST_PAUSE))
            else:
                hints.wait(self._settings.poll_seconds)
        hints.close()
        self._retire()

    def _retire(self) -> None:
        try:
            with self._sessions() as session:
                engines.retire(session, self.name)
            self._tally.hand_over()
        except DATABASE_AWAY as error:
            # Versions then wait for this engine until its last heartbeat is old.
            _log.warning("database away", engine=self.name, error=str(error))

    def _try_round(self) -> bool:
        """Whether a round went well. No error ends the thread: facts would wait, and nobody be told."""
        try:
            self._round()
        except DATABASE_AWAY as error:
            # No failure of ours: `HeadReader` decides for how long the engine may go on.
            _log.warning("database away", engine=self.name, error=str(error))
            return False
        except Exception as error:
            self.failure = f"following the database failed ({type(error).__name__}); the log says why"
            _log.exception("following failed", engine=self.name)
            return False
        self.failure = None
        return True

    def _round(self) -> None:
        """With rests between its parts: an answer that is being made waits for no more than one of them."""
        rest = self._engine.versions.pace()
        if self.followed:  # else the head is to be known first
            self._beat()
            rest()
        self.catch_up()
        rest()
        self._beat()
        with self._sessions() as session:
            ready = publishing.ready(session)
            pending = publishing.pending(session, self.name) if ready else []
        for version in pending:
            if time.monotonic() >= self._next_try.get(version.id, 0.0):
                with tracing.span("verify", version.traceparent, engine=self.name, version=version.id):
                    self._examine(version)
        for version_id in ready:
            rest()
            self._publish(version_id)
        self._tally.hand_over_when_due()

    def _beat(self) -> None:
        """Tell that the engine lives, when there is news of it or the last word is getting old."""
        now, said = time.monotonic(), (*self._engine.live, self.followed)
        if said == self._said and now - self._beaten < self._settings.engine_fresh_seconds / _BEATS_WHILE_FRESH:
            return
        beat = Beat(self.name, Live(*said[:2]), self.followed, report(self._engine, self._views))
        with self._sessions() as session:
            engines.beat(session, beat)
        self._said, self._beaten = said, now

    def _examine(self, version: PendingVersion) -> None:
        """Build a version that waits to be published, ask its probes, and tell what came of it."""
        answers: list[ProbeAnswer] = []
        try:
            found = self._built(version)
        except (ModelError, DamagedDelta, VersionNotServed) as error:
            found = _NOT_BUILT
            self._complain(version, str(error))
        else:
            if found == version.state_hash:
                try:
                    answers = self._ask_probes(version)
                except Aborted:  # the head has moved away from its parent: it will never be live
                    return
            else:
                self._complain(version, f"it was made with state {version.state_hash}, and built with {found}")
        with self._sessions() as session:
            publishing.acknowledge(session, self.name, version.id, found, answers)

    def _built(self, version: PendingVersion) -> str:
        """The state that a version was built in; the engine is alive all the while."""
        building = self._views.build(Live(version.id, version.state_hash))
        while True:
            try:
                return building.result(_BEAT_WHILE_BUILDING)
            except FutureTimeout:
                self._beat()

    def _complain(self, version: PendingVersion, reason: str) -> None:
        """A version that cannot be served is built again until it can, but not at every round."""
        if version.id not in self._next_try:
            _log.error("version not served", engine=self.name, version=version.id, reason=reason)
        self._next_try[version.id] = time.monotonic() + _LONGEST_PAUSE

    def _ask_probes(self, version: PendingVersion) -> list[ProbeAnswer]:
        """In batches: the probes of a thousand facts must not fill the queue or silence the heartbeat."""
        answers: list[ProbeAnswer] = []
        size = self._settings.max_batch
        for start in range(0, len(version.probes), size):
            self._beat()
            self.catch_up()
            batch = version.probes[start : start + size]
            asked = [(probe, ask(self._engine, version.id, probe, self._stopping)) for probe in batch]
            answers += [judged(probe, future) for probe, future in asked]
        return answers

    def _publish(self, version_id: int) -> None:
        with self._sessions() as session:
            outcome = publishing.publish(session, self._settings, version_id)
        if outcome.state == "waiting":
            return
        _log.info(outcome.state, engine=self.name, version=version_id, reason=outcome.reason)
        if outcome.ring is not None:
            self._queue.ring(outcome.ring)
        if outcome.state == "published":
            self._queue.hint()
            self.catch_up()
