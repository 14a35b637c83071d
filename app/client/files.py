"""Facts on their way to an import, piece by piece: a file as it is, or facts that are given one by one."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.client.given import NewFact

_PIECE_BYTES = 1 << 16
_KINDS = {".csv": "text/csv", ".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson"}
Facts = str | os.PathLike[str] | Iterable[NewFact]


@dataclass(frozen=True)
class Upload:
    """What is sent.

    size        bytes, where they are known before
    repeatable  whether it can be sent a second time
    """

    kind: str
    pieces: Callable[[], Iterator[bytes]]
    size: int | None
    repeatable: bool


def upload(facts: Facts, on_progress: Callable[[int], None] | None = None) -> Upload:
    """Facts as a body; `on_progress` is told how many bytes of it are sent.

    Raises ValueError for a file whose name does not say what it is, and OSError for one that cannot be read.
    """
    if not isinstance(facts, str | os.PathLike):
        pieces, again = (lambda: _told(_lines(facts), on_progress)), isinstance(facts, Sequence)
        return Upload(_KINDS[".jsonl"], pieces, None, again)
    path = Path(facts)
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path.name}: the name of a file must end with one of {', '.join(_KINDS)}")
    return Upload(kind, lambda: _told(_pieces(path), on_progress), path.stat().st_size, True)


def _lines(facts: Iterable[NewFact]) -> Iterator[bytes]:
    for fact in facts:
        yield json.dumps(fact.body).encode() + b"\n"


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _told(pieces: Iterator[bytes], on_progress: Callable[[int], None] | None) -> Iterator[bytes]:
    sent = 0
    for piece in pieces:
        yield piece
        sent += len(piece)
        if on_progress is not None:
            on_progress(sent)
