"""A version from a folder that `slotwise export` wrote, into an installation of the same base without facts."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from app.carried import Manifest, read_facts, read_manifest
from app.errors import BadFolder, WrongCheckpoint
from app.services import moving
from app.services.audit import Actor
from app.services.moving import Arrived, MovedFact, MovedVersion
from app.settings import Settings
from model.base.checkpoint import fingerprint_of, fingerprint_of_base
from model.base.exported import ROWS
from model.base.source import base_folder
from model.errors import DeltaError, WrongState
from model.memory.delta import Delta
from model.memory.query import Addressing
from model.memory.rows import RowLayout
from model.memory.table import ValueTable

_BESIDE_ROWS = 1 << 16  # bytes of a file of rows that are no row: its header


def import_version(session: Session, settings: Settings, folder: Path, actor: Actor) -> Arrived:
    """Store the version of `folder`; engines publish it when they have found its state and answered its probes.

    The state must be the one that was exported, so the rows are what they were, owners included.
    Raises BadFolder, WrongCheckpoint when it is of another base or memory than the settings', InstallationNotEmpty, and
    CheckpointError for a base or a memory that cannot be read. Whatever is raised, nothing is stored.
    """
    told = read_manifest(folder)
    fingerprint = fingerprint_of(fingerprint_of_base(base_folder(settings.base)), settings.memory)
    if told.fingerprint != fingerprint:
        raise WrongCheckpoint(
            f"the version in {folder} belongs to the base and memory {told.fingerprint}; "
            f"{settings.base or 'the default'} with {settings.memory} is {fingerprint}"
        )
    facts = list(read_facts(folder, settings))
    delta, owners = _rows(folder, settings.memory, told)
    _refuse_strangers(facts, owners)
    report = {"facts": {"imported": len(facts)}, "slots": len(owners), "bytes": delta.nbytes}
    report |= {"exported": {"version": told.version, "state_hash": told.state_hash}}
    moved = MovedVersion(delta.to_bytes(), told.state_hash, fingerprint, owners, facts, report)
    return moving.arrive(session, moved, actor)


def _rows(folder: Path, memory: Path, told: Manifest) -> tuple[Delta, dict[int, int]]:
    """The rows of a folder, if they lead to the state that it names; and the owner of each slot that has one."""
    config = Addressing.load(memory).config
    layout = RowLayout(config)
    path, size = folder / ROWS, (folder / ROWS).stat().st_size
    room = config.slots * (2 * layout.width + 16) + _BESIDE_ROWS
    if size > room:
        raise BadFolder(f"{path} has {size:,} bytes; a full memory has {room:,} at most")
    table = ValueTable(config.slots, layout.width, 0, 1, told.fingerprint)
    try:
        delta = Delta.from_bytes(bytearray(path.read_bytes()))
        state = table.draft(table.base, delta).state_hash
    except (DeltaError, WrongState, RuntimeError, TypeError, ValueError) as error:
        # Headers of such files tell torch what to make of them, and one from anywhere can be wrong in many ways.
        raise BadFolder(f"the rows in {path} cannot be read: {error}") from error
    if state != told.state_hash:
        raise BadFolder(
            f"the rows in {path} lead to the state {state}; the version was exported with {told.state_hash}"
        )
    owners = layout.owners(delta.rows, delta.which)
    written = owners != 0
    return delta, dict(zip(delta.slots[written].tolist(), owners[written].tolist(), strict=True))


def _refuse_strangers(facts: Sequence[MovedFact], owners: dict[int, int]) -> None:
    """Every row must be a fact's that comes with it, and every replaced fact must come, too."""
    if not facts:
        raise BadFolder("the version tells no fact: there is nothing to import")
    known = {one.id for one in facts}
    gone = {replaced for one in facts for replaced in one.replaces}
    if gone - known:
        raise BadFolder(f"fact {min(gone - known)} is replaced by another, and is not among the facts")
    strangers = set(owners.values()) - (known - gone)
    if strangers:
        raise BadFolder(f"rows are owned by fact {min(strangers)}, which the version does not tell")
