"""The name of a lease's owner: dead on this machine is dead, anything else is not known to be."""

import subprocess
import sys
import time

from worker import owner

_NAMED = "from worker import owner; print(owner.own(), flush=True); input()"


def test_a_process_is_alive_until_it_is_killed_also_before_anybody_has_waited_for_it():
    process = subprocess.Popen([sys.executable, "-c", _NAMED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert f":{process.pid}:" in name
    assert not owner.is_dead(name)
    process.kill()
    process.stdout.read()  # its end of the pipe is closed, so it is gone
    deadline = time.monotonic() + 10
    while not owner.is_dead(name):  # the pipe is closed a moment before the process counts as dead
        assert time.monotonic() < deadline, "it counts as alive"
        time.sleep(0.01)
    assert process.returncode is None, "it was waited for"
    process.communicate()
    assert owner.is_dead(name)


def test_a_number_that_another_process_has_now_is_not_the_one_that_died():
    host, number, _, machine = owner.own().rsplit(":", 3)
    assert owner.is_dead(f"{host}:{number}:7:{machine}")
    assert not owner.is_dead(owner.own())


def test_of_other_machines_and_other_names_nothing_is_known():
    host, number, _, machine = owner.own().rsplit(":", 3)
    assert not owner.is_dead(f"{host}:{number}:7:{machine[::-1]}x")
    for name in ("worker", "host:12", "", f"a:b:c:{machine}"):
        assert not owner.is_dead(name)
