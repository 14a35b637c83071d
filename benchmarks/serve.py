"""How fast is the live model? Our engine beside transformers, a dense model, a learning job, many versions, and HTTP.

`python -m benchmarks.serve [--checkpoint DIR] [--quick] [--only WHAT …] [--json FILE]` is one run on one machine with
the same weights; what is compared runs in turn, round by round. It prints Markdown tables and their ratios.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from model.checkpoint import Checkpoint

from benchmarks.hot_path import change_of
from benchmarks.learner import learning
from benchmarks.load import Figures, Request, System, Trace, closed_loop, requests_for
from benchmarks.machine import describe
from benchmarks.service import service
from benchmarks.systems import ContinuousBatching, Http, Ours, StaticBatches, make_dense, never_end
from model.engine import Engine

VERSIONS, CHANGED = 16, 1_000  # versions in the mix, slots that each changes
DENSE, STATIC = "ours, dense model of equal compute", "transformers generate, static batches"
CONTINUOUS = "transformers continuous batching"
WHATS = ("alone", "systems", "learning", "http")


@dataclass(frozen=True)
class Plan:
    """How much is measured: requests by number of clients, rounds of what is compared, answers of ten tokens.

    slow  of transformers' continuous batching, which is slow on a CPU
    """

    requests: Mapping[int, int]
    slow: Mapping[int, int]
    learning: Mapping[int, int]
    http: Mapping[int, int]
    rounds: int
    alone: int


FULL = Plan(
    requests={1: 12, 8: 48, 32: 128, 128: 256},
    slow={1: 8, 8: 16, 32: 32},
    learning={1: 12, 8: 48, 32: 128},
    http={1: 32, 32: 192},
    rounds=3,
    alone=100,
)
QUICK = Plan({1: 2, 8: 8}, slow={1: 1}, learning={2: 4}, http={}, rounds=1, alone=3)


@dataclass(frozen=True)
class Row:
    """Figures of one system with so many clients."""

    system: str
    clients: int
    figures: Figures


def measured(
    systems: Mapping[str, tuple[System, Sequence[Request]]], clients: int, count: int, rounds: int
) -> list[Row]:
    """Each system with its own list of requests, of which every round takes the next `count`; in turn."""
    traces: dict[str, list[list[Trace]]] = {name: [] for name in systems}
    for one in range(rounds):
        for name, (system, requests) in systems.items():
            traces[name].append(closed_loop(system, requests[one * count : (one + 1) * count], clients))
    return [Row(name, clients, Figures.of(found)) for name, found in traces.items()]


class Bench:
    """The systems of one run over one checkpoint folder; ended by the stack that it is given."""

    def __init__(self, folder: Path, plan: Plan, stack: ExitStack) -> None:
        self.plan, self._original = plan, folder
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slotwise-serve-")))
        self.folder.chmod(0o755)  # the embedded stack's servers run as another account
        base = Checkpoint.load(folder, spare_rows=0, places=1)
        never_end(base)
        base.save(self.folder)
        self.checkpoint = Checkpoint.load(self.folder, spare_rows=VERSIONS * CHANGED, places=VERSIONS + 1)
        self._stack = stack
        self._seed = 0
        self.ours = Ours(self._engine(self.checkpoint))
        self._many_versions()

    def alone(self) -> list[Row]:
        """One client, answers of ten tokens."""
        count = self.plan.alone
        requests = [replace(request, tokens=10) for request in self._requests(count)]
        return measured({"ours, ten tokens": (self.ours, requests)}, 1, count, 1)

    def systems(self) -> list[Row]:
        """Ours, with 16 versions and dense, beside transformers, at every number of clients."""
        twin = Checkpoint.load(self.folder, spare_rows=0, places=1)
        make_dense(twin)
        dense = Ours(self._engine(twin))
        static = StaticBatches(self.checkpoint)
        self._stack.callback(static.stop)
        rows = []
        for clients, count in self.plan.requests.items():
            all_ = count * self.plan.rounds
            systems: dict[str, tuple[System, Sequence[Request]]] = {
                "ours": (self.ours, self._requests(all_)),
                f"ours, {VERSIONS} versions": (self.ours, self._requests(all_, VERSIONS)),
                DENSE: (dense, self._requests(all_)),
                STATIC: (static, self._requests(all_)),
            }
            rows += measured(systems, clients, count, self.plan.rounds)
        return rows + self._continuous()

    def learning(self) -> list[Row]:
        """Ours without and with a learning process beside it, round by round."""
        traces: dict[tuple[str, int], list[list[Trace]]] = {}

        def run(name: str) -> None:
            for clients, count in self.plan.learning.items():
                found = closed_loop(self.ours, self._requests(count), clients)
                traces.setdefault((name, clients), []).append(found)

        for _ in range(self.plan.rounds):
            run("ours, quiet")
            with learning(self._original):
                run("ours, learning")
        return [Row(name, clients, Figures.of(found)) for (name, clients), found in traces.items()]

    def http(self) -> list[Row]:
        """The whole service with streaming."""
        if not self.plan.http:
            return []
        rows = []
        with _service(self.folder) as system:
            for clients, count in self.plan.http.items():
                closed_loop(system, self._requests(clients), clients)
                rows += measured({"over HTTP, streamed": (system, self._requests(count))}, clients, count, 1)
        return rows

    def _continuous(self) -> list[Row]:
        rows = []
        system = ContinuousBatching(Checkpoint.load(self.folder, spare_rows=0, places=1))
        try:
            closed_loop(system, self._requests(1), 1)
            for clients, count in self.plan.slow.items():
                rows += measured({CONTINUOUS: (system, self._requests(count))}, clients, count, 1)
        finally:
            system.stop()
        return rows

    def _engine(self, checkpoint: Checkpoint) -> Engine:
        engine = Engine(checkpoint, max_batch=32)
        engine.start()
        self._stack.callback(engine.stop)
        closed_loop(Ours(engine), self._requests(8), 8)  # what is slow the first time
        return engine

    def _many_versions(self) -> None:
        """Versions 1 to 15, a line from the base."""
        engine = self.ours.engine
        torch.manual_seed(0)
        for version in range(1, VERSIONS):
            parent = engine.versions.view(version - 1)
            assert parent is not None
            engine.prepare(version, version - 1, change_of(self.checkpoint.table, parent, CHANGED))

    def _requests(self, count: int, versions: int = 1) -> list[Request]:
        self._seed += 1
        return requests_for(self.checkpoint, count, seed=self._seed, versions=versions)


@contextmanager
def _service(folder: Path) -> Iterator[Http]:
    """The embedded stack on a checkpoint folder."""
    os.environ["SLOTWISE_CHECKPOINT"] = str(folder)
    with service(8322) as client:
        system = Http(str(client.base_url), client.headers["authorization"].removeprefix("Bearer "))
        try:
            yield system
        finally:
            system.stop()


def table_of(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table; `/ first` is the rate beside the first row of as many clients."""
    lines = [
        "| system | clients | requests/s | / first | tokens/s | first token p50 · p99 | between p50 · p99 | whole |",
        "|" + "---|" * 8,
    ]
    first: dict[int, float] = {}
    for row in rows:
        found = row.figures
        ratio = found.requests_a_second / first.setdefault(row.clients, found.requests_a_second)
        times = [
            f"{found.first_p50:.1f} · {found.first_p99:.1f} ms",
            f"{found.between_p50:.2f} · {found.between_p99:.2f} ms",
            f"{found.whole_p50:.1f} ms",
        ]
        cells = [row.system, str(row.clients), f"{found.requests_a_second:.2f}", f"{ratio:.2f}"]
        lines.append("| " + " | ".join([*cells, f"{found.tokens_a_second:.0f}", *times]) + " |")
    return "\n".join(lines)


