"""The name under which a process holds a lease; on the machine where it ran, the name tells whether it is dead.

A lease of a dead process need not be waited out. To be wrong here would cost an attempt, never a wrong version: the
epoch of the lease refuses whatever its former owner writes.
"""

import hashlib
import os
import socket
from functools import cache
from pathlib import Path


def own() -> str:
    """The name of this process: host, number, and what tells it from others of that number."""
    return f"{socket.gethostname()}:{os.getpid()}:{_birth(os.getpid())}:{_machine()}"


def is_dead(owner: str) -> bool:
    """Whether the process of that name is known to be dead; that of another machine never is."""
    parts = owner.rsplit(":", 3)
    if len(parts) != 4:
        return False
    _, number, birth, machine = parts
    return machine == _machine() and number.isdecimal() and _birth(int(number)) != birth


def _birth(number: int) -> str:
    """When the process of that number was started, in the kernel's ticks; empty if there is none that runs."""
    try:
        # The name in parentheses may hold anything; state and start are fields 3 and 22.
        state, *fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if state in "ZX" else fields[18]


@cache
def _machine() -> str:
    """What two processes share that can see each other: a boot and a space of process numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return os.urandom(6).hex()  # no Linux: nobody can be told to be dead
    return hashlib.sha256(f"{boot}{space}".encode()).hexdigest()[:12]
