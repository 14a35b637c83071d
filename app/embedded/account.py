"""Which account the servers run as, and whether that account can reach a folder."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from app.errors import StackFailed


@dataclass(frozen=True)
class Account:
    """A user and its group, by number. It has no further groups: the leash drops them."""

    name: str
    uid: int
    gid: int

    def may(self, path: Path, wanted: int) -> bool:
        """Whether the mode of `path` allows `wanted`, a sum of read (4), write (2) and enter (1).

        Asked of the mode and not of the kernel, because for root `access()` always says yes.
        """
        found = path.stat()
        owner, group, others = found.st_mode >> 6, found.st_mode >> 3, found.st_mode
        allowed = owner if found.st_uid == self.uid else group if found.st_gid == self.gid else others
        return allowed & wanted == wanted


def own_account() -> Account:
    """The account of this process."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run as a number without a name
        name = str(uid)
    return Account(name, uid, os.getegid())


def server_account(cluster: Path) -> Account:
    """The account for PostgreSQL and Redis: our own, or an unprivileged one if we are root.

    PostgreSQL refuses to run as root. Files that exist decide, since only their owner can use them. For new
    ones `postgres` comes first, where the system has it: no other program of the machine runs under that
    name, while `nobody` is shared by all that found nothing better. No account is ever added.

    Raises:
        StackFailed: we are root and the system has neither account.
    """
    if os.geteuid() != 0:
        return own_account()
    if cluster.exists() and cluster.stat().st_uid != 0:
        found = cluster.stat()
        return Account(f"user {found.st_uid}", found.st_uid, found.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise StackFailed("PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it as")


def closed_parent(path: Path, account: Account) -> Path | None:
    """The outermost folder on the way to `path`, itself included, that `account` cannot enter; or None.

    The parts of `path` that do not exist yet are left out: we make them, open.
    """
    if account.uid == os.geteuid():
        return None  # the kernel tells us soon enough, and it knows more than modes
    on_the_way = [folder for folder in (path, *path.parents) if folder.is_dir()]
    return next((folder for folder in reversed(on_the_way) if not account.may(folder, stat.S_IXOTH)), None)
