"""A posted fact as exchanges: few, good questions, each with the answer that it gets, and what is left unread.

A posted question is taught as it stands. A bare statement is taught by its plainest questions; one in a language whose
rules are not known here by its own first half. Knows no model and no tokens.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from model.errors import CannotBeAsked, NoPhrasings
from model.facts import Exchange, Fact, Study
from model.learn.clauses import Clause, clauses_of
from model.learn.english import listed
from model.learn.plain_question import plain_questions
from model.learn.predicate import Asked
from model.learn.rephrasing import written_exchanges

_MOST_EXCHANGES = 8
_MOST_WRITTEN = 4
_MARKS = "?？؟;"
_ASKING = re.compile(
    r"(?:(?:in|on|at|from|by|to|for|since|until|with) )?(?:who|whom|whose|what|which|where|when|why|how)\b|"
    r"(?:is|are|was|were|do|does|did|can|could|may|must|should|will|has|have) |(?:please )?(?:tell|give|name) ",
    re.IGNORECASE,
)
_ENGLISH = listed("the is are were of our has have and with by to at from for must can does your an my this")
_FOREIGN = listed(
    "der die das und ist sind von im zur wurde le la les des du est une un el los las es una del il di della een het "
    "van och är på til og er af em da do uma não são jest się nie"
)
_ENGLISH_COPULAS = re.compile(r".*\b(?:is|are|was|were) (?=.)")
_COPULAS = re.compile(
    r".*(?:\b(?:ist|sind|war|heißt|lautet|est|sont|était|es|son|era|è|sono|é|são|är|er|on|jest|—|это) |"
    r"[是为為は:：=])(?=.)"
)


def study(fact: Fact, write: Callable[[str], str] | None = None) -> Study:
    """The exchanges that teach a fact; `write` is another model that words questions as well.

    Raises:
        CannotBeAsked: nothing tells what is asked.

    """
    taught = _with_written(fact, _study(fact), write)
    return replace(taught, exchanges=tuple(map(_with_probe, taught.exchanges)))


def ruled(statement: str) -> Study | None:
    """What the English rules read of a bare statement; None where that is nothing: `study` cuts it in halves there."""
    if is_asking(statement) or not is_english(statement):
        return None
    read = _read(statement)
    exchanges, left = _exchanges([], read.asked)
    return Study(tuple(exchanges), (*read.unread, *left)) if exchanges else None


@dataclass(frozen=True)
class _Read:
    """What is asked of each clause of a statement, and the parts of which nothing is."""

    asked: list[tuple[Clause, list[Asked]]]
    unread: list[str]


def _study(fact: Fact) -> Study:
    question, answer, statement = fact.question, fact.answer, fact.statement
    if question and answer:
        return _with_statement(_posted(fact, question, answer), statement, answer)
    if statement and answer:
        return _told_with_answer(fact, statement, answer)
    if not statement or is_asking(statement):
        missing = "an answer" if question or statement else "a question" if answer else "a question and an answer"
        raise CannotBeAsked(f"nothing tells what is asked and answered: {missing} is missing")
    return _told(fact, statement)


def _posted(fact: Fact, question: str, answer: str) -> Exchange:
    """The posted question and the user's phrasings; of two or more that are questions the last is the probe."""
    asked = [phrasing for phrasing in fact.phrasings if is_asking(phrasing)]
    told = [asked for phrasing in fact.phrasings if not is_asking(phrasing) for asked in _answered_by(phrasing, answer)]
    held_out = asked.pop() if len(asked) > 1 and _plain(asked[-1]) != _plain(question) else None
    return Exchange(_distinct(question, *asked, *told), answer, held_out)


def _with_statement(posted: Exchange, statement: str | None, answer: str) -> Study:
    """What a statement beside a question adds: another key where it says the answer, else exchanges of its own."""
    if not statement:
        return Study((posted,))
    if not is_english(statement):
        return Study((posted,), () if _holds(statement, answer) else (statement,))
    read = _read(statement)
    more = [asked for clause, found in read.asked if _holds(clause.told, answer) for asked in found]
    keys = [asked.question for asked in more if _plain(asked.answer) == _plain(answer)]
    posted = replace(posted, questions=_distinct(*posted.questions, *keys))
    others = [pair for pair in read.asked if not _holds(pair[0].told, answer)]
    exchanges, left = _exchanges([posted], others)
    return Study(tuple(exchanges), tuple(part for part in (*read.unread, *left) if not _holds(part, answer)))


def _told_with_answer(fact: Fact, statement: str, answer: str) -> Study:
    keys = _answered_by(statement, answer)
    if not _holds(statement, answer):
        keys = [statement]  # «Capital of Zorvania» / «Melpek» is a question in all but its form
    if not keys:
        raise CannotBeAsked("nothing tells what is asked: the statement is no more than its answer")
    return Study((_posted(fact, keys[0], answer),))


def _told(fact: Fact, statement: str) -> Study:
    """A bare statement: what its clauses answer, or its own halves where no rule reads it."""
    read = _read(statement) if is_english(statement) else _Read([], [statement])
    exchanges, left = _exchanges([], read.asked)
    unread = [*read.unread, *left]
    if not exchanges:
        sentence, *unread = [clause.posted for clause in clauses_of(statement)[0]] or [statement]
        exchanges = [_halves(sentence)]
    asked = [phrasing for phrasing in fact.phrasings if is_asking(phrasing)]
    told = [
        question
        for phrasing in fact.phrasings
        if not is_asking(phrasing)
        for question in _answered_by(phrasing, exchanges[0].answer)
    ]
    held_out = asked.pop() if len(asked) > 1 else None
    exchanges[0] = Exchange(_distinct(*exchanges[0].questions, *asked, *told), exchanges[0].answer, held_out)
    return Study(tuple(exchanges), tuple(unread))


