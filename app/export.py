"""A kept version as a checkpoint of its own, which needs no service to answer."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.errors import FolderNotEmpty, WrongCheckpoint
from app.services import versions
from model.checkpoint import Checkpoint
from model.delta import Delta


def export(session: Session, checkpoint_folder: Path, version: int, folder: Path) -> str:
    """Write published `version` as a checkpoint into `folder`; returns the new checkpoint's fingerprint.

    Raises VersionNotFound, FolderNotEmpty, and WrongCheckpoint when the version was learned on another base.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(f"the folder {folder} is not empty; an export needs a new one")
    kept = versions.published(session, version)
    checkpoint = Checkpoint.load(checkpoint_folder, spare_rows=0, places=1)
    if kept.fingerprint != checkpoint.fingerprint:
        raise WrongCheckpoint(
            f"version {version} was learned on the checkpoint {kept.fingerprint}; "
            f"{checkpoint_folder} is {checkpoint.fingerprint}"
        )
    steps = versions.lineage(session, version)[1:]
    deltas = (Delta.from_bytes(data) for _, data in versions.deltas(session, steps))
    return checkpoint.export(Delta.path(deltas) if steps else None, folder)
