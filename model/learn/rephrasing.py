"""Phrasings that another model writes: what it is asked, and a strict reading of what it answers.

Knows no HTTP: `generate` takes a prompt and returns text, or raises NoPhrasings.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable

from model.errors import NoPhrasings
from model.facts import Exchange, Fact

Generate = Callable[[str], str]

_WANTED = 12
_LEAST = 3
_MOST_CHARACTERS = 200
_QUESTION_MARKS = "?？؟;"
_NUMBERING = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.):])\s+")
_RULES = (
    "Write {count} questions by which different people would ask for this. Use other words and another order each "
    "time: short and long ones, formal and casual ones, synonyms of the verb and of the nouns, but keep every name as "
    "it is. "
    "Write in the language of the text. Write one question a line and nothing else; each ends with a question mark. "
)
_OF_ANSWER = _RULES + "No question may contain the answer.\n\n{fact}\n"
_OF_STATEMENT = (
    _RULES + "Behind each question write a vertical bar and its short answer, copied from the text word for word: "
    "question? | answer. No question may contain its own answer.\n\nText: {fact}\n"
)


def written_exchanges(fact: Fact, generate: Generate) -> list[Exchange]:
    """What `generate` asks for `fact`, by answer; the answer most asked for first.

    A line is kept if it is a question of at most 200 characters, without its answer, not posted and not there already,
    in the script of the fact and with a word of it.

    Raises:
        NoPhrasings: `generate` failed, or fewer than three of its lines can be used.

    """
    lines = [line for line in generate(_prompt(fact)).splitlines() if line.strip()]
    seen = {_plain(text) for text in (fact.question, fact.statement, *fact.phrasings) if text}
    by_answer: dict[str, list[str]] = {}
    for line in lines:
        question, answer = parts_of(line, fact)
        if is_usable(question, answer, fact) and _plain(question) not in seen:
            seen.add(_plain(question))
            by_answer.setdefault(answer, []).append(question)
    found = sum(map(len, by_answer.values()))
    if found < _LEAST:
        raise NoPhrasings(f"{found} of {len(lines)} lines can be used as questions, and {_LEAST} are needed")
    ranked = sorted(by_answer.items(), key=lambda entry: -len(entry[1]))
    return [Exchange(tuple(questions[:_WANTED]), answer) for answer, questions in ranked]


def _prompt(fact: Fact) -> str:
    if fact.question and fact.answer:
        said = f"Question: {fact.question}\nAnswer: {fact.answer}"
        said += f"\nContext: {fact.statement}" if fact.statement else ""
        return _OF_ANSWER.format(count=_WANTED, fact=said)
    return _OF_STATEMENT.format(count=_WANTED, fact=fact.statement or fact.question or fact.answer)


def parts_of(line: str, fact: Fact) -> tuple[str, str]:
    """Question and answer of one line; the posted answer is everybody's answer."""
    line = _NUMBERING.sub("", " ".join(line.split()))
    if fact.question and fact.answer:
        return line, fact.answer
    question, _, answer = line.partition("|")
    answer = answer.strip().rstrip(".")
    said = fact.statement or ""
    start = said.lower().find(answer.lower())
    # The fact's own spelling is the one that is taught.
    return question.strip(), said[start : start + len(answer)] if answer and start >= 0 else ""


def is_usable(question: str, answer: str, fact: Fact) -> bool:
    """Whether a line is a question about a fact that does not hold its answer."""
    if not answer or len(question) > _MOST_CHARACTERS or question[-1:] not in set(_QUESTION_MARKS):
        return False
    if re.search(r"\[[XY]\]|[|{}]", question) or question.count("?") > 1:
        return False
    told = " ".join(filter(None, (fact.statement, fact.question)))
    bare = _plain(answer)
    # «yes» and «no» stand in questions for other reasons.
    holds = bare and f" {bare} " in f" {_plain(question)} " and bare not in {"yes", "no"}
    return not holds and _script(question) == _script(told or answer) and _shares_a_word(question, told)


def _shares_a_word(question: str, told: str) -> bool:
    """Whether a question is about the same thing: one word of four letters or more, a number, or two characters."""
    words = {word for word in _plain(told).split() if len(word) > 3 or word.isdigit()}
    if not words or _script(told) in {"CJK", "HIRAGANA", "KATAKANA", "THAI", "HANGUL"}:
        shared = set(_plain(told).replace(" ", "")) & set(_plain(question).replace(" ", ""))
        return len(shared) > 1
    return not words.isdisjoint(_plain(question).split())


def _script(text: str) -> str:
    """The script of most letters: LATIN, CYRILLIC, CJK …; empty without letters."""
    names = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha())
    return names.most_common(1)[0][0] if names else ""


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
