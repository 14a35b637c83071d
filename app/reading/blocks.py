"""A text as blocks: headings, paragraphs, and what is no prose. Every character keeps its place in the text.

Markdown is parsed by markdown-it, which names the lines of each block; plain text has paragraphs between empty lines.
Offsets count characters of the text as it was sent, from 0.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from model.learn.english import find_verb

Format = Literal["text", "markdown"]
Kind = Literal["heading", "prose", "other"]

_LINE_END = re.compile(r"\r\n?|\n")
_BULLET = re.compile(r"[-*•–]\s+|\(?\d{1,3}[.)]\s+|\(?[a-z]\)\s+")
_FINAL = re.compile(r"[.!?…:;][»”\"')\]]*\s*$")
_MOST_HEADING_CHARACTERS = 80
_TABLE = "a table is no sentence"
_NO_PROSE = {"fence": "code is no prose", "code_block": "code is no prose", "html_block": "HTML is no prose"}
_NOT_SHOWN = "this part is not shown where the Markdown is read"


@dataclass(frozen=True)
class Block:
    """A part of a text, from `start` to before `end`.

    text    what is said, without marks of form; empty where it is no prose
    places  of each character of it, where it stands in the whole text
    level   of a heading, from 1
    reason  why it is no prose
    """

    kind: Kind
    start: int
    end: int
    text: str = ""
    places: Sequence[int] = field(default=(), repr=False)
    level: int = 0
    reason: str = ""


def blocks_of(text: str, form: Format) -> list[Block]:
    """The blocks of a text in order; together they hold all of it that is not space."""
    return list(_of_markdown(text) if form == "markdown" else _of_text(text))


def _of_text(text: str) -> Iterator[Block]:
    """Paragraphs between empty lines; one of a single short line without mark and verb is a heading."""
    lines = _lines(text)
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and not _is_blank(text, lines[end]) and (end == start or not _begins(text, lines, end)):
            end += 1
        if end == start:
            start += 1
            continue
        said = _joined(text, lines[start:end])
        first, last = said.places[0], said.places[-1] + 1
        short = end - start == 1 and last - first <= _MOST_HEADING_CHARACTERS and not _FINAL.search(said.text)
        heading = short and first == _trimmed(text, *lines[start])[0] and find_verb(said.text.split()) is None
        yield Block("heading" if heading else "prose", first, last, said.text, said.places, int(heading))
        start = end


def _begins(text: str, lines: list[tuple[int, int]], at: int) -> bool:
    """Whether a line begins a paragraph without an empty line before it: a point of a list, or behind a whole sentence.

    Lines that are wrapped end anywhere; one that ends with a mark and is followed by another is read as two either way.
    """
    (before, ended), (begin, end) = lines[at - 1], lines[at]
    return bool(_BULLET.match(text[begin:end].lstrip())) or bool(_FINAL.search(text[before:ended]))


def _of_markdown(text: str) -> Iterator[Block]:
    lines = _lines(text)
    read = 0  # lines so far
    opened: list[Token] = []
    for token in _PARSER.parse(text):
        if token.nesting == 1:
            opened.append(token)
        elif token.nesting == -1:
            opened.pop()
        if token.map is None or not (token.type in _NO_PROSE or token.type in ("inline", "table_open", "hr")):
            continue
        first, last = token.map
        if first < read:  # within a table
            continue
        yield from _left_out(text, lines[read:first])
        read = last
        if token.type == "inline":
            yield from _inline(text, token, opened[-1], (lines[first][0], lines[last - 1][1]))
        elif token.type != "hr":
            yield from _whole(text, lines[first:last], _NO_PROSE.get(token.type, _TABLE))
    yield from _left_out(text, lines[read:])


def _inline(text: str, token: Token, inside: Token, span: tuple[int, int]) -> Iterator[Block]:
    said = _said(text, token.children or (), *span)
    if not said.text.strip():
        yield from _whole(text, [span], _NOT_SHOWN)
        return
    heading = inside.type == "heading_open"
    start, end = _trimmed(text, *span)
    # Marks of quotes and lists stand before the first character, not within the paragraph.
    start = start if heading else said.places[0]
    level = int(inside.tag[1:]) if heading else 0
    yield Block("heading" if heading else "prose", start, end, said.text, said.places, level)


@dataclass(frozen=True)
class _Said:
    text: str
    places: list[int]


def _said(text: str, pieces: Sequence[Token], start: int, end: int) -> _Said:
    """What a paragraph of Markdown says, each character with its place: marks, addresses and pictures are not said."""
    said, places, at = list[str](), list[int](), start
    for piece in pieces:
        if piece.type in ("softbreak", "hardbreak"):
            found = _LINE_END.search(text, at, end)
            at = found.end() if found else at
            said.append(" " if piece.type == "softbreak" else "\n")
            places.append(at - 1)
        elif piece.type in ("text", "text_special", "code_inline"):
            written = piece.markup if piece.type == "text_special" else piece.content
            found_at = text.find(written, at, end)
            begin = found_at if found_at >= 0 else at  # code whose line ends were made spaces
            at = min(begin + len(written), end)
            said.append(piece.content)
            places += [min(begin + index, at - 1) for index in range(len(piece.content))]
    return _Said("".join(said), places)


def _joined(text: str, lines: list[tuple[int, int]]) -> _Said:
    """Lines of a paragraph as one, a space between them; the mark of a list before them is not said."""
    said, places = list[str](), list[int]()
    for begin, end in lines:
        begin, end = _trimmed(text, begin, end)
        if not said and (bullet := _BULLET.match(text[begin:end])):
            begin += bullet.end()
        if said:
            said.append(" ")
            places.append(begin - 1)
        said.append(text[begin:end])
        places += range(begin, end)
    return _Said("".join(said), places)


def _left_out(text: str, lines: list[tuple[int, int]]) -> Iterator[Block]:
    """Lines that no token has, such as the address of a link."""
    kept = [line for line in lines if re.search(r"\w", text[slice(*line)])]  # the line under a heading is a mark
    if kept:
        yield from _whole(text, [(kept[0][0], kept[-1][1])], _NOT_SHOWN)


def _whole(text: str, lines: list[tuple[int, int]], reason: str) -> Iterator[Block]:
    start, end = _trimmed(text, lines[0][0], lines[-1][1])
    if start < end:
        yield Block("other", start, end, reason=reason)


def _lines(text: str) -> list[tuple[int, int]]:
    """Where each line begins and ends, its end of line aside; as markdown-it counts them."""
    begin, found = 0, []
    for match in _LINE_END.finditer(text):
        found.append((begin, match.start()))
        begin = match.end()
    return [*found, (begin, len(text))]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The same without space at both ends."""
    said = text[start:end]
    return start + len(said) - len(said.lstrip()), end - len(said) + len(said.rstrip())


def _is_blank(text: str, line: tuple[int, int]) -> bool:
    return not text[line[0] : line[1]].strip()


# What is escaped keeps a token of its own, which knows how it was written.
_PARSER = MarkdownIt("commonmark").enable("table").disable("text_join")
