"""PostgreSQL and Redis, started and stopped for real."""

import os
import socket
from pathlib import Path
from signal import SIGKILL

import psycopg
import pytest
import redis

from app.embedded import servers
from app.embedded.errors import ChildEnded
from app.embedded.folder import DataFolder
from app.embedded.postgres import running_postgres
from app.embedded.redis import running_redis
from app.errors import StackFailed
from tests.embedded.processes import wait_until_empty, working_below


def _write(url: str, value: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value integer)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def _values(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY value")]


def test_data_outlive_an_orderly_stop_a_killed_server_and_a_false_pid_file(open_folder: Path) -> None:
    folder = DataFolder(open_folder / "data")
    with folder.held():
        with running_postgres(folder) as server:
            _write(server.url, 1)
        assert working_below(folder.path) == {}

        with running_postgres(folder) as server:
            _write(server.url, 2)
            os.kill(server.child.pid, SIGKILL)
            with pytest.raises(ChildEnded, match="killed by SIGKILL"):
                server.child.wait_until(lambda: False, 10)

        # After a restart of the machine the number in the file may be that of another process of the account.
        stale = folder.path / "postgres" / "postmaster.pid"
        stale.write_text(stale.read_text().replace(str(server.child.pid), str(os.getpid()), 1))
        with running_postgres(folder) as server:
            assert _values(server.url) == [1, 2]
    assert "database system was not properly shut down" in folder.log("postgres").read_text()
    wait_until_empty(folder.path)


def test_an_initialisation_that_was_cut_short_is_done_again(open_folder: Path) -> None:
    folder = DataFolder(open_folder / "data")
    with folder.held():
        (folder.path / "postgres.part").mkdir()
        (folder.path / "postgres.part" / "PG_VERSION").write_text("18\n")
        with running_postgres(folder) as server:
            _write(server.url, 1)
            assert _values(server.url) == [1]
        assert not (folder.path / "postgres.part").exists()


def test_two_data_folders_run_side_by_side(open_folder: Path, postgres_url: str, redis_server_url: str) -> None:
    folder = DataFolder(open_folder / "data")
    with folder.held(), running_postgres(folder) as postgres, running_redis(folder) as other_redis:
        assert postgres.url != postgres_url
        assert other_redis.url != redis_server_url
        _write(postgres.url, 1)
        assert _values(postgres.url) == [1]


@pytest.mark.parametrize("password", ["", "guess"])
def test_nobody_gets_in_without_the_password(postgres_url: str, redis_server_url: str, password: str) -> None:
    address = postgres_url.rpartition("@")[2]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://slotwise:{password}@{address}")
    guess = f"redis://:{password}@{redis_server_url.rpartition('@')[2]}"
    with redis.Redis.from_url(guess) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_a_lost_password_is_said_at_once(open_folder: Path) -> None:
    folder = DataFolder(open_folder / "data")
    with folder.held():
        with running_postgres(folder):
            pass
        (folder.path / "postgres.password").unlink()
        with pytest.raises(StackFailed, match="does not accept the password"), running_postgres(folder):
            pytest.fail("it started")
    wait_until_empty(folder.path)


def test_servers_listen_on_this_machine_only(postgres_url: str, redis_server_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    wanted = {"bind": "127.0.0.1", "maxmemory-policy": "noeviction", "appendonly": "no", "save": ""}
    with redis.Redis.from_url(redis_server_url, decode_responses=True) as client:
        assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_passwords_are_not_among_the_arguments_that_everybody_can_read(
    data_folder: DataFolder, postgres_url: str, redis_server_url: str
) -> None:
    lines = " ".join(working_below(data_folder.path).values())
    assert "redis-server" in lines
    assert data_folder.password("redis") not in lines
    assert data_folder.password("postgres") not in lines


def test_a_port_that_somebody_takes_first_is_replaced(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DataFolder(open_folder / "data")
    with folder.held(), socket.create_server(("127.0.0.1", 0)) as thief:
        taken, free = thief.getsockname()[1], servers.free_port()
        ports = iter([taken, free])
        monkeypatch.setattr(servers, "free_port", lambda: next(ports))
        with running_redis(folder) as server:
            assert server.url.endswith(f":{free}/0")


def test_a_port_is_taken_while_somebody_listens(open_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert servers.port_taken("127.0.0.1", port)
        assert servers.port_taken("0.0.0.0", port)  # noqa: S104  # asked about, not bound
    assert not servers.port_taken("127.0.0.1", port)
    with pytest.raises(StackFailed, match="no address of this machine"):
        servers.port_taken("no.such.host.invalid", port)
