"""Questions and answers that another model writes of a chunk, read strictly.

A line is kept if it is a question of at most 200 characters that does not hold its answer, shares a word with the
chunk, names whom it asks about, and has an answer that stands in one sentence of the chunk, word for word. All others
are dropped, and counted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.reading.chunks import Chunk, Sentence
from model.facts import Fact
from model.learn.rephrasing import is_usable, parts_of

_UNNAMED = re.compile(r"\b(?:it|its|he|his|she|they|their|him|her|them|this|these|those)\b", re.IGNORECASE)
_PROMPT = (
    "Write the questions that this part of a document answers, each of them in two or three wordings: one question a "
    "line, behind it a vertical bar and its short answer, copied from the text word for word: question? | answer. Ask "
    "for every fact of the text. Name in each question whom or what it is about, never «it», «they» or «this». No "
    "question may contain its own answer. Write in the language of the text, and nothing else.\n\n{under}Text: {text}\n"
)


@dataclass(frozen=True)
class Pair:
    """Questions with one answer, which stands in one sentence."""

    questions: tuple[str, ...]
    answer: str
    sentence: Sentence


@dataclass(frozen=True)
class Written:
    """The pairs of a chunk, and how many lines were dropped."""

    pairs: tuple[Pair, ...]
    dropped: int


def written(chunk: Chunk, title: str | None, answer_characters: int, write: Callable[[str], str]) -> Written:
    """What another model asks of a chunk. Raises NoPhrasings when it does not answer."""
    text = " ".join(sentence.text for sentence in chunk.sentences)
    under = " · ".join(filter(None, (title, *chunk.headings)))
    told = write(_PROMPT.format(under=f"It stands under: {under}\n" if under else "", text=text))
    found, dropped, seen = dict[tuple[int, str], list[str]](), 0, set[str]()
    for line in filter(str.strip, told.splitlines()):
        question, answer = parts_of(line, Fact(statement=text))
        at = _stands_in(chunk, question, answer)
        fits = (
            question.isprintable()
            and len(answer) <= answer_characters
            and not _UNNAMED.search(question)
            and question.casefold() not in seen
        )
        if at is None or not fits or not is_usable(question, answer, Fact(statement=f"{under} {text}")):
            dropped += 1
            continue
        seen.add(question.casefold())
        found.setdefault((at, answer), []).append(question)
    pairs = (Pair(tuple(asked), answer, chunk.sentences[at]) for (at, answer), asked in found.items())
    return Written(tuple(pairs), dropped)


def _stands_in(chunk: Chunk, question: str, answer: str) -> int | None:
    """The number of the sentence that holds an answer; of several the one that has most words of the question."""
    if not answer:
        return None
    wanted = re.compile(rf"(?<!\w){re.escape(answer)}(?!\w)", re.IGNORECASE)
    asked = _words(question)
    holding = [
        (len(asked & _words(sentence.text)), -at)
        for at, sentence in enumerate(chunk.sentences)
        if wanted.search(sentence.text)
    ]
    return -max(holding)[1] if holding else None


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.casefold()))