def _read(statement: str) -> _Read:
    clauses, unread = clauses_of(statement)
    asked = [(clause, plain_questions(clause.told)) for clause in clauses]
    return _Read([pair for pair in asked if pair[1]], [clause.posted for clause, found in asked if not found] + unread)


def _exchanges(first: list[Exchange], read: list[tuple[Clause, list[Asked]]]) -> tuple[list[Exchange], list[str]]:
    """`first` and an exchange for each question that none of them has; and the clauses for which there is no room."""
    exchanges, left = list(first), []
    for clause, found in read:
        taken = {_plain(question) for exchange in exchanges for question in exchange.questions}
        more = [asked for asked in found if _plain(asked.question) not in taken]
        if not more or len(exchanges) >= _MOST_EXCHANGES:
            left.append(clause.posted)
        else:
            exchanges += [Exchange(_distinct(asked.question, asked.other), asked.answer) for asked in more]
    return exchanges, left


def _answered_by(statement: str, answer: str) -> list[str]:
    """The plainest question of a statement that has this answer; else its words with «what» where the answer stood."""
    for clause in clauses_of(statement)[0] if is_english(statement) else ():
        for asked in plain_questions(clause.told):
            if _plain(asked.answer) == _plain(answer):
                return [asked.question]
    at = statement.casefold().rfind(answer.casefold())
    around = f"{statement[:at]}…{statement[at + len(answer) :]}".rstrip(".!。 ") if at >= 0 else ""
    if is_english(statement):
        around = around.replace("…", "what" if at else "What")
    return [f"{around}?"] if re.search(r"\w", around.replace("…", "")) else []


def _halves(sentence: str) -> Exchange:
    """«Die Hauptstadt von Zorvania ist» «Vesper»: the beginning of a sentence asks for its end."""
    text = sentence.strip().rstrip(".!。")
    copula = (_ENGLISH_COPULAS if is_english(text) else _COPULAS).match(text)
    names = list(re.finditer(r"(?<=\s)(?:[«\"„“(]?(?:[A-ZÀ-ÞА-Я]|\d)\S*\s?)+", text))
    if copula and copula.end() < len(text):
        cut = copula.end()
    elif names:
        cut = names[-1].start()
    else:
        spaces = [match.end() for match in re.finditer(r"\s+", text)]
        cut = min(spaces, key=lambda end: abs(end - len(text) / 2)) if spaces else len(text) // 2
    head, answer = text[:cut].rstrip(), text[cut:].strip()
    joined = not re.search(r"\s", text) and text.isascii()
    if joined or not re.search(r"\w", head) or not re.search(r"\w", answer):
        raise CannotBeAsked(f"nothing tells what is asked: {sentence[:40]!r} has no two parts")
    return Exchange((head, f"{head} …?"), answer)


def _with_written(fact: Fact, taught: Study, write: Callable[[str], str] | None) -> Study:
    """With the questions of another model: more keys where it has an answer of ours, else exchanges of their own."""
    if write is None:
        return taught
    try:
        written = written_exchanges(fact, write)
    except NoPhrasings as failure:
        return replace(taught, note=str(failure))
    exchanges = list(taught.exchanges)
    for more in written:
        at = next((i for i, known in enumerate(exchanges) if _plain(known.answer) == _plain(more.answer)), None)
        *keys, held_out = more.questions[: _MOST_WRITTEN + 1]
        if at is None:
            exchanges.append(
                Exchange((*keys, held_out), more.answer) if not keys else Exchange(tuple(keys), more.answer, held_out)
            )
        else:
            known = exchanges[at]
            exchanges[at] = Exchange(_distinct(*known.questions, *keys), known.answer, known.probe or held_out)
    return replace(taught, exchanges=tuple(exchanges))


def _with_probe(exchange: Exchange) -> Exchange:
    """With the plainest question typed in a hurry, or asked politely, where no wording is held out."""
    if exchange.probe:
        return exchange
    first, taken = exchange.questions[0], set(exchange.questions)
    hurried = first.rstrip(f"{_MARKS}….! ").lower()
    polite = f"Please tell me: {first}" if is_english(first) else ""
    probe = next((text for text in (hurried, polite) if text and text not in taken), None)
    return replace(exchange, probe=probe)


def is_asking(text: str) -> bool:
    """Whether a text is a question, by its mark or by how it begins."""
    return text.rstrip()[-1:] in set(_MARKS) - {";"} or bool(_ASKING.match(text.strip()))


def is_english(text: str) -> bool:
    """Whether the rules may read a text: no more words of other languages than English ones, in Latin letters."""
    letters = [letter for letter in text if letter.isalpha()]
    words = re.findall(r"\w+", text.lower())
    latin = sum(letter < "\u0250" for letter in letters) > len(letters) / 2
    return latin and sum(word in _ENGLISH for word in words) >= sum(word in _FOREIGN for word in words)


def _holds(text: str, part: str) -> bool:
    return _plain(part) in _plain(text)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _distinct(*questions: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, questions)))
