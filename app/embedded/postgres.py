"""PostgreSQL, embedded: initialised at the first start, recovered after a crash, the truth of the service."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGQUIT
from types import MappingProxyType

import psycopg
from psycopg import sql

from app.embedded.binaries import Binaries, find_binaries
from app.embedded.child import Child, Program
from app.embedded.folder import DataFolder, write_private
from app.embedded.servers import LOCALHOST, Server, start_server
from app.errors import StackFailed

_ROLE = "slotwise"
_DATABASE = "slotwise"
_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
_RECOVERY_SECONDS = 600.0  # replaying the log of a crash takes what it takes; a server that gives up ends instead
_LEAVING_SECONDS = 60.0
# SIGINT ends sessions and writes a checkpoint; SIGQUIT leaves that to recovery at the next start.
_STOP = ((SIGINT, 30.0), (SIGQUIT, 10.0))


@contextmanager
def running_postgres(folder: DataFolder, options: Mapping[str, str] = _NO_OPTIONS) -> Iterator[Server]:
    """PostgreSQL on the data of `folder`, which must be held; stopped in an orderly way at the end.

    `options` are settings of postgresql.conf, for this run only.
    """
    binaries = find_binaries(folder)
    password = folder.password("postgres")
    cluster = folder.path / "postgres"
    if not cluster.exists():
        _initialise(folder, binaries, password)

    def url(port: int, database: str) -> str:
        return f"postgresql://{_ROLE}:{password}@{LOCALHOST}:{port}/{database}"

    def launch(port: int) -> Child:
        _wait_until_left(cluster)
        # What a kill -9 leaves. PostgreSQL believes that file if any process has its number, and in a container
        # numbers come back. It also guards the data against orphans of a killed server, hence the wait before.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        program = _program(folder, binaries.postgres, cluster, {**options, "port": str(port)})
        return Child(program, folder.log("postgres"))

    log = folder.log("postgres")
    child, port = start_server(launch, log, lambda port: _answers(url(port, "postgres")), _RECOVERY_SECONDS)
    try:
        _require_database(url(port, "postgres"))
        yield Server(child, url(port, _DATABASE), lambda: launch(port))
    finally:
        child.stop()


def _initialise(folder: DataFolder, binaries: Binaries, password: str) -> None:
    """Makes a cluster beside its final place and then moves it there: half of one is never taken for one."""
    part = folder.path / "postgres.part"
    if part.exists():
        _wait_until_left(part)
        shutil.rmtree(part)
    folder.server_folder(part.name)
    password_file = folder.path / "initdb.password"
    write_private(password_file, f"{password}\n", folder.account)
    command = (
        str(binaries.initdb),
        f"--pgdata={part}",
        f"--username={_ROLE}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",  # sorts the same on every machine, so that a moved index stays right
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    )
    child = Child(_server_program(folder, part, command), folder.log("postgres"))
    try:
        child.finish()
    finally:
        child.stop()
        password_file.unlink()
    part.rename(folder.path / "postgres")


def _program(folder: DataFolder, postgres: Path, cluster: Path, given: Mapping[str, str]) -> Program:
    """The server, reachable over TCP from this machine only and with the password only."""
    settings = {
        **given,
        "listen_addresses": LOCALHOST,
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return _server_program(folder, cluster, (str(postgres), "-D", str(cluster), *options))


def _server_program(folder: DataFolder, place: Path, command: tuple[str, ...]) -> Program:
    return Program(
        name="postgres",
        command=command,
        account=folder.account,
        folder=place,
        environment={"PATH": os.defpath, "LC_ALL": "C"},
        orphaned=SIGINT,
        stop=_STOP,
    )


def _answers(url: str) -> bool:
    """Whether a session can be opened; a server in recovery refuses until it has caught up."""
    try:
        with psycopg.connect(url, connect_timeout=5):
            return True
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise StackFailed("PostgreSQL does not accept the password in postgres.password of its folder.") from error
        return False


def _require_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [_DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))


def _wait_until_left(cluster: Path) -> None:
    """Waits for the processes of an earlier server to leave; none can come, as we hold the data folder."""
    deadline = time.monotonic() + _LEAVING_SECONDS
    while working := _processes_in(cluster):
        if time.monotonic() > deadline:
            raise StackFailed(f"Processes of an earlier PostgreSQL still work in {cluster}: {working}")
        time.sleep(0.05)


def _processes_in(cluster: Path) -> list[int]:
    """PostgreSQL's processes whose working folder is `cluster`, as that of every process of its server is."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            ours = process.name.isdigit() and (process / "cwd").samefile(cluster)
            if ours and (process / "exe").readlink().name.startswith(("postgres", "initdb")):  # and not a shell
                found.append(int(process.name))
        except OSError:  # it has ended meanwhile, or it is somebody else's and so not our server's
            continue
    return found
