"""What an exported version carries beside its rows, as files: its facts, and a manifest of all files.

facts.jsonl     a line for each fact, ascending by number
exported.json   what the version was, and the SHA-256 of every other file of the folder
Folders come from anywhere: whatever is read here is checked before anything is made of it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.db.tables import Json
from app.errors import BadFolder
from app.services import intake
from app.services.intake import NewFact
from app.services.moving import MovedFact
from app.settings import Settings
from model.base.exported import EXPORTED, FORMAT, ROWS
from model.memory.query import ADDRESSING, SHAPE, STATISTICS

FACTS = "facts.jsonl"
FILES = (SHAPE, ADDRESSING, STATISTICS, ROWS, FACTS)
MAX_FACT = 1 << 40  # a row has room for numbers up to 2^44: so many are left for facts to come

_MAX_LINE = 1 << 20
_MAX_MANIFEST = 1 << 16
_MAX_SAID = 10_000  # characters of what a model said to a probe
_STRICT = ConfigDict(strict=True, extra="forbid")

Told = TypeVar("Told", bound=BaseModel)
Number = Annotated[int, Field(ge=1, le=MAX_FACT)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """exported.json, as `model.base.exported.Exported` has it."""

    model_config = _STRICT

    format: Literal[2]
    base: str
    base_fingerprint: Sha256
    fingerprint: Sha256
    version: Annotated[int, Field(ge=0, lt=1 << 63)]
    state_hash: Sha256
    files: dict[str, Sha256]


class CarriedProbe(BaseModel):
    """The question that shows whether a fact is known."""

    model_config = ConfigDict(strict=True, extra="ignore")  # the first ones had a kind, too

    text: str
    answer: str
    held_out: bool = False


class CarriedReport(BaseModel):
    """How a fact was learned, as far as a service reads it; what else a report holds stays behind."""

    model_config = ConfigDict(strict=True, extra="ignore")

    steps: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    margin: Annotated[float, Field(allow_inf_nan=False)] | None = None
    seconds: Annotated[float, Field(ge=0, lt=1e9)] = 0.0
    slots: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    neighbours: dict[Literal["asked", "open"], Annotated[int, Field(ge=0, lt=1 << 31)]] = {}
    unread: list[str] = []
    note: str = ""
    took_over: list[Number] = []


class CarriedFact(BaseModel):
    """A line of facts.jsonl."""

    model_config = _STRICT

    id: Number
    statement: str | None
    question: str | None
    answer: str | None
    phrasings: list[str]
    source: str | None
    valid_from: datetime | None
    valid_until: datetime | None = None
    probe: CarriedProbe
    probe_answer: Annotated[str, Field(max_length=_MAX_SAID)] | None
    report: CarriedReport | None
    replaces: list[Number]


def write_facts(folder: Path, moved: Iterable[MovedFact]) -> None:
    """Put facts into a folder."""
    with (folder / FACTS).open("w", encoding="utf-8") as file:
        for one in moved:
            line = asdict(one.fact) | {name: getattr(one, name) for name in ("id", "probe", "probe_answer", "report")}
            line |= {"phrasings": list(one.fact.phrasings), "replaces": list(one.replaces)}
            file.write(json.dumps(line, ensure_ascii=False, default=datetime.isoformat) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """What a folder says that it holds, when it does hold these files, and each as it was. Raises BadFolder."""
    path = _regular(folder, EXPORTED)
    if path.stat().st_size > _MAX_MANIFEST:
        raise BadFolder(f"{path} has {path.stat().st_size:,} bytes; at most {_MAX_MANIFEST:,} are allowed")
    told = _parsed(Manifest, path.read_bytes(), str(path))
    if set(told.files) != set(FILES):
        odd = ", ".join(repr(name[:40]) for name in sorted(set(told.files) ^ set(FILES)))
        raise BadFolder(f"{path} names other files than a version of format {FORMAT} has: {odd}")
    for name, expected in told.files.items():
        with _regular(folder, name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise BadFolder(
                f"{folder / name} is not the file that was exported: its SHA-256 is {found}, not {expected}"
            )
    return told


def read_facts(folder: Path, settings: Settings) -> Iterator[MovedFact]:
    """The facts of a folder, each checked as a posted one is. Raises BadFolder that names the line."""
    last = 0
    with _regular(folder, FACTS).open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE + 1), b""), start=1):
            where = f"{FACTS}, line {number}"
            if len(line) > _MAX_LINE:
                raise BadFolder(f"{where}: it has more than {_MAX_LINE:,} bytes")
            carried = _parsed(CarriedFact, line, where)
            earlier = [*carried.replaces, *(carried.report.took_over if carried.report else ())]
            if carried.id <= last or any(one >= carried.id for one in earlier):
                raise BadFolder(f"{where}: fact {carried.id} does not come behind {max([last, *earlier])}")
            last = carried.id
            yield _checked(carried, settings, where)


def _checked(carried: CarriedFact, settings: Settings, where: str) -> MovedFact:
    fact = NewFact(
        carried.statement,
        carried.question,
        carried.answer,
        tuple(carried.phrasings),
        carried.source,
        carried.valid_from,
        carried.valid_until,
    )
    fault = intake.fault(replace(fact, valid_until=None), settings)  # one that is over is forgotten, not refused
    if fault is not None:
        raise BadFolder(f"{where}: {fault.field or 'it'}: {fault.message}")
    for field, text in (("text", carried.probe.text), ("answer", carried.probe.answer)):
        fault = intake.fault(NewFact(statement=text), settings)
        if fault is not None:
            raise BadFolder(f"{where}: probe.{field}: {fault.message}")
    if carried.report and not all(map(intake.is_text, [carried.report.note, *carried.report.unread])):
        raise BadFolder(f"{where}: report: it holds a NUL, which is no text")
    said = None if carried.probe_answer is None else intake.storable(carried.probe_answer)
    report: Json | None = carried.report.model_dump(exclude_unset=True) if carried.report else None
    return MovedFact(carried.id, fact, carried.probe.model_dump(), said, report, tuple(carried.replaces))


def _regular(folder: Path, name: str) -> Path:
    """A file of the folder itself: a link may lead anywhere, and a pipe never ends."""
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise BadFolder(f"{path} is missing, or is no plain file")
    return path


def _parsed(kind: type[Told], data: bytes, where: str) -> Told:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "it"
        raise BadFolder(f"{where}: {field}: {first['msg']}") from error
