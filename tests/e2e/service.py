"""The service as its processes: API server and a Celery worker, started and stopped like an operator does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from app.embedded.servers import free_port
from app.settings import Settings

TOKENS = 24  # of an answer: more than what is taught has, and enough to tell two of the base's apart
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
_FINAL = {"succeeded", "failed", "rejected", "cancelled"}


class Service:
    """Two processes on the servers, the base and the memory of `settings`, and an HTTP client with `key`."""

    def __init__(self, settings: Settings, key: str, folder: Path) -> None:
        port = free_port()
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1"} | {
            f"SLOTWISE_{name.upper()}": str(value)
            for name, value in settings.model_copy(update={"port": port})
            if value is not None
        }
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=30
        )

    def start(self) -> None:
        """Returns when queries are answered; the worker may still be loading."""
        self._run("celery", "--app=worker.main", "worker", "--pool=solo", "--concurrency=1")
        self.start_api()

    def start_api(self) -> None:
        self.launch_api()
        self.wait_until_ready()

    def launch_api(self) -> None:
        """Returns at once: what loads takes a processor, and there may be another for the next."""
        self._run("app.server")

    def wait_until_ready(self) -> None:
        self.wait_until(self._ready, _START_SECONDS)

    def stop(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def kill(self) -> None:
        """End both as a power cut does."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()

    def wait_until(self, true: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            ended = [process.args for process in self._processes if process.poll() is not None]
            assert not ended, f"{ended} ended:\n{self.logs()}"
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(path.read_text()[-4_000:] for path in sorted(self._folder.glob("*.log")))

    def ask(self, question: str, version: int | None = None) -> tuple[str, int]:
        body = {"question": question, "version": version, "max_tokens": TOKENS}
        reply = self.client.post("/v1/query", json=body)
        assert reply.status_code == 200, reply.text
        assert reply.headers["X-Model-Version"] == str(reply.json()["version"])
        return reply.json()["answer"], reply.json()["version"]

    def teach(self, facts: list[dict[str, str]], seconds: float) -> dict:
        """POST facts and follow their job to its end."""
        reply = self.client.post("/v1/facts", json={"facts": facts})
        assert reply.status_code == 202, reply.text
        place = reply.headers["Location"]
        self.wait_until(lambda: self.client.get(place).json()["state"] in _FINAL, seconds)
        return self.client.get(place).json()

    def roll(self, version: int | str) -> dict:
        reply = self.client.post("/v1/admin/rollback", json={"version": version, "reason": "a test"})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def _run(self, module: str, *arguments: str) -> None:
        with (self._folder / f"{module}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, *arguments],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self.environment,
                )
            )

    def _ready(self) -> bool:
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False
