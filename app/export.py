"""A kept version as a checkpoint of its own, which needs no service to answer."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.errors import DamagedDelta, FolderNotEmpty, WrongCheckpoint
from app.services import versions
from model.checkpoint import Checkpoint
from model.delta import Delta


def export(session: Session, checkpoint_folder: Path, version: int, folder: Path) -> str:
    """Write published `version` as a checkpoint into `folder`; returns the new checkpoint's fingerprint.

    Raises VersionNotFound, FolderNotEmpty, WrongCheckpoint when the version was learned on another base, and
    DamagedDelta when it cannot be had as it was made.
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
    if not steps:
        return checkpoint.export(None, folder)
    delta = Delta.path(Delta.from_bytes(data) for _, data in versions.deltas(session, steps))
    if checkpoint.table.draft(checkpoint.table.base, delta).state_hash != kept.state_hash:
        raise DamagedDelta(f"the deltas up to version {version} lead to another state than it was made with")
    return checkpoint.export(delta, folder)
