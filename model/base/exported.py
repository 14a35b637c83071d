"""A version in a memory folder: its rows, and what they are the rows of. Beside these the folder is a memory folder.

rows.safetensors   the delta from the base
exported.json      Exported, which says what state the rows lead to, and names every other file of the folder
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from model.errors import CheckpointError, DeltaError
from model.memory.delta import Delta

ROWS, EXPORTED = "rows.safetensors", "exported.json"
FORMAT = 2  # the first had rows alone, and named no files


@dataclass(frozen=True)
class Exported:
    """What an exported version was.

    base              as the service was told it; base_fingerprint, its own
    fingerprint       of base and memory folder together
    version           its number there; state_hash, of the base with its rows
    format            of the folder; files, by name the SHA-256 of every other file
    """

    base: str
    base_fingerprint: str
    fingerprint: str
    version: int
    state_hash: str
    format: int = 1
    files: Mapping[str, str] = field(default_factory=dict)

    def check(self, state_hash: str, folder: Path) -> None:
        """Raises CheckpointError where the rows of `folder` lead to another state than those that were exported."""
        if state_hash != self.state_hash:
            raise CheckpointError(
                f"the rows in {folder / ROWS} lead to the state {state_hash}; version {self.version} was exported with "
                f"{self.state_hash}, as {EXPORTED} says: they are not its rows, or were made on another base"
            )


def write_rows(folder: Path, delta: Delta, exported: Exported) -> None:
    """Put a version into a memory folder, as the last of what it holds."""
    (folder / ROWS).write_bytes(delta.to_bytes())
    files = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            files[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    whole = asdict(exported) | {"format": FORMAT, "files": files}
    (folder / EXPORTED).write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def read_rows(folder: Path) -> tuple[Delta, Exported] | None:
    """The version in a memory folder; None where there is none.

    Raises CheckpointError that names the file and what is wrong with it.
    """
    rows, told = folder / ROWS, folder / EXPORTED
    if not rows.exists() and not told.exists():
        return None
    try:
        exported = Exported(**json.loads(told.read_text(encoding="utf-8")))
        return Delta.from_bytes(rows.read_bytes()), exported
    except (OSError, ValueError, TypeError, DeltaError) as error:
        raise CheckpointError(f"the exported version in {folder} cannot be read: {error}") from error
