"""`slotwise up` as a process: what it prints, how it ends, and that nothing outlives it."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.embedded.banner import banner, service_url
from app.embedded.folder import DataFolder, Running
from app.embedded.servers import free_port
from app.embedded.service import _environment
from app.settings import Settings
from tests.embedded.processes import service, slotwise, wait_until_empty, working_below

# What tells a process by its command line, in the order in which they are killed; each is needed by those after it.
SIGNS = {"redis": "redis-server", "postgres": "-D", "api": "http.server", "worker": "signal.pause"}
STOPS = ["Stopping the api", "Stopping the worker", "Stopping Redis", "Stopping PostgreSQL"]


@pytest.fixture(scope="module")
def used(open_root: Path) -> Path:
    """A data folder for the tests to which it does not matter what was there before."""
    return open_root / "used"


def _admin_key(lines: list[str]) -> str | None:
    found = re.search(r"Admin key: (sw_\S+)", "\n".join(lines))
    return found and found[1]


def process_of(data: Path, sign: str) -> int:
    """The number of a process that works in a folder, once there is one."""
    deadline = time.monotonic() + 30
    while not (found := [pid for pid, line in working_below(data).items() if sign in line]):
        assert time.monotonic() < deadline, f"no {sign}"
        time.sleep(0.05)
    return found[0]


def test_first_start_shows_the_key_once_and_a_second_start_keeps_everything(open_folder: Path) -> None:
    data, port = open_folder / "data", free_port()
    with service(data, port) as first:
        first.read_until("Ready at")
        key = _admin_key(first.lines)
        assert key is not None
        assert slotwise("keys", "create", f"--data-dir={data}").stdout.startswith("sw_")
        assert slotwise("audit", "verify", f"--data-dir={data}").stdout.startswith("2 rows hold; the newest hash is ")
        first.send(signal.SIGINT)
        assert first.end() == 0
    assert [line for line in first.lines if line.startswith("Stopping")] == STOPS
    assert working_below(data) == {}

    shown = [index for index, line in enumerate(first.lines) if line.startswith("curl ")]
    assert len(shown) == 3
    assert first.lines.index(f"Slotwise: http://127.0.0.1:{port}") < shown[0]
    assert shown[-1] < first.lines.index("Starting the api")

    assert slotwise("keys", "create", "--role=reader", f"--data-dir={data}").stdout.startswith("sw_")
    with service(data, port) as second:
        second.read_until("Ready at")
        assert _admin_key(second.lines) is None
        command = re.search(r"`(\S*slotwise keys create .*?)`", "\n".join(second.lines))
        assert command is not None
        assert shlex.split(command[1])[1:] == ["keys", "create", "--data-dir", str(data)]
        assert key not in "\n".join(second.lines)
        second.send(signal.SIGTERM)
        assert second.end() == 0


def test_nothing_outlives_a_killed_parent_and_the_next_start_recovers(open_folder: Path) -> None:
    data, port = open_folder / "data", free_port()
    with service(data, port) as first:
        first.read_until("Ready at")
        assert len(working_below(data)) > 4
        first.send(signal.SIGKILL)
        first.end()
    with service(data, port) as second:  # at once: what is still leaving must not be in its way
        second.read_until("Ready at")
        second.send(signal.SIGHUP)
        assert second.end() == 0
    assert [line for line in second.lines if line.startswith("Stopping")] == STOPS
    wait_until_empty(data)


@pytest.mark.parametrize("child", ["worker", "api"])
def test_a_child_that_ends_is_reported_and_ends_the_rest(used: Path, child: str) -> None:
    with service(used, free_port(), DOOMED=child) as running:
        assert running.end() == 1
    told = "\n".join(running.lines)
    assert f"{child} ended by itself, exit status 3. The last lines of {used}/logs/{child}.log:" in told
    assert "out of luck" in told
    assert [line for line in running.lines if line.startswith("Stopping")][-2:] == STOPS[-2:]
    assert working_below(used) == {}


def test_whatever_is_killed_is_started_again_while_the_rest_goes_on(used: Path) -> None:
    with service(used, free_port()) as running:
        running.read_until("Ready at")
        before = DataFolder(used).running()
        first = {name: process_of(used, sign) for name, sign in SIGNS.items()}
        for name, process in first.items():
            os.kill(process, signal.SIGKILL)
            running.read_until(f"{name} ended by itself, killed by SIGKILL")
            running.read_until("again")
            running.read_until("Started")
        assert DataFolder(used).running() == before  # at the addresses that the others know
        assert slotwise("keys", "create", f"--data-dir={used}").stdout.startswith("sw_")
        second = {name: process_of(used, sign) for name, sign in SIGNS.items()}
        assert all(second[name] != process for name, process in first.items())
        running.send(signal.SIGINT)
        assert running.end() == 0
    assert [line for line in running.lines if line.startswith("Stopping")] == STOPS
    assert working_below(used) == {}


def test_ctrl_c_during_the_start_ends_it_in_order(used: Path) -> None:
    with service(used, free_port()) as running:
        running.read_until("Starting Redis")
        running.send(signal.SIGINT)
        assert running.end() == 0
    assert running.lines[-1] == "Stopping PostgreSQL"
    assert working_below(used) == {}


def test_a_port_in_use_is_said_before_anything_starts(open_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ended = slotwise("up", f"--data-dir={open_folder / 'data'}", f"--port={port}")
    assert ended.returncode == 1
    assert f"Port {port} of 127.0.0.1 is in use" in ended.stderr
    assert list(open_folder.iterdir()) == []


def test_a_second_service_in_the_same_folder_is_refused_and_its_base_cannot_be_left_meanwhile(used: Path) -> None:
    with service(used, free_port()) as running:
        running.read_until("Ready at")
        for command in (("up", f"--port={free_port()}"), ("relearn",)):
            ended = slotwise(*command, f"--data-dir={used}")
            assert ended.returncode == 1, command
            assert re.search(rf"slotwise: {used} is in use by process \d+\.", ended.stderr)
        running.send(signal.SIGINT)
        assert running.end() == 0


def test_external_servers_are_used_when_their_urls_are_set(
    open_folder: Path, database_url: str, redis_url: str
) -> None:
    servers = {"SLOTWISE_DATABASE_URL": database_url, "SLOTWISE_REDIS_URL": redis_url}
    with service(open_folder / "data", free_port(), **servers) as running:
        running.read_until("Ready at")
        assert not any(name in line for line in running.lines for name in ("PostgreSQL", "Redis"))
        assert _admin_key(running.lines) is not None
        running.send(signal.SIGINT)
        assert running.end() == 0


@pytest.mark.parametrize(
    "command", [("keys", "create"), ("audit", "verify"), ("export", "--version=0", "out"), ("relearn",)]
)
def test_no_database_is_made_for_who_means_another_folder(open_folder: Path, command: tuple[str, ...]) -> None:
    ended = slotwise(*command, f"--data-dir={open_folder / 'misspelt'}")
    assert ended.returncode == 1
    assert f"no service ever ran in {open_folder / 'misspelt'}; name the data folder of yours" in ended.stderr
    assert list(open_folder.iterdir()) == []


def test_children_get_paths_that_hold_wherever_they_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-base").mkdir()
    monkeypatch.setenv("SLOTWISE_CACHE_DIR", "cache")
    folder, running = DataFolder(tmp_path / "data"), Running("a database", "a redis")

    def of_children(**given: object) -> dict[str, str]:
        return _environment(Settings(**given), folder, running)

    named = of_children(base="a-base", memory=Path("a-memory"))
    assert named["SLOTWISE_BASE"] == str(tmp_path / "a-base")
    assert named["SLOTWISE_MEMORY"] == str(tmp_path / "a-memory")
    assert named["SLOTWISE_CACHE_DIR"] == str(tmp_path / "cache")
    assert of_children(base="an-owner/a-model@main")["SLOTWISE_BASE"] == "an-owner/a-model@main"
    assert of_children()["SLOTWISE_BASE"] == ""


def test_a_wrong_setting_and_a_dead_database_are_sentences(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLOTWISE_DATABASE_URL", f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    ended = slotwise("keys", "create")
    assert ended.returncode == 1
    assert ended.stderr.startswith("slotwise: the database does not answer")
    monkeypatch.setenv("SLOTWISE_PORT", "many")
    assert slotwise("keys", "create").stderr.startswith("slotwise: the setting port is 'many'")


def test_the_parent_does_not_import_torch() -> None:
    code = "import app.cli, app.embedded.service, sys; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_curl_lines_are_what_a_shell_and_the_service_understand() -> None:
    lines = [line for line in banner("http://host:1", "sw_new").splitlines() if line.startswith("curl ")]
    words = [shlex.split(line) for line in lines]
    assert [line[2] for line in words] == [
        "http://host:1/v1/facts",
        "http://host:1/v1/query",
        "http://host:1/v1/admin/rollback",
    ]
    assert all("Authorization: Bearer sw_new" in line for line in words)
    taught, asked, back = (json.loads(line[-1]) for line in words)
    assert set(taught) == {"question", "answer"}
    assert asked["question"] != taught["question"]
    assert back["version"] == "previous"
    assert banner("http://host:1", None).count('"Authorization: Bearer $SLOTWISE_KEY"') == 3


def test_the_console_is_shown_where_all_of_its_calls_are_served() -> None:
    assert "Console: http://host:1/console" in banner("http://host:1", None).splitlines()
    apart = banner("http://host:1", None, admin_url="http://host:2")
    assert "Console: http://host:2/console" in apart.splitlines()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104  # shown, not bound
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("example.org", "http://example.org:8000"),
    ],
)
def test_the_address_shown_is_one_that_can_be_opened(host: str, url: str) -> None:
    assert service_url(host, 8000) == url
