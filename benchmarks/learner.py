"""The work of a worker without the service around it: facts learned one by one, each with its gate, until it is ended.

`python -m benchmarks.learner DIR [--threads N] [--nice N]` prints a line when it begins with its first fact, and then
the seconds of each. Threads and priority are a worker's when they are left out.
"""

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings import Settings
from model.augment import augment
from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.continual.invented import invent
from model.finetune import learn
from model.gate import Gate
from worker.tasks import make_way

BEGUN = "begun"


def run(folder: Path) -> None:
    """Learn on top of the base, again and again."""
    checkpoint = Checkpoint.load(folder, spare_rows=65_536, places=4)
    table, gate, config = checkpoint.table, Gate(checkpoint), FinetuneConfig()
    print(BEGUN, flush=True)
    for seed in itertools.count():
        for invented in invent(20, seed):
            begun = time.perf_counter()
            study = augment(invented.fact, limit=config.texts)
            learned = learn(checkpoint, table.base, [study], config)
            if learned.delta is not None:
                view = table.enter(table.base, learned.delta)
                gate.drift(table.base, view, [study])
                table.release(view)
            print(f"{time.perf_counter() - begun:.3f}", flush=True)


@contextmanager
def learning(folder: Path, *options: str) -> Iterator[list[float]]:
    """A learner in a process of its own while the context lasts; afterwards the list has its seconds a fact."""
    command = [sys.executable, "-m", "benchmarks.learner", str(folder), *options]
    seconds: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != BEGUN:
            raise RuntimeError(f"the learner ended with status {process.wait()}")
        try:
            yield seconds
        finally:
            process.terminate()
        seconds += [float(line) for line in process.stdout if line.endswith("\n")]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Learn invented facts until ended.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--threads", type=int, default=Settings().worker_threads)
    parser.add_argument("--nice", type=int, default=Settings().worker_nice)
    arguments = parser.parse_args()
    make_way(arguments.threads, arguments.nice)
    run(arguments.checkpoint)


if __name__ == "__main__":
    main()
