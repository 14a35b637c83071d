"""Blocks into chunks: paragraphs under the same headings, one behind the other, about a thousand characters each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.reading.blocks import Block
from app.reading.sentences import spans_of

CHARACTERS = 1_000  # beyond which a chunk takes no further paragraph


@dataclass(frozen=True)
class Sentence:
    """A sentence as it is said, and where it stands in the text of its document.

    paragraph  its number: who stands in another paragraph is spoken of anew
    """

    text: str
    start: int
    end: int
    paragraph: int


@dataclass(frozen=True)
class Chunk:
    """A part of a document, from `start` to before `end`.

    headings  under which it stands, the highest first
    others    parts of it that are no prose
    """

    number: int
    start: int
    end: int
    headings: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    others: tuple[Block, ...]


def chunks_of(text: str, blocks: Sequence[Block]) -> list[Chunk]:
    """All blocks of a text but its headings, in order; a paragraph is never cut."""
    found, headings, few = list[Chunk](), list[tuple[int, str]](), list[tuple[int, Block]]()
    for index, block in enumerate(blocks):
        full = bool(few) and block.end - few[0][1].start > CHARACTERS
        if few and (full or block.kind == "heading"):
            found.append(_chunk(text, len(found), few, headings))
            few = []
        if block.kind == "heading":
            headings = [*(one for one in headings if one[0] < block.level), (block.level, block.text.strip())]
        else:
            few.append((index, block))
    return [*found, _chunk(text, len(found), few, headings)] if few else found


def _chunk(text: str, number: int, few: Sequence[tuple[int, Block]], headings: Sequence[tuple[int, str]]) -> Chunk:
    sentences = [one for index, block in few if block.kind == "prose" for one in _sentences(text, index, block)]
    others = tuple(block for _, block in few if block.kind == "other")
    under = tuple(heading for _, heading in headings)
    return Chunk(number, few[0][1].start, few[-1][1].end, under, tuple(sentences), others)


def _sentences(text: str, index: int, block: Block) -> Iterator[Sentence]:
    """Marks of form between two sentences are the first one's, space is nobody's."""
    spans = spans_of(block.text)
    starts = [block.start, *(block.places[begin] for begin, _ in spans[1:])]
    ends = [*starts[1:], block.end]
    for (begin, finish), start, end in zip(spans, starts, ends, strict=True):
        yield Sentence(block.text[begin:finish], start, start + len(text[start:end].rstrip()), index)
