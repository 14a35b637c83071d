"""The data folder of an embedded stack: its lock, its secrets, its logs, and what runs in it."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from app.embedded.account import Account, closed_parent, own_account, server_account
from app.embedded.errors import FolderInUse
from app.errors import StackFailed


@dataclass(frozen=True)
class Running:
    """How other commands of this machine reach the servers that run in a data folder."""

    database_url: str
    redis_url: str


class DataFolder:
    """A folder that one stack at a time works in; whoever holds it may start servers there.

    The folder itself lets others pass through, because the servers' account has to; every file and folder in
    it is closed to them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute().resolve()
        self.account = server_account(self.path / "postgres")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder if need be and holds its lock; the kernel lets it go however this process ends.

        Raises:
            FolderInUse: another process holds it.
            StackFailed: the servers' account, or ours, cannot use it.
        """
        self._require_open()
        try:
            self._make()
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StackFailed(f"The data folder cannot be used: {error}. Choose another with --data-dir.") from error
        try:
            self._take(lock)
            yield
        finally:
            os.close(lock)

    @property
    def used(self) -> bool:
        """Whether a service ever ran here: then there is a database."""
        return (self.path / "postgres").exists()

    def server_folder(self, name: str) -> Path:
        """A folder that belongs to the servers' account, and to nobody else; made if need be."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        os.chown(folder, self.account.uid, self.account.gid)
        return folder

    def log(self, name: str) -> Path:
        """The log of the child `name`. Logs may quote facts, so their folder is ours alone."""
        folder = self.path / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{name}.log"

    def password(self, server: str) -> str:
        """The password of `server`: random, made once, kept in a file that only we can read."""
        kept = self.path / f"{server}.password"
        if not kept.exists():
            write_private(kept, secrets.token_urlsafe(32), own_account())
        return kept.read_text()

    @contextmanager
    def announced(self, running: Running) -> Iterator[None]:
        """Lets other commands find the servers for as long as the context lasts."""
        write_private(self._announcement, json.dumps(asdict(running)), own_account())
        try:
            yield
        finally:
            self._announcement.unlink(missing_ok=True)

    def running(self) -> Running | None:
        """What the process that holds the folder announced; left over from a crash if nobody holds it."""
        try:
            return Running(**json.loads(self._announcement.read_text()))
        except FileNotFoundError:
            return None

    @property
    def _announcement(self) -> Path:
        return self.path / "running.json"

    def _require_open(self) -> None:
        closed = closed_parent(self.path, self.account)
        if closed is not None:
            raise StackFailed(
                f"{self.path} cannot hold the data: started by root, PostgreSQL and Redis run as "
                f"{self.account.name}, and {closed} is closed to that account. Choose another folder with "
                f"--data-dir (/var/lib/slotwise, say), or open that one yourself: chmod o+x {closed}"
            )

    def _make(self) -> None:
        """Makes the folder and the missing ones above it; the modes of others are not ours to change."""
        for folder in reversed([part for part in (self.path, *self.path.parents) if not part.exists()]):
            folder.mkdir()
            folder.chmod(0o711)

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(lock, 32).decode().strip() or "that is just starting"
            raise FolderInUse(
                f"{self.path} is in use by process {holder}. Stop it, or choose another folder with --data-dir."
            ) from error
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())


def write_private(path: Path, text: str, owner: Account) -> None:
    """Writes a file that only `owner` can read, in one step: a reader sees the old text or the new one."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as writer:
        os.fchown(file, owner.uid, owner.gid)
        writer.write(text)
        writer.flush()
        os.fsync(file)
    part.replace(path)
