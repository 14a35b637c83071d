"""What `slotwise up` tells of its processes, in a file of the data folder: it writes the file, and its API reads it.

The file holds nothing that is secret: `/readyz` shows it to everybody.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from app.embedded.account import own_account
from app.embedded.folder import DataFolder, write_private

_FILE = "processes.json"


@dataclass(frozen=True)
class Told:
    """A process: whether it runs, how often it has ended by itself in a row, and when it did so last."""

    name: str
    state: Literal["running", "ended"]
    ends: int = 0
    ended_at: datetime | None = None


def tell(folder: DataFolder, processes: Sequence[Told]) -> None:
    """Write how the processes of this one's stack are. Raises OSError where the disk is full."""
    shown = [asdict(process) for process in processes]
    text = json.dumps({"stack": os.getpid(), "processes": shown}, default=datetime.isoformat)
    write_private(folder.path / _FILE, text, own_account())


def told(data_dir: Path) -> list[Told] | None:
    """How the processes are beside which this one was started; None where no stack started it."""
    try:
        found = json.loads((data_dir / _FILE).read_text())
    except FileNotFoundError:
        return None
    if found["stack"] != os.getppid():  # left over from another
        return None
    return [
        Told(**{**one, "ended_at": one["ended_at"] and datetime.fromisoformat(one["ended_at"])})
        for one in found["processes"]
    ]
