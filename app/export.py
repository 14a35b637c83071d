"""A kept version as a memory folder of its own, which needs its base and no service to answer.

It has the version's facts, too, so that another installation can take it in (`app/import_version.py`).
"""

import shutil
from pathlib import Path

import torch
from sqlalchemy.orm import Session

from app.carried import write_facts
from app.errors import DamagedDelta, FolderNotEmpty, WrongCheckpoint
from app.services import moving, versions
from model.base.checkpoint import fingerprint_of, fingerprint_of_base
from model.base.exported import Exported, write_rows
from model.base.source import base_folder
from model.memory.delta import Delta
from model.memory.query import ADDRESSING, SHAPE, STATISTICS, Addressing
from model.memory.rows import DTYPE, RowLayout
from model.memory.table import ValueTable


def export(session: Session, base: str, memory: Path, version: int, folder: Path) -> str:
    """Write published `version` as a memory folder with rows; returns the fingerprint of base and memory.

    base, memory  as a service is started with them
    The folder holds the files of `memory` byte for byte, the version as model/base/exported.py has it, and the facts
    that it tells as app/carried.py has them.
    Raises VersionNotFound, FolderNotEmpty, WrongCheckpoint when the version was learned on another base, DamagedDelta
    when it cannot be had as it was made, and CheckpointError for a base or a memory that cannot be read.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(f"the folder {folder} is not empty; an export needs a new one")
    kept = versions.published(session, version)
    of_base = fingerprint_of_base(base_folder(base))
    layout = RowLayout(config := Addressing.load(memory).config)
    fingerprint = fingerprint_of(of_base, memory)
    if kept.fingerprint != fingerprint:
        raise WrongCheckpoint(
            f"version {version} was learned on the base {kept.fingerprint}; {base or 'the default'} with {memory} is "
            f"{fingerprint}"
        )
    none = Delta(torch.empty(0, dtype=torch.int64), torch.empty(0, layout.width, dtype=DTYPE))
    steps = versions.deltas(session, versions.lineage(session, version))
    delta = Delta.path([none, *(Delta.from_bytes(data) for _, data in steps)])
    table = ValueTable(config.slots, layout.width, 0, 1, fingerprint)
    if table.draft(table.base, delta).state_hash != kept.state_hash:
        raise DamagedDelta(f"the deltas up to version {version} lead to another state than it was made with")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (SHAPE, ADDRESSING, STATISTICS):
        shutil.copyfile(memory / name, folder / name)
    write_facts(folder, moving.leaving(session, version))
    write_rows(folder, delta, Exported(base, of_base, fingerprint, version, kept.state_hash))
    return fingerprint
