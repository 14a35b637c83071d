"""Which account can reach which folder."""

import os
from pathlib import Path

import pytest

from app.embedded.account import Account, closed_parent, own_account, server_account

STRANGER = Account("stranger", os.geteuid() + 4321, os.getegid() + 4321)
COLLEAGUE = Account("colleague", os.geteuid() + 4321, os.getegid())


@pytest.fixture
def folders(open_folder: Path) -> Path:
    """The innermost of three open folders."""
    inner = open_folder / "outer" / "middle" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, *inner.parents[:2]):
        folder.chmod(0o755)
    return inner


def test_open_folders_have_no_closed_parent(folders: Path) -> None:
    assert closed_parent(folders, STRANGER) is None


def test_the_outermost_closed_parent_is_named(folders: Path) -> None:
    folders.parent.chmod(0o700)
    folders.parents[1].chmod(0o750)
    assert closed_parent(folders, STRANGER) == folders.parents[1]
    assert closed_parent(folders, COLLEAGUE) == folders.parent


def test_a_folder_that_may_be_read_but_not_entered_is_closed(folders: Path) -> None:
    folders.chmod(0o744)
    assert closed_parent(folders, STRANGER) == folders


def test_folders_that_do_not_exist_yet_are_not_closed(folders: Path) -> None:
    assert closed_parent(folders / "new" / "newer", STRANGER) is None


def test_our_own_account_is_left_to_the_kernel(folders: Path) -> None:
    folders.chmod(0o000)
    assert closed_parent(folders, own_account()) is None


def test_group_bits_decide_for_the_group_even_if_others_may_more(folders: Path) -> None:
    folders.chmod(0o705)
    assert closed_parent(folders, STRANGER) is None
    assert closed_parent(folders, COLLEAGUE) == folders


def test_servers_never_run_as_root(open_folder: Path) -> None:
    assert server_account(open_folder / "postgres").uid != 0


def test_the_owner_of_existing_data_stays_the_account(open_folder: Path) -> None:
    cluster = open_folder / "postgres"
    cluster.mkdir()
    chosen = server_account(cluster)
    os.chown(cluster, chosen.uid, chosen.gid)
    found = server_account(cluster)
    assert (found.uid, found.gid) == (chosen.uid, chosen.gid)
