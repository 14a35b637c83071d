"""Takes an English clause apart: subject, verb group, and the chunks behind it. Asks nothing."""

import re
from dataclasses import dataclass

from model.learn import english
from model.learn.english import (
    ADVERBS,
    BASES,
    BE,
    DETERMINERS,
    HAVE,
    MODALS,
    PLACES,
    PREPOSITIONS,
    SUBORDINATORS,
    listed,
)
from model.learn.shape import AMOUNTS, NUMBER, TIMES, is_someone, shape_of

_SURE_PARTICLES = listed("down away back up out")
PARTICLES = _SURE_PARTICLES | listed("in off on over live")
_ATTACHED = listed("with without between among about for than except")
_NAMING = listed("called named titled renamed nicknamed elected appointed made paid given")
_STATES = listed("leave holiday duty call strike sale hold fire display loan")
_ALLOWING = listed("allowed permitted required expected supposed entitled obliged able forbidden")
ADJECTIVE = re.compile(
    r"[a-z]+(?:able|ible|ful|ous|ive|less|ory|proof)|open|closed|free|full|empty|ready|safe|optional|illegal|legal|"
    r"public|private|vegan|vegetarian|allowed|forbidden|required|prohibited"
)
FREE = re.compile(r"free(?: of charge)?|online|in person")
_BARE_TIME = re.compile(
    r"(?:every|each|next|last) (?:\w+ )?(?:\w*days?|weeks?|months?|years?|hours?|minutes|morning|spring|summer|autumn|"
    r"winter)\b|(?:once|twice|\w+ (?:times|days|hours)) an? \w+|(?:daily|weekly|monthly|today|yesterday|tomorrow)$"
)
_OF_DAY = {"in the morning", "in the afternoon", "in the evening", "at night"}
_GLUE = "\u00a0"
NEXT_TO = frozenset(
    [f"{word} to" for word in ("next", "close", "due")]
    + [f"{word} of" for word in ("because", "north", "south", "east", "west")]
)
_GLUED = re.compile(
    rf"\b(?:{'|'.join(sorted(NEXT_TO))}|\d+ to \d+|"
    rf"(?:up to|at least|at most|more than|less than|over|about|around|minus) {NUMBER})(?=\s|$)"
)


@dataclass(frozen=True)
class Asked:
    """A question and the part of the clause that answers it; `other` asks the same, where that is sure."""

    question: str
    answer: str
    other: str = ""


@dataclass(frozen=True)
class Chunk:
    """A part of a predicate: an object without a preposition, or a phrase with one."""

    preposition: str
    text: str

    @property
    def said(self) -> str:
        """The words of the chunk."""
        return f"{self.preposition} {self.text}".strip()

    @property
    def shape(self) -> str:
        """What its text looks like; a bare number behind «at» is an hour."""
        shape = shape_of(self.text)
        return "clock" if shape == "number" and self.preposition in {"at", "until"} and len(self.text) < 9 else shape

    @property
    def is_time(self) -> bool:
        """Whether it tells when, or how often."""
        return self.shape in TIMES | {"frequency"}


@dataclass(frozen=True)
class Predicate:
    """A clause: subject, auxiliary of its questions, rest of its verb, and the chunks behind it."""

    subject: str
    auxiliary: str
    verb: str
    chunks: tuple[Chunk, ...]
    passive: bool = False
    negated: bool = False

    def asked(self, front: str, index: int, left: str = "", answer: str | None = None) -> Asked:
        """Asks for the chunk at `index` with these words in front; `left` remains where it stood."""
        negation = "not" if self.negated else ""
        question = question_of(front, self.auxiliary, self.subject, negation, self.verb, *self.others(index, left))
        return Asked(question, answer or self.chunks[index].text)

    def others(self, index: int, left: str = "") -> list[str]:
        """The chunks that are said when one is asked for; nobody says «in 2019» of what happened once."""
        once = self.auxiliary in {"did", "was", "were", "will"}
        asked, has_object = self.chunks[index], not self.chunks[0].preposition
        said = []
        for at, chunk in enumerate(self.chunks):
            place = chunk.preposition in {"in", "at"} and not has_object and (asked.is_time or asked.shape == "money")
            place = place or (self.passive and chunk.preposition == "by" and asked.is_time)
            idle = once and (
                place or (chunk.shape in {"year", "date", "month"} and asked.shape not in AMOUNTS - {"money"})
            )
            said.append(left if at == index else "" if idle else chunk.said)
        return said

    @property
    def told(self) -> list[str]:
        """The chunks as they were said."""
        return [chunk.said for chunk in self.chunks]

    @property
    def finite(self) -> str:
        """The verb as it is said: («does», «leave») → «leaves»."""
        if self.auxiliary in {"does", "did"} and self.verb and not self.negated:
            first, _, rest = self.verb.partition(" ")
            form = english.third_person(first) if self.auxiliary == "does" else english.past(first)
            return f"{form} {rest}".strip()
        return f"{'' if self.auxiliary == 'do' and not self.negated else self.auxiliary} {self.verb}".strip()


