"""How long is a cold start? A chain of versions on the default memory's table, brought up from PostgreSQL.

`python -m benchmarks.rebuild [--versions 10000] [--slots 8]` makes the chain in a database of its own, with anchors
as a worker stores them; measures from the first query to the view; and prints a Markdown table. Deltas are random
rows: what is read, checked, composed and hashed does not depend on what rows mean.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sqlalchemy import delete, func, insert, select

from app.db.migrate import migrate
from app.db.session import Sessions, close_sessions, open_sessions
from app.db.tables import Anchor, AnchorPart, Version
from app.embedded.folder import DataFolder
from app.embedded.postgres import running_postgres
from app.services import anchors, versions
from app.serving.views import Views
from app.settings import Settings
from model.base.checkpoint import Checkpoint
from model.engine import Engine
from model.memory.anchor import parts_of
from model.memory.delta import Delta
from model.memory.table import View

_TOGETHER = 200  # versions in one transaction
NAMESPACE = "main"


class Chain:
    """A line of published versions in a database; `view` shows the newest, `hashes` the state of each."""

    def __init__(self, checkpoint: Checkpoint, sessions: Sessions) -> None:
        self._checkpoint, self._table, self._sessions = checkpoint, checkpoint.table, sessions
        self.view = self._table.retain(self._table.base)
        self.hashes = [self.view.state_hash]
        with sessions() as session:
            versions.bootstrap(session, checkpoint.fingerprint, self.view.state_hash)

    def grow(self, count: int, slots: int, *, anchored: bool = True) -> None:
        """Add `count` versions that change `slots` slots each, and the anchors that are due."""
        for start in range(0, count, _TOGETHER):
            rows = [self._next(slots) for _ in range(min(_TOGETHER, count - start))]
            with self._sessions.begin() as session:
                session.execute(insert(Version), rows)
            if anchored:
                self.anchor()

    def anchor(self) -> None:
        """Store the anchor of the newest version, if it is due."""
        with self._sessions() as session:
            if anchors.due(session, len(self.hashes) - 1):
                anchors.store(
                    session, len(self.hashes) - 1, (part.to_bytes() for part in parts_of(self._table, self.view))
                )

    def _next(self, slots: int) -> dict[str, Any]:
        number = len(self.hashes)
        random = torch.Generator().manual_seed(number)
        chosen = torch.randperm(self._table.slots, generator=random)[:slots].sort().values
        delta = Delta(chosen, torch.randn(slots, self._table.width, generator=random).half())
        view = self._table.enter(self.view, delta)
        self._table.release(self.view)
        self.view = view
        self.hashes.append(view.state_hash)
        data = delta.to_bytes()
        return {
            "id": number,
            "namespace": NAMESPACE,
            "parent_id": number - 1,
            "kind": "learn",
            "state": "published",
            "delta": data,
            "delta_sha256": hashlib.sha256(data).hexdigest(),
            "state_hash": view.state_hash,
            "fingerprint": self._checkpoint.fingerprint,
            "slot_count": slots,
        }


@contextmanager
def database() -> Iterator[Sessions]:
    """A database of its own, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="slotwise-bench-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as an unprivileged account when we are root
        folder = DataFolder(Path(name) / "data")
        with folder.held(), running_postgres(folder, {"fsync": "off"}) as server:
            migrate(server.url)
            sessions = open_sessions(server.url)
            try:
                yield sessions
            finally:
                close_sessions(sessions)


def cold_start(checkpoint: Checkpoint, sessions: Sessions, version: int, state_hash: str) -> tuple[float, View]:
    """Seconds in which a new engine brings up `version`, and its view."""
    engine = Engine(checkpoint)
    views = Views(engine, sessions)
    began = time.perf_counter()
    views.bring(versions.Live(version, state_hash), seconds=600)
    seconds = time.perf_counter() - began
    views.close()
    view = engine.versions.view(version)
    assert view is not None
    return seconds, view


def measure(base: str, memory: Path, count: int, slots: int, repeats: int) -> dict[str, float]:
    """The figures of a chain of `count` versions."""
    with database() as sessions:
        chain = Chain(Checkpoint.load(base, memory, places=4), sessions)
        began = time.perf_counter()
        chain.grow(count, slots)
        made = time.perf_counter() - began
        checkpoint = Checkpoint.load(base, memory, places=4)
        with_anchors = _medians(checkpoint, sessions, chain.hashes, repeats)
        figures = {"versions": count, "slots of each": slots, "seconds to make them": made}
        with sessions() as session:
            figures["MB of deltas"] = session.scalar(select(func.sum(func.octet_length(Version.delta)))) / 1e6
            figures["anchors"] = session.scalar(select(func.count()).select_from(Anchor)) or 0
            figures["MB of anchors"] = float(session.scalar(select(func.sum(Anchor.bytes))) or 0) / 1e6
            figures["slots that differ from the base"] = len(chain._table.changed_slots(chain.view))
        figures |= {f"cold start at {version:,}, seconds": seconds for version, seconds in with_anchors.items()}
        with sessions.begin() as session:
            session.execute(delete(AnchorPart))
            session.execute(delete(Anchor))
        without, view = cold_start(checkpoint, sessions, count, chain.hashes[-1])
        checkpoint.table.release(view)
        figures[f"the same at {count:,} without anchors"] = without
        return figures


def _medians(checkpoint: Checkpoint, sessions: Sessions, hashes: Sequence[str], repeats: int) -> dict[int, float]:
    found: dict[int, float] = {}
    count = len(hashes) - 1
    for version in sorted({count // 4, count // 2, count} - {0}):
        seconds = []
        for _ in range(repeats):
            one, view = cold_start(checkpoint, sessions, version, hashes[version])
            checkpoint.table.release(view)  # each start is a cold one
            seconds.append(one)
        found[version] = statistics.median(seconds)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=10_000)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    settings = Settings()
    figures = measure(settings.base, settings.memory, arguments.versions, arguments.slots, arguments.repeats)
    print("| what | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value:,.4g} |")


if __name__ == "__main__":
    main()
