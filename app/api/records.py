"""Records of a file that comes in pieces: lines of JSON, or CSV whose first row names the fields.

`Records` cuts, and holds no more than one record that has not ended; `json_line` and `Rows` read what it has cut.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.api.bodies import FactIn
from app.api.errors import message_of, named
from app.errors import InvalidInput
from app.services.importing import Line
from app.services.intake import Fault, NewFact

JSON_LINES, CSV = "application/x-ndjson", "text/csv"
_FIELDS = tuple(FactIn.model_fields)
_SHOWN_CHARACTERS = 60  # of a name that is none
_MARK = b"\xef\xbb\xbf"  # with which some programs begin a file


@dataclass(frozen=True)
class Record:
    """A record as it stands in the file, and the line at which it begins; None where it is too long to be kept."""

    line: int
    text: bytes | None


class Records:
    """Cuts a file into records of at most `max_bytes`: lines, or rows of CSV, which go on while a quote is open."""

    def __init__(self, kind: str, max_bytes: int) -> None:
        self._rows, self._max_bytes = kind == CSV, max_bytes
        self._rest = b""  # of a line that has not ended
        self._held: list[bytes] = []  # lines of a row that has not ended
        self._bytes = 0  # of these
        self._line = self._begins = 1
        self._quoted = self._too_long = False

    def feed(self, piece: bytes) -> Iterator[Record]:
        """The records that a piece of the file completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            yield from self._ended(line)
        if self._bytes + len(self._rest) > self._max_bytes:
            self._rest = b""
            self._drop()

    def end(self) -> Iterator[Record]:
        """The last record, where the file ends without an end of line, or in the middle of a row."""
        self._quoted = False
        yield from self._ended(self._rest, last=True)

    def _ended(self, line: bytes, last: bool = False) -> Iterator[Record]:
        self._held.append(line)
        self._bytes += len(line) + 1
        self._line += 1
        self._quoted ^= self._rows and line.count(b'"') % 2 == 1
        if self._bytes > self._max_bytes + 1:
            self._drop()
        if self._quoted and not self._too_long and not last:
            return
        text = b"\n".join(self._held)
        if self._too_long or text.strip():
            yield Record(self._begins, None if self._too_long else text)
        self._held, self._bytes, self._begins = [], 0, self._line
        self._quoted = self._too_long = False

    def _drop(self) -> None:
        """Keep nothing of a record that is too long; where it ends is at the end of the line."""
        self._held, self._bytes, self._too_long = [], 0, True


def json_line(record: Record, max_bytes: int) -> Line:
    """The fact of a line of JSON."""
    try:
        text = _text(record, max_bytes)
        found = json.loads(text)
        if "\\u" in text:  # an escape may be half of a pair
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return Line(record.line, Fault("", "half a surrogate pair is no text"))
    except _Unreadable as fault:
        return Line(record.line, Fault("", str(fault)))
    except (ValueError, RecursionError) as error:
        where = f" at character {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        return Line(record.line, Fault("", f"the line is no JSON that can be read{where}"))
    return Line(record.line, _fact(found))


class Rows:
    """Rows of CSV under their header. Raises InvalidInput for a header that does not name fields of facts."""

    def __init__(self, header: Record, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        try:
            self._names = [name.strip() for name in _cells(_text(header, max_bytes))]
        except _Unreadable as fault:
            raise InvalidInput(f"line {header.line}: {fault}") from fault
        for name in self._names:
            if name not in _FIELDS:
                known = ", ".join(_FIELDS)
                raise InvalidInput(f"line {header.line}: the header names {name[:40]!r}; the fields are {known}")
            if name != "phrasings" and self._names.count(name) > 1:
                raise InvalidInput(f"line {header.line}: the header names {name} twice; only phrasings may be repeated")

    def line(self, record: Record) -> Line:
        """The fact of a row; an empty cell is a field that is not there."""
        try:
            cells = _cells(_text(record, self._max_bytes))
        except _Unreadable as fault:
            return Line(record.line, Fault("", str(fault)))
        if len(cells) != len(self._names):
            said = f"{len(cells)} cells; the header has {len(self._names)}"
            return Line(record.line, Fault("", said))
        given: dict[str, Any] = {}
        for name, cell in zip(self._names, cells, strict=True):
            if cell and name == "phrasings":
                given.setdefault(name, []).append(cell)
            elif cell:
                given[name] = cell
        return Line(record.line, _fact(given))


class _Unreadable(Exception):  # always caught here
    """A record is no text, or no row."""


def _text(record: Record, max_bytes: int) -> str:
    if record.text is None:
        raise _Unreadable(f"it is longer than {max_bytes:,} bytes, which is the most; is a quote not closed?")
    try:
        text = (record.text.removeprefix(_MARK) if record.line == 1 else record.text).decode()
    except UnicodeDecodeError as error:
        raise _Unreadable(f"it is no UTF-8: byte 0x{record.text[error.start]:02x} at {error.start + 1}") from error
    return text.removesuffix("\r")


def _cells(text: str) -> list[str]:
    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        most = f"{csv.field_size_limit():,}"
        raise _Unreadable(f"it is no row of CSV: a quote within a cell, or over {most} characters") from error
    return row


def _fact(given: object) -> NewFact | Fault:
    try:
        return FactIn.model_validate(given).new_fact()
    except ValidationError as error:
        first = error.errors()[0]
        return Fault(named(("", *first["loc"]))[:_SHOWN_CHARACTERS], message_of(first))
