"""Executables of the wheels, in place or copied."""

import os
import subprocess
from pathlib import Path

import pytest

from app.embedded import binaries
from app.embedded.account import Account
from app.embedded.binaries import find_binaries
from app.embedded.folder import DataFolder

STRANGER = Account("stranger", os.geteuid() + 4321, os.getegid() + 4321)


def _version(program: Path) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def closed_wheels(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A data folder whose account cannot reach the wheels."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "site").symlink_to(binaries._site_packages())
    monkeypatch.setattr(binaries, "_site_packages", lambda: closed / "site")
    folder = DataFolder(open_folder / "data")
    folder.path.mkdir()
    folder.account = STRANGER
    return folder


def test_the_newest_postgresql_of_the_wheel_is_found(open_folder: Path) -> None:
    found = find_binaries(DataFolder(open_folder))
    assert "(PostgreSQL) 18." in _version(found.postgres)
    assert "Redis server v=6.2" in _version(found.redis_server)


def test_wheels_out_of_reach_are_copied_and_run_from_the_copy(closed_wheels: DataFolder) -> None:
    found = find_binaries(closed_wheels)
    for program in (found.postgres, found.initdb, found.redis_server):
        assert program.is_relative_to(closed_wheels.path)
        assert closed_wheels.account.may(program, 5)
        assert _version(program)


def test_the_copy_is_made_once_and_replaces_that_of_older_wheels(closed_wheels: DataFolder) -> None:
    (closed_wheels.path / "bin-0.1-5.0").mkdir()
    made = find_binaries(closed_wheels).postgres.stat()
    assert find_binaries(closed_wheels).postgres.stat() == made
    assert len(list(closed_wheels.path.glob("bin-*"))) == 1
