"""Becomes another program that dies with its parent: `leash.py SIGNAL PARENT UID GID PROGRAM ARGUMENT …`.

It is a script of its own, and not a function that runs between fork and exec, because Python code there may
deadlock in a process that has threads. It knows nothing of Slotwise and needs the standard library only, so
`python -I -S` starts it in some twenty milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(death_signal: int, parent: int, uid: int, gid: int, program: list[str]) -> None:
    """Becomes `program` as user `uid`; the kernel sends it `death_signal` when process `parent` has died."""
    if sys.platform != "linux":
        sys.exit("Slotwise starts its processes on Linux only, where the kernel ends them with their parent.")
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # A change of credentials clears this wish, so it comes after them …
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    # … and a parent that died before it was uttered will never be announced.
    if os.getppid() != parent:
        sys.exit("the parent process has died")
    # Python ignores SIGPIPE, and what is ignored stays so through an exec: the program gets the usual
    # default.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(program[0], program)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:5]]
    main(numbers[0], numbers[1], numbers[2], numbers[3], sys.argv[5:])
