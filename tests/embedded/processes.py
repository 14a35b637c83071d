"""What tests of the embedded stack see of processes: who works in a folder, and services of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SERVICE = Path(__file__).with_name("service_with_stand_ins.py")
_SECONDS = 60.0


def working_below(folder: Path) -> dict[int, str]:
    """The processes that work in `folder` or below, by number; every child of a stack is one."""
    found = {}
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").readlink().is_relative_to(folder):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """All processes that work in `folder` or below are stopped while the block runs: callers reach them, and wait."""
    found = working_below(folder)
    assert found, f"nothing works in {folder}"
    try:
        for process in found:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in found:
            os.kill(process, signal.SIGCONT)


def wait_until_empty(folder: Path) -> None:
    """Fails if processes still work below `folder` after a while."""
    deadline = time.monotonic() + _SECONDS
    while left := working_below(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


class RunningService:
    """`slotwise up` as a process of its own; what it printed so far is `lines`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: list[str] = []

    def read_until(self, wanted: str) -> str:
        """Reads on until a line contains `wanted`, and returns that line."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if wanted in line:
                return line
        raise AssertionError(f"it ended without {wanted!r}: {self.lines}")

    def send(self, order: signal.Signals) -> None:
        """Sends it a signal."""
        self._process.send_signal(order)

    def end(self) -> int:
        """Waits until it has ended; returns its exit status."""
        assert self._process.stdout is not None
        self.lines += self._process.stdout.read().splitlines()
        return self._process.wait(_SECONDS)


@contextmanager
def service(data: Path, port: int, **environment: str) -> Iterator[RunningService]:
    """`slotwise up` on `data` and `port`, with stand-ins for worker and API; killed at the end if need be."""
    command = [sys.executable, str(_SERVICE), "up", f"--data-dir={data}", f"--port={port}"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        try:
            yield RunningService(process)
        finally:
            if process.poll() is None:
                process.kill()


def slotwise(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of `slotwise` to its end."""
    return subprocess.run([sys.executable, str(_SERVICE), *arguments], capture_output=True, text=True, timeout=_SECONDS)
