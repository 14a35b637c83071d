"""A child process: watched, stopped, and gone with its parent."""

import os
import signal
import sys
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from app.embedded.account import own_account
from app.embedded.child import Child, Program
from app.embedded.errors import ChildEnded
from app.errors import StackFailed

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"


def _program(folder: Path, code: str) -> Program:
    command = (sys.executable, "-c", code)
    return Program("child", command, own_account(), folder, os.environ, SIGKILL, ((SIGTERM, 0.3),))


def test_its_end_is_reported_with_status_last_lines_and_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("of an earlier run\n")
    child = Child(_program(tmp_path, "for i in range(30): print('line', i)\nraise SystemExit(7)"), log)
    with pytest.raises(ChildEnded, match="exit status 7") as error:
        child.finish()
    assert str(log) in str(error.value)
    assert "line 10\n" in str(error.value)
    assert "line 9\n" not in str(error.value)
    child.stop()


def test_a_signal_is_named_and_an_earlier_run_is_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("of an earlier run\n")
    child = Child(_program(tmp_path, "import os; os.kill(os.getpid(), 9)"), log)
    with pytest.raises(ChildEnded, match=r"killed by SIGKILL\. It wrote nothing to"):
        child.finish()
    child.stop()


def test_one_that_ignores_its_signal_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    child = Child(_program(tmp_path, STUBBORN), log)
    child.wait_until(lambda: "up" in log.read_text(), 10)
    child.stop()
    with pytest.raises(ChildEnded, match="SIGKILL"):
        child.check()


def test_waiting_has_a_limit(tmp_path: Path) -> None:
    child = Child(_program(tmp_path, STUBBORN), tmp_path / "child.log")
    with pytest.raises(StackFailed, match="not ready after 0 seconds"):
        child.wait_until(lambda: False, 0.2)
    child.stop()


def test_it_leads_a_session_of_its_own(tmp_path: Path) -> None:
    child = Child(_program(tmp_path, STUBBORN), tmp_path / "child.log")
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    child.stop()


def test_its_log_is_closed_to_others(tmp_path: Path) -> None:
    child = Child(_program(tmp_path, "pass"), tmp_path / "child.log")
    child.finish()
    assert (tmp_path / "child.log").stat().st_mode & 0o077 == 0
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN  # ours is as Python wants it
