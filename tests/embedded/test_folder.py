"""The data folder: one holder, closed files, clear refusals."""

import os
import stat
from pathlib import Path

import pytest

from app.embedded.account import Account
from app.embedded.errors import FolderInUse
from app.embedded.folder import DataFolder, Running
from app.errors import StackFailed

STRANGER = Account("stranger", os.geteuid() + 4321, os.getegid() + 4321)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_holder_is_refused_and_told_who_holds_it(open_folder: Path) -> None:
    with DataFolder(open_folder / "data").held():
        refused = pytest.raises(FolderInUse, match=rf"data is in use by process {os.getpid()}\.")
        with refused, DataFolder(open_folder / "data").held():
            pytest.fail("both hold it")


def test_it_can_be_held_again_once_it_was_let_go(open_folder: Path) -> None:
    for _ in range(2):
        with DataFolder(open_folder / "data").held():
            assert (open_folder / "data" / "lock").read_text() == f"{os.getpid()}\n"


def test_two_folders_can_be_held_side_by_side(open_folder: Path) -> None:
    with DataFolder(open_folder / "one").held(), DataFolder(open_folder / "two").held():
        assert sorted(path.name for path in open_folder.iterdir()) == ["one", "two"]


def test_a_closed_parent_is_named_and_nothing_is_made_or_changed(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    folder = DataFolder(closed / "below" / "data")
    folder.account = STRANGER
    refused = pytest.raises(StackFailed, match=rf"{closed} is closed to that account.*--data-dir")
    with refused, folder.held():
        pytest.fail("it was held")
    assert _mode(closed) == 0o700
    assert list(closed.iterdir()) == []


def test_folders_that_it_makes_let_the_servers_account_through_whatever_the_umask(open_folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with DataFolder(open_folder / "new" / "data").held():
            assert _mode(open_folder / "new") == _mode(open_folder / "new" / "data") == 0o711
    finally:
        os.umask(before)


def test_a_file_in_place_of_the_folder_is_refused(open_folder: Path) -> None:
    (open_folder / "data").write_text("a file")
    with pytest.raises(StackFailed, match="cannot be used"), DataFolder(open_folder / "data").held():
        pytest.fail("it was held")


def test_a_password_is_random_kept_and_closed(open_folder: Path) -> None:
    folder = DataFolder(open_folder)
    password = folder.password("postgres")
    assert len(password) >= 32
    assert folder.password("postgres") == password
    assert folder.password("redis") != password
    assert _mode(open_folder / "postgres.password") == 0o600


def test_an_announcement_lasts_as_long_as_its_context(open_folder: Path) -> None:
    folder, running = DataFolder(open_folder), Running("postgresql://one", "redis://two")
    assert folder.running() is None
    with folder.announced(running):
        assert DataFolder(open_folder).running() == running
        assert _mode(open_folder / "running.json") == 0o600
    assert folder.running() is None
