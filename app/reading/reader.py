"""A document, from its text to what would be taught and what was not read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.reading.blocks import Format, blocks_of
from app.reading.chunks import Chunk, chunks_of
from app.reading.pairs import Pair, written
from app.reading.statements import Limits, Refused, Rules, Statement
from model.errors import NoPhrasings

_BEGINNING = 1_000  # characters, in which a title is looked for
_MOST_TITLE = 200


@dataclass(frozen=True)
class Found:
    """A fact of a document, and its sentence: chunk, and where it stands in the text."""

    chunk: int
    start: int
    end: int
    statement: str | None = None
    question: str | None = None
    answer: str | None = None
    phrasings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unread:
    """A part of a document of which nothing, or not all, is taught."""

    chunk: int
    start: int
    end: int
    reason: str


@dataclass
class Reading:
    """What comes of a document.

    sentences  how many it has
    dropped    lines of another model that were not used
    note       why it was not asked of all chunks; empty where it was, or there is none
    """

    chunks: list[Chunk]
    facts: list[Found] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    sentences: int = 0
    dropped: int = 0
    note: str = ""


def first_heading(text: str, form: Format) -> str | None:
    """What a Markdown document begins with, if that is a heading of the first level."""
    if form != "markdown":
        return None
    first = next(iter(blocks_of(text[:_BEGINNING], form)), None)
    found = first is not None and first.kind == "heading" and first.level == 1 and len(first.text) <= _MOST_TITLE
    return first.text.strip() if first is not None and found else None


class Reader:
    """Reads documents: by another model where there is one, and by the rules what that leaves.

    write  another model, which takes a prompt
    """

    def __init__(self, limits: Limits, write: Callable[[str], str] | None = None) -> None:
        self._limits, self._write = limits, write

    def chunks(self, text: str, form: Format) -> list[Chunk]:
        """The parts in which a document is read."""
        return chunks_of(text, blocks_of(text, form))

    def read(
        self, text: str, title: str | None, chunks: list[Chunk], on_progress: Callable[[int], None] | None = None
    ) -> Reading:
        """All chunks of a document; `on_progress` is told how many are read, and what it raises ends the reading."""
        reading, rules = Reading(chunks), Rules(title, text, self._limits)
        for done, chunk in enumerate(chunks, 1):
            self._read(chunk, title, rules, reading)
            if on_progress is not None:
                on_progress(done)
        return reading

    def _read(self, chunk: Chunk, title: str | None, rules: Rules, reading: Reading) -> None:
        pairs = self._pairs(chunk, title, reading)
        asked = {pair.sentence.start for pair in pairs}
        reading.sentences += len(chunk.sentences)
        reading.facts += [_of_pair(chunk, pair) for pair in pairs]
        reading.unread += [Unread(chunk.number, one.start, one.end, one.reason) for one in chunk.others]
        for told in rules.read(chunk):
            if told.sentence.start not in asked:
                reading.unread += _left(chunk, told)
                if isinstance(told, Statement):
                    reading.facts.append(_of_statement(chunk, told))
        reading.unread.sort(key=lambda one: one.start)

    def _pairs(self, chunk: Chunk, title: str | None, reading: Reading) -> tuple[Pair, ...]:
        if self._write is None or not chunk.sentences:
            return ()
        try:
            found = written(chunk, title, self._limits.answer, self._write)
        except NoPhrasings as failure:
            reading.note = str(failure)
            return ()
        reading.dropped += found.dropped
        return found.pairs


def _left(chunk: Chunk, told: Statement | Refused) -> Iterator[Unread]:
    """What is not taught of a sentence: all of it, or parts."""
    sentence = told.sentence
    reasons = [told.reason] if isinstance(told, Refused) else [f"of it «{part}» is not taught" for part in told.unread]
    yield from (Unread(chunk.number, sentence.start, sentence.end, reason) for reason in reasons)


def _of_statement(chunk: Chunk, told: Statement) -> Found:
    return Found(chunk.number, told.sentence.start, told.sentence.end, statement=told.text)


def _of_pair(chunk: Chunk, pair: Pair) -> Found:
    question, *others = pair.questions
    return Found(
        chunk.number,
        pair.sentence.start,
        pair.sentence.end,
        question=question,
        answer=pair.answer,
        phrasings=tuple(others),
    )