def predicate_of(subject: list[str], words: list[str]) -> Predicate:
    """Takes the verb group apart: «has to be paid», «was founded», «must not be left», «lists»."""
    first, rest, verb = words[0], words[1:], list[str]()
    while len(subject) > 1 and subject[-1] in ADVERBS:
        subject, verb = subject[:-1], [subject[-1], *verb]
    auxiliary, state = first.replace("cannot", "can"), "be" if first in BE else "bare"
    negated = first == "cannot"
    if first in HAVE and english.participle_of(next((word for word in rest if word not in ADVERBS | {"not"}), "")):
        state = "done"
        verb.append("")
    elif first not in BE | MODALS and not (first in {"do", "does", "did"} and rest[:1] == ["not"]):
        auxiliary, base = english.finite(first) or ("does", english.from_s(first))
        verb, state = [*verb, base], "done"
        if rest[:1] == ["to"] and (first in HAVE or first in {"used", "need", "needs", "needed"}):
            verb, rest, state = [*verb, "to"], rest[1:], "bare"
    while len(rest) > 1 and rest[0] in ADVERBS | {"not"}:
        negated, verb, rest = negated or rest[0] == "not", [*rest[:1], *verb], rest[1:]
    if rest and (state == "bare" or "" in verb):
        state = "be" if rest[0] in {"be", "been"} else "done"
        verb, rest = [*verb, rest[0]], rest[1:]
    negated = negated or "never" in verb
    verb = [word for word in verb if word not in {"", "not", "never"}]
    being = rest[1:] if rest[:1] == ["being"] else rest
    passive = state == "be" and bool(being) and _is_passive(being)
    if passive or (state == "be" and len(rest) > 2 and _is_adjective(rest)):
        verb, rest = [*verb, *rest[: len(rest) - len(being) + 1]], being[1:]
    if state == "be" and not verb and rest[:1] == ["on"] and rest[1:2] and rest[1] in _STATES:
        verb, rest = rest[:2], rest[2:]
    if verb[-1:] == ["take"] and rest[:1] == ["place"]:
        verb, rest = [*verb, "place"], rest[1:]
    if verb and verb[-1] in _ALLOWING and len(rest) > 1 and rest[0] == "to" and rest[1] in BASES:
        verb, rest = [*verb, *rest[:2]], rest[2:]
    followed = len(rest) == 1 or bool(rest and (rest[1] in PREPOSITIONS or rest[0] in _SURE_PARTICLES))
    if verb and followed and rest[0] in PARTICLES and rest[:2] != ["up", "to"]:
        verb, rest = [*verb, rest[0]], rest[1:]
    chunks = chunks_of(rest, whole=state == "be" and not verb)
    return Predicate(lowered(" ".join(subject)), auxiliary, " ".join(verb), tuple(chunks), passive, negated)


def _is_passive(words: list[str]) -> bool:
    """Whether a participle behind «is» is one: «smoked cumin» is not."""
    word, first, more = words[0], (words[1:2] or ["."])[0], " ".join(words[1:])
    if english.participle_of(word) is None or ADJECTIVE.fullmatch(word):
        return False
    closed = DETERMINERS | PREPOSITIONS | SUBORDINATORS | PARTICLES | ADVERBS
    noun = first.islower() and first not in closed and not first.endswith("ly")
    return not noun or word in _NAMING or shape_of(more) != "text" or bool(_BARE_TIME.match(more) or FREE.match(more))


