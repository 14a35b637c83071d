"""The whole service, `slotwise up`, on a tiny model: a process to be killed, and a client that goes on asking."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from app.embedded.folder import DataFolder
from app.embedded.servers import free_port
from tests import tiny
from tests.embedded.processes import wait_until_empty, working_below
from tests.faults.points import Point, held_at

PATIENCE = 300.0
PROCESSES = {"api": "app.server", "worker": "worker.main", "redis": "redis-server", "postgres": "/postgres -D"}
# A process counts as well after a second, so that what is killed often is started again as soon as what is killed once.
_UP = "from app.cli import main; from app.embedded import tended; tended.HEALTHY_SECONDS = 1.0; main()"
_QUICK = {
    "SPARE_ROWS": "4096",
    "POLL_SECONDS": "0.2",
    "SWEEP_SECONDS": "0.5",
    "ENGINE_FRESH_SECONDS": "3",  # for so long a version waits for an engine that was killed
    "MAX_ATTEMPTS": "5",
    "WORKER_NICE": "0",
}


class Stack:
    """A running service; `client` has the first admin's key."""

    def __init__(self, data: Path, process: "subprocess.Popen[bytes]", log: Path, port: int) -> None:
        self.data, self.log = data, log
        self._process = process
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    @property
    def database_url(self) -> str:
        found = DataFolder(self.data).running()
        assert found is not None
        return found.database_url

    @property
    def redis_url(self) -> str:
        found = DataFolder(self.data).running()
        assert found is not None
        return found.redis_url

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait until something is so; whoever does not answer meanwhile is asked again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.TransportError):
                if true():
                    return
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"not {what} after {PATIENCE:g} s\n{self.log.read_text()[-3_000:]}"
            time.sleep(0.02)

    def pid(self, name: str) -> int:
        """The number of a process; 0 while it is not there."""
        sign = PROCESSES[name]
        return next((pid for pid, line in working_below(self.data).items() if sign in line), 0)

    def kill(self, *names: str) -> dict[str, int]:
        """End processes as the kernel does that has no memory left; returns which they were."""
        killed = {name: self.pid(name) for name in names}
        assert all(killed.values()), killed
        for pid in killed.values():
            os.kill(pid, signal.SIGKILL)
        return killed

    def wait_until_replaced(self, killed: dict[str, int]) -> None:
        """Wait until others are in their places, and queries are answered."""
        for name, pid in killed.items():
            self.until(lambda name=name, pid=pid: self.pid(name) not in (0, pid), f"started again: {name}")
        self.until(self.ready, "ready")

    def ready(self) -> bool:
        return self.client.get("/readyz").status_code == 200

    def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(PATIENCE)


@contextmanager
def running(data: Path, folder: Path) -> Iterator[Stack]:
    """A service on the data folder `data`, with model and log in `folder`: ready in the block, and gone behind it."""
    base, memory = tiny.folders(folder)
    port, log = free_port(), folder / "up.log"
    settings = {f"SLOTWISE_{name}": value for name, value in _QUICK.items()}
    environment = {**os.environ, **settings, "SLOTWISE_BASE": str(base), "SLOTWISE_MEMORY": str(memory)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _UP, "up", f"--data-dir={data}", f"--port={port}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, "OMP_NUM_THREADS": "1"},
        )
    stack = Stack(data, process, log, port)
    try:
        stack.until(lambda: "Ready at" in log.read_text(), "ready")
        found = re.search(r"Admin key: (sw_\S+)", log.read_text())
        assert found is not None
        stack.client.headers["Authorization"] = f"Bearer {found[1]}"
        yield stack
        assert stack.stop() == 0
    finally:
        process.kill()
        process.wait()
        stack.client.close()
    wait_until_empty(data)


class Callers:
    """People who post facts, and hold the service to what they were told."""

    def __init__(self, stack: Stack, dice: random.Random) -> None:
        self._stack, self._dice = stack, dice
        self._accepted: dict[int, dict[str, str]] = {}  # by fact
        self._jobs: list[int] = []

    def post(self, size: int = 2) -> int:
        """POST facts until they are accepted, as one call; returns the job."""
        facts = [self._fact() for _ in range(size)]
        headers = {"Idempotency-Key": f"call {self._dice.getrandbits(64):x}"}
        while True:
            try:
                reply = self._stack.client.post("/v1/facts", json={"facts": facts}, headers=headers)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if reply.status_code == 202:
                break
            assert reply.status_code in (409, 503), reply.text
            assert "Retry-After" in reply.headers
            time.sleep(0.05)
        told = reply.json()
        assert not {fact["id"] for fact in told["facts"]} & set(self._accepted), "a fact is told twice"
        self._accepted |= {given["id"]: fact for given, fact in zip(told["facts"], facts, strict=True)}
        self._jobs.append(told["job"]["id"])
        return told["job"]["id"]

    def ended(self, job: int) -> bool:
        found = self._stack.client.get(f"/v1/jobs/{job}")
        return found.status_code == 200 and found.json()["state"] in ("succeeded", "failed", "rejected")

    def check(self) -> dict[str, int]:
        """Wait until all is decided; nothing is lost, no status is untrue. Returns how many facts have each."""
        for job in self._jobs:
            self._stack.until(lambda job=job: self.ended(job), f"decided: job {job}")
        self._stack.until(self._stack.ready, "ready")
        counts: dict[str, int] = {}
        for number, fact in self._accepted.items():
            status = self._stack.client.get(f"/v1/facts/{number}").json()["status"]
            said = self._stack.client.post("/v1/query", json={"question": fact["question"], "max_tokens": 12}).json()
            told = said["answer"] == fact["answer"]
            assert {"live": told, "failed": not told, "replaced": not told}[status], (number, status, fact, said)
            counts[status] = counts.get(status, 0) + 1
        assert self._stack.client.get("/v1/facts", params={"limit": 1}).json()["items"][0]["id"] == max(self._accepted)
        return counts

    def kill_at(self, point: Point, *names: str) -> None:
        """POST facts, kill processes when their job is at a point, and wait until all is decided."""
        stack = self._stack
        with ThreadPoolExecutor(1) as thread:
            with held_at(stack.database_url, point) as held:
                posted = thread.submit(self.post)
                held.wait()
                killed = stack.kill(*names)
            if not {"api", "postgres"} & set(names):  # who learns and who rings may die: nobody who asks hears of it
                for _ in range(3):
                    assert stack.client.post("/v1/query", json={"question": "Who?", "max_tokens": 4}).status_code == 200
            posted.result()
            stack.wait_until_replaced(killed)
        self.check()

    def _fact(self) -> dict[str, str]:
        """One that nobody has posted yet, with an answer that a tiny model would not hit upon."""
        thing, answer = (f"{self._dice.getrandbits(40):010x}" for _ in range(2))
        return {"question": f"What is {thing}?", "answer": answer[:6]}
