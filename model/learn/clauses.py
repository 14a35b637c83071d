"""Takes a posted text apart into clauses that each say one thing, with pronouns named. Forms no questions."""

import re
from dataclasses import dataclass

from model.learn.english import BE, DETERMINERS, HAVE, MODALS, NOUNLIKE, find_verb, finite, is_plural, participle_of
from model.learn.shape import is_someone, shape_of

_SENTENCE_END = re.compile(
    r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bSt)(?<!\bNo)(?<!\bCo)(?<!\bMrs)(?<!\bProf)(?<!\b[A-Z])[.!]\s+(?=[A-ZÀ-Þ«\"“])|\n+|;\s+"
)
_PRONOUN = re.compile(r"(?:it|he|she|they|this)(?= )", re.IGNORECASE)
_IMPERSONAL = re.compile(r"it (?:takes|is \w+ to|costs \S+ \S+ to)\b", re.IGNORECASE)
_OWNED = re.compile(r"(?:[Ii]ts|[Hh]is|[Hh]er|[Tt]heir)(?= [a-z])")
_ANAPHOR = re.compile(
    r"(?:[Tt]he|[Tt]his|[Tt]hat) (?:company|firm|city|town|village|product|book|film|building|event|meeting|project|"
    r"person|man|woman|former|latter|team|organisation|organization|device|machine|tool)(?= [a-z])"
)
_BRACKET = re.compile(r" ?\([^()]*\)")
_AFTERTHOUGHT = re.compile(r", (?:in (?:this|that|\w+) order|for (?:example|instance)|respectively|too|as well)$")
_INSERTED = re.compile(r"(?P<head>[^,]+), (?P<inside>(?:[^,]|,(?= (?:and|or) ))+)(?:, (?P<rest>.+)|$)")
_JOINT = re.compile(r",? (?:and|but)(?: also| then)? |, (?=(?:it|he|she|they) )")


@dataclass(frozen=True)
class Clause:
    """One clause: `told` as a sentence of its own without a final mark, `posted` in the words of the text."""

    told: str
    posted: str


def clauses_of(text: str) -> tuple[list[Clause], list[str]]:
    """The clauses of a text, and what cannot stand for itself: brackets, afterthoughts, unclear pronouns."""
    found: list[Clause] = []
    unread: list[str] = []
    known: dict[str, str] = {}
    for posted in filter(None, (part.strip() for part in _SENTENCE_END.split(text))):
        sentence = posted.rstrip(".!").rstrip()
        for extra in (_BRACKET, _AFTERTHOUGHT):
            unread += [part.strip(" ,") for part in extra.findall(sentence)]
            sentence = extra.sub("", sentence)
        for told in _single(sentence):
            named = _named(told, known)
            if named is None:
                unread.append(told)
                continue
            found.append(Clause(named, told))
            known = _spoken_of(named, known)
    return found, unread


def leaning(sentence: str) -> str:
    """The words by which a sentence leans on another one: «It», «Their», «The company»; empty where it stands alone."""
    if _IMPERSONAL.match(sentence):
        return ""
    found = _PRONOUN.match(sentence) or _OWNED.match(sentence) or _ANAPHOR.match(sentence)
    return found[0] if found else ""


def _named(clause: str, known: dict[str, str]) -> str | None:
    """The clause with its first pronoun named; None where nothing tells whom it means."""
    pronoun = _PRONOUN.match(clause)
    if pronoun and not _IMPERSONAL.match(clause):
        name = known.get(pronoun[0].lower())
        return name and name + clause[pronoun.end() :]
    if known and _ANAPHOR.match(clause):
        return None
    owned = _OWNED.match(clause)
    if owned:
        name = known.get({"its": "it", "his": "he", "her": "she", "their": "they"}[owned[0].lower()])
        return name and f"{name}'s{clause[owned.end() :]}"
    return clause


def _spoken_of(clause: str, known: dict[str, str]) -> dict[str, str]:
    """What later pronouns mean: the subject, or the person that the clause names."""
    words = clause.split()
    verb = find_verb(words)
    if verb is None:
        return known
    subject, rest = " ".join(words[:verb]), " ".join(words[verb + 1 :])
    person = subject if shape_of(subject) == "person" else rest if shape_of(rest) == "person" else ""
    if not person and is_someone(subject):
        person = subject
    if person:
        return {**known, "he": person, "she": person}
    return {**known, "they" if is_plural(words[:verb]) else "it": subject, "this": subject}


def _single(sentence: str) -> list[str]:
    """A sentence as clauses: what is inserted between commas stands behind, and joined clauses one after another."""
    inserted = _INSERTED.fullmatch(sentence)
    if inserted:
        head, inside, rest = inserted["head"], inserted["inside"], inserted["rest"]
        words = inside.split()
        own = _said_of(head, words)
        if own and (rest is None or find_verb(f"{head} {rest}".split()) is not None):
            main = f"{head} {rest}" if rest else head
            return [*_joined(main), *_joined(own)] if rest or find_verb(head.split()) is not None else _joined(own)
    return _joined(sentence)


def _said_of(head: str, inside: list[str]) -> str | None:
    """«Harlan Poole», «who joined in March» → «Harlan Poole joined in March»; None where nothing is said of it."""
    subject = head if find_verb(head.split()) is None else ""
    if inside[0] in {"who", "which"} and len(inside) > 2:
        subject = subject or _last_name(head)
        return f"{subject} {' '.join(inside[1:])}" if subject else None
    if not subject or len(inside) < 2:
        return None
    if inside[0] in {"a", "an", "the", "our", "my"} and find_verb(inside) is None:
        return f"{subject} is {' '.join(inside)}"
    if shape_of(" ".join(inside)) == "person" and subject.split()[0].lower() in DETERMINERS:
        return f"{' '.join(inside)} is {subject[0].lower()}{subject[1:]}"
    if participle_of(inside[0]) and inside[0] not in BE:
        return f"{subject} {'were' if is_plural(head.split()) else 'was'} {' '.join(inside)}"
    return None


def _last_name(text: str) -> str:
    """The capitalised words that end a text, with a determiner: what «which» behind it means."""
    match = re.search(r"(?:(?:[Tt]he|[Oo]ur) )?(?:[A-Z][\w'-]*)(?: [A-Z][\w'-]*)*(?: [a-z]+)?$", text)
    return match[0] if match else ""


def _joined(sentence: str) -> list[str]:
    """«She joined in 2019 and lives in Melpek» → «She joined in 2019», «She lives in Melpek»."""
    for joint in _JOINT.finditer(sentence):
        first, second = sentence[: joint.start()], sentence[joint.end() :]
        before, after = first.split(), second.split()
        verb = find_verb(before)
        if verb is None or len(after) < 2 or re.match(r"(?:If|When|To|Unless|Before|After)\b", sentence):
            continue
        participles = [participle_of(words[0]) for words in (before[verb + 1 :], after) if words]
        if before[verb] in BE and len(participles) == 2 and all(participles) and len(before) > verb + 2:
            return [first, *_joined(" ".join([*before[: verb + 1], *after]))]
        if _goes_on(before[verb], after):
            return [first, *_joined(" ".join([*before[:verb], *after]))]
        starts = after[0].lower() in DETERMINERS | {"it", "he", "she", "they"} or after[0][0].isupper()
        own = find_verb(after) if starts else None
        if own is not None and after[own] not in NOUNLIKE and " and " not in " ".join(after[:own]):
            return [first, *_joined(second)]
    return [sentence]


def _goes_on(verb: str, after: list[str]) -> bool:
    """Whether words behind «and» go on with another verb of the same subject."""
    if after[0] in BE | MODALS | HAVE:
        return True
    one, other = finite(verb), finite(after[0])
    if other is None or (other[1] in NOUNLIKE and verb not in BE | HAVE | MODALS and one and one[0] != other[0]):
        return False
    if verb in BE | MODALS and other[0] != "does" and not (verb in {"was", "were"} and other[0] == "did"):
        return False
    sure = other[1] not in NOUNLIKE or after[1].lower() in DETERMINERS or after[1] in {"at", "from", "on", "until"}
    return sure and after[1] not in {"and", "or", "of"}