def aims(found: Mapping[str, Sequence[Row]]) -> str:
    """What was aimed at and what was reached, as a Markdown table; of what was measured."""
    rows = {(row.system, row.clients): row.figures for part in found.values() for row in part}
    lines = ["| what | reached | aim |", "|---|---|---|"]
    for (system, clients), figures in rows.items():
        ours, quiet = rows.get(("ours", clients)), rows.get(("ours, quiet", clients))
        at = f"at {clients} clients"
        if system == "ours, ten tokens":
            lines.append(f"| an answer of ten tokens alone, p50 | {figures.whole_p50:.1f} ms | 25 ms |")
        elif system == STATIC and ours:
            ratio = ours.requests_a_second / figures.requests_a_second
            lines.append(f"| requests/s beside static batches, {at} | {ratio:.2f} × | 1 × where batches are full |")
        elif system == CONTINUOUS and ours:
            ratio = ours.requests_a_second / figures.requests_a_second
            lines.append(f"| requests/s beside continuous batching, {at} | {ratio:.1f} × | far above 1 × |")
        elif system == DENSE and ours:
            cost = figures.tokens_a_second / ours.tokens_a_second - 1
            lines.append(f"| what memory costs beside a dense model, {at} | {100 * cost:+.0f} % | 15 % |")
        elif system == "ours, learning" and quiet:
            first, between = figures.first_p99 / quiet.first_p99, figures.between_p99 / quiet.between_p99
            lines.append(f"| p99 while learning, {at}: first token · between | {first:.2f} · {between:.2f} × | 2 × |")
    return "\n".join(lines)


def run(folder: Path, plan: Plan, whats: Sequence[str]) -> dict[str, list[Row]]:
    """The rows of everything that is asked for; prints each table when it is there."""
    found = {}
    with ExitStack() as stack:
        bench = Bench(folder, plan, stack)
        for what in whats:
            found[what] = getattr(bench, what)()
            print(f"\n{what}\n\n{table_of(found[what])}", flush=True)
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="How fast the live model is.")
    parser.add_argument("--checkpoint", type=Path, default=Path("model/default"))
    parser.add_argument("--quick", action="store_true", help="a few requests, to see that it works")
    parser.add_argument("--only", nargs="+", choices=WHATS, default=WHATS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(describe())
    found = run(arguments.checkpoint, QUICK if arguments.quick else FULL, arguments.only)
    print(f"\n{aims(found)}")
    if arguments.json:
        rows = {what: [asdict(row) for row in rows] for what, rows in found.items()}
        arguments.json.write_text(json.dumps({"machine": describe(), **rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
