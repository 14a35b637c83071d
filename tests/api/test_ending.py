"""An engine that dies takes its process with it, and says why; it never leaves callers waiting."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.embedded.servers import free_port
from app.settings import Settings
from tests.api.teacher import QUESTION


@pytest.fixture
def process(settings: Settings, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    port, log = free_port(), tmp_path / "log"
    command = ["uvicorn", "tests.api.dying_service:create", "--factory", f"--port={port}", "--no-access-log"]
    environment = {f"SLOTWISE_{name.upper()}": str(value) for name, value in settings if value is not None}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
        )
    yield process, f"http://127.0.0.1:{port}", log
    process.kill()
    process.wait()


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_dead_engine_ends_the_process_with_its_reason(process, key_of: dict[str, str]):
    service, url, log = process
    deadline = time.monotonic() + 120
    while not ready(url):
        assert service.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key_of['reader']}"}, timeout=30) as client:
        client.post("/break")
        reply = client.post("/v1/query", json={"question": QUESTION})
        assert reply.status_code == 503
        assert "the engine stopped" in reply.json()["detail"]
        health = client.get("/readyz")
        assert health.status_code == 503
        assert "engine" in health.json()["failing"]
    assert service.wait(60) == 1
    said = log.read_text()
    assert "the engine died, and with it this process" in said
    assert "MemoryError: the weights are gone" in said
