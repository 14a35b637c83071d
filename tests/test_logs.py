"""Lines of a process of its own: JSON for programs, sentences at a terminal, those of libraries among them."""

import json
import os
import subprocess
import sys

PROGRAM = """
import logging, os, structlog, sys
from app import logs
logs.configure()
structlog.contextvars.bind_contextvars(job=7)
log = structlog.get_logger()
log.info("learned", facts=2, name="Ærø")
log.debug("not told")
logging.getLogger("uvicorn.error").warning("slow: %s", "disk")
logging.getLogger("uvicorn.access").info("told by us")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def run(**streams: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60, **streams)


def test_programs_get_one_object_a_line():
    printed = run(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert printed.stderr == b""
    learned, slow, failed = [json.loads(line) for line in printed.stdout.decode().splitlines()]
    assert learned.pop("timestamp").endswith("Z")
    assert learned == {"event": "learned", "level": "info", "job": 7, "facts": 2, "name": "Ærø"}
    assert (slow["event"], slow["level"], slow["logger"], slow["job"]) == ("slow: disk", "warning", "uvicorn.error", 7)
    assert failed["exception"].endswith("ZeroDivisionError: division by zero")


def test_people_get_sentences():
    ours, theirs = os.openpty()
    try:
        run(stdout=theirs, stderr=theirs)
        told = os.read(ours, 65_536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "learned" in told
    assert "slow: disk" in told
    assert "{" not in told.splitlines()[0]


def test_a_full_disk_costs_lines_and_nothing_else():
    with open("/dev/full", "wb") as full:  # noqa: PTH123  # a device that takes nothing
        ended = subprocess.run(
            [sys.executable, "-c", f"{PROGRAM}\nprint('went on', file=sys.stderr)\nos._exit(0)"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert (ended.returncode, b"went on" in ended.stderr) == (0, True), ended.stderr