def _is_adjective(words: list[str]) -> bool:
    """«allergic to shellfish», «valid until 2031», «closed because of a rockslide»."""
    first, second = words[:2]
    plain = first.isalpha() and first.islower() and shape_of(first) == "text"
    return (
        plain
        and first not in DETERMINERS | PREPOSITIONS | {"out"}
        and second in PREPOSITIONS | SUBORDINATORS - {"than"}
    )


def chunks_of(words: list[str], whole: bool = False) -> list[Chunk]:
    """Cuts a predicate in front of prepositions and times; `whole` keeps a complement and its places in one."""
    words = _GLUED.sub(lambda match: match[0].replace(" ", _GLUE), " ".join(words)).split(" ")
    found: list[Chunk] = []
    preposition, text = "", list[str]()
    for index, word in enumerate([*words, "."]):
        spaced = word.replace(_GLUE, " ")
        opens = spaced in PREPOSITIONS | NEXT_TO and (word != "of" or not index) and (text or not preposition)
        clause = (word in SUBORDINATORS and not opens) or (word == "that" and not text)
        time = text and _BARE_TIME.match(" ".join(words[index:])) and text[-1].lower() not in DETERMINERS | {"of"}
        if text and (opens or clause or time or index == len(words)):
            chunk, preposition = Chunk(preposition, " ".join(text).replace(_GLUE, " ")), ""
            text = []
            if found and _belongs(found[-1], chunk, whole):
                chunk = Chunk(found[-1].preposition, f"{found.pop().text} {chunk.said}")
            found.append(chunk)
        if clause:
            return [*found, Chunk(word, " ".join(words[index + 1 :]).replace(_GLUE, " "))]
        if opens:
            preposition = spaced
        else:
            text.append(word)
    return found


def _belongs(last: Chunk, chunk: Chunk, whole: bool) -> bool:
    """Whether two chunks are one: «from 9 to 5», «midnight on 30 June», «a cabinet by the dock»."""
    preposition, plain = chunk.preposition, last.shape in {"text", "count"}
    if (
        preposition == "per"
        or chunk.said in _OF_DAY
        or (last.shape == "duration" and preposition in {"before", "after"})
    ):
        return True
    if last.is_time or chunk.is_time:
        both = last.is_time and chunk.is_time and (chunk.shape != "days" or last.shape == "span")
        return both and (last.preposition != "from" or preposition in {"to", "until"})
    if chunk.shape in AMOUNTS - {"count", "number"} or (preposition, last.preposition) == ("to", "from"):
        return False
    if preposition in _ATTACHED:
        return whole or (plain and last.text.islower())
    if not last.preposition or (preposition == "by" and is_someone(chunk.text)):
        return whole and plain and preposition in PLACES | {"by"}
    return {last.preposition, preposition} <= PLACES | {"by"} and chunk.text.split(" ")[0] not in BASES


def lowered(text: str) -> str:
    """Without the capital that only the start of a sentence gave it."""
    first, _, rest = text.partition(" ")
    word, small = first.lower(), not rest or rest[0].islower()
    if not re.fullmatch(r"[A-Z][a-z]+|A", first):
        return text
    common = word in DETERMINERS | SUBORDINATORS | listed("too there it they you people children heavy")
    plural = small and (re.search(r"[^su'’i]s$", word) or word in BASES)
    followed = rest and small and rest.split()[0] not in PREPOSITIONS | BE | MODALS | {"of", "and"}
    return text[0].lower() + text[1:] if common or plural or followed else text


def question_of(*parts: str) -> str:
    """The parts as a question in the words of the one who asks: «your receipts» → «my receipts»."""
    text = " ".join(" ".join(parts).split())
    for you, me in (("you", "I"), ("your", "my"), ("yours", "mine")):
        text = re.sub(rf"\b{you}\b", me, text)
    return text[:1].upper() + text[1:] + "?"
