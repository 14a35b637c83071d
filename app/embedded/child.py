"""A child process: started in a session of its own, watched, stopped within a time limit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from app.embedded.account import Account
from app.embedded.errors import ChildEnded
from app.errors import StackFailed

_LEASH = Path(__file__).with_name("leash.py")
_LAST_LINES = 20
_TAIL_BYTES = 65_536


@dataclass(frozen=True)
class Program:
    """What to run, as whom, and how it is told to end."""

    name: str
    command: tuple[str, ...]
    account: Account
    folder: Path  # where it runs
    environment: Mapping[str, str]
    orphaned: Signals  # what it gets when we die
    stop: tuple[tuple[Signals, float], ...]  # what we send to stop it, each with the seconds it has to obey


class Child:
    """A running `Program`, with its output in a log. It must be stopped.

    Its own session keeps Ctrl-C of our terminal away from it: the order in which children end is ours to
    choose. The kernel ties it to the thread that starts it here, so that has to be one that lasts: the main
    thread.
    """

    def __init__(self, program: Program, log: Path) -> None:
        self.name = program.name
        self._program = program
        self._log = log
        log.touch(mode=0o600)
        self._log_begins = log.stat().st_size
        account = program.account
        identity = (int(program.orphaned), os.getpid(), account.uid, account.gid)
        leash = [sys.executable, "-I", "-S", str(_LEASH), *map(str, identity)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*leash, *program.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=program.folder,
                env=dict(program.environment),
                start_new_session=True,
            )
        self.pid = self._process.pid

    def check(self) -> None:
        """Nothing while it runs.

        Raises:
            ChildEnded: it has ended; the message has its status, its last lines and its log.
        """
        status = self._process.poll()
        if status is not None:
            raise ChildEnded(f"{self.name} ended by itself, {_describe(status)}. {self._last_words()}")

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns as soon as `ready` says so.

        Raises:
            ChildEnded: it has ended.
            StackFailed: `seconds` have passed.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise StackFailed(f"{self.name} was not ready after {seconds:.0f} seconds. {self._last_words()}")
            time.sleep(0.05)

    def finish(self) -> None:
        """Waits for a program that ends by itself.

        Raises:
            ChildEnded: it did not succeed.
        """
        if self._process.wait() != 0:
            self.check()

    def stop(self) -> None:
        """Ends it: each of its signals in turn, then SIGKILL; it is gone when this returns."""
        for order, seconds in self._program.stop:
            if self._process.poll() is not None:
                return
            self._process.send_signal(order)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self._process.kill()
        self._process.wait()

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_begins, end - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
        if not lines:
            return f"It wrote nothing to {self._log}"
        return "\n".join([f"The last lines of {self._log}:", *(f"    {line}" for line in lines)])


def _describe(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"
