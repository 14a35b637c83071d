"""Frames around a question or a statement: embedded, contracted; and templates made into sentences."""

import re

from model.wordings.grammar import BE, DETERMINERS, DO, MODALS, PREPOSITIONS, finite

QUESTION_FRAMES = (
    "Do you know {}?",
    "Can you tell me {}?",
    "Tell me {}.",
    "I would like to know {}.",
    "Please tell me {}.",
    "Could you say {}?",
    "I am trying to find out {}.",
    "Any idea {}?",
)
STATEMENT_FRAMES = (
    "It is known that {}",
    "Note that {}",
    "It is a fact that {}",
    "According to our records, {}",
    "Please remember that {}",
    "As far as we know, {}",
    "Everyone here knows that {}",
)
_PHRASE = re.compile(r"^(?:What|Who) (?:is|are|was|were) (the .+|\[X\]'s .+)\?$")
_SHORT = re.compile(r"^(What|Who|Where) is (?=the |\[X\])")
WHOLE_FRAMES = (*(f"{frame}." for frame in STATEMENT_FRAMES), "Remember: {}.", "{}, as you know.")
# Words without a verb that is known here (a request, another language) are only quoted.
NOTE_FRAMES = (
    "Remember: {}.",
    "Note: {}.",
    "A fact: {}.",
    "For the record: {}.",
    "From our notes: {}.",
    "To be remembered: {}.",
    "In short: {}.",
    "As noted before: {}.",
)
# A question that no rule reads can still be asked with a few words around it; the first frame is held out.
ASKED_FRAMES = (
    "I have a question: {}",
    "Please answer: {}",
    "Question: {}",
    "Quick question: {}",
    "A short answer, please: {}",
    "Hello, {}",
    "Someone asked me: {}",
)
TOLD_FRAMES = (
    'The answer to the question "{}" is [Y].',
    'If someone asks "{}", the answer is [Y].',
    'Asked "{}", we say [Y].',
)
# Words that open a sentence with a capital and are no names.
_COMMON = DETERMINERS | PREPOSITIONS
_COMMON |= {
    "if",
    "when",
    "there",
    "all",
    "no",
    "most",
    "some",
    "you",
    "we",
    "they",
    "he",
    "she",
    "it",
    "one",
    "two",
}
_COMMON |= {
    "guests",
    "visitors",
    "tickets",
    "staff",
    "members",
    "employees",
    "students",
    "customers",
    "parking",
}
_COMMON |= {
    "lunch",
    "breakfast",
    "dinner",
    "children",
    "dogs",
    "people",
    "version",
    "books",
    "payments",
    "invoices",
    "samples",
    "orders",
    "retries",
    "questions",
    "nurses",
    "doctors",
    "anyone",
    "everyone",
    "nobody",
    "someone",
    "spare",
    "security",
    "support",
    "contractors",
    "applicants",
    "pupils",
    "teachers",
    "users",
    "passengers",
    "drivers",
    "reports",
    "requests",
    "applications",
    "access",
    "expense",
    "toxic",
    "female",
    "male",
    "young",
    "new",
    "old",
    "hot",
    "cold",
    "fresh",
    "too",
    "only",
    "both",
    "many",
    "water",
    "food",
    "coffee",
    "tea",
    "blood",
    "emergency",
    "password",
    "passwords",
    "deliveries",
    "trains",
    "buses",
    "cars",
    "flights",
    "meetings",
    "packages",
    "parcels",
    "waste",
    "step",
    "stage",
    "phase",
}
_PREPOSITION = "|".join(sorted(PREPOSITIONS))


def embedded(template: str) -> str | None:
    """A question template in the order of a statement: «where [X] leaves from»; None when no rule is sure."""
    words = template.rstrip("?").split()
    if template.startswith("[X]") or words[0].startswith("The") or not template.endswith("?") or "," in template:
        return None
    words[0] = words[0].lower()
    index = next((i for i, word in enumerate(words[:6]) if i and word in BE | DO | MODALS), None)
    if index is None:
        return " ".join(words) if words[0] in {"who", "what", "which"} else None
    front, auxiliary, rest = words[:index], words[index], words[index + 1 :]
    if rest[:2] == ["[X]", "not"]:
        return " ".join([*front, "[X]", auxiliary, *rest[1:]])
    if rest and rest[0] == "[X]" and auxiliary in DO and len(rest) > 1:
        return " ".join([*front, "[X]", finite(auxiliary, rest[1]), *rest[2:]])
    if rest and rest[0] == "[X]":
        return " ".join([*front, "[X]", auxiliary, *rest[1:]])
    if rest and auxiliary in BE and len(front) == 1 and (rest[-1] == "[X]" or rest[0] == "[X]'s"):
        # «Who is responsible for [X]» keeps its order; a noun phrase changes it.
        return " ".join([*front, *rest, auxiliary] if rest[0] in {"the", "[X]'s"} else words)
    return " ".join(words) if front[0] in {"which", "what"} and len(front) > 1 and rest[:1] == ["the"] else None


def framed_questions(template: str) -> list[str]:
    """Every framed wording of one question template, still with [X]."""
    phrase = _PHRASE.match(template)
    found = [f"Tell me {phrase[1]}.", f"{upper_first(phrase[1])}, please?"] if phrase else []
    inner = embedded(template)
    found += [frame.format(inner) for frame in QUESTION_FRAMES] if inner else []
    contracted = _SHORT.sub(r"\1's ", template)
    return found + ([contracted] if contracted != template else [])


def framed_statements(template: str) -> list[str]:
    """A statement template inside a sentence about it."""
    if template.startswith(("As for", "For ", "When ", "At ", "In ", "On ", "If ", "To ")):
        return []
    return [frame.format(lower_first(template)) for frame in STATEMENT_FRAMES]


def told_answer(template: str) -> str | None:
    """«If you want to know where [X] leaves from, the answer is [Y].»"""
    inner = embedded(template)
    return f"If you want to know {inner}, the answer is [Y]." if inner else None


def render(template: str, subject: str, answer: str) -> tuple[str, tuple[int, int]] | None:
    """A template as a sentence, and the span of its answer with the space before it; None if unsuitable.

    A question has no answer in it: its span is empty.
    """
    if "[X]'s" in template and not _can_own(subject):
        return None
    if answer.split()[0].lower() in PREPOSITIONS and re.search(rf"\b(?:{_PREPOSITION}) \[Y\]", template):
        return None
    if answer.endswith(".") and "[Y]" in template and not template.endswith("[Y]."):
        return None
    if answer.split()[0].lower() in DETERMINERS:
        template = template.replace("the [Y]", "[Y]")
    if answer.endswith(".") and template.endswith("[Y]."):
        template = template[:-1]
    owner = "[X]'" if subject.endswith("s") else "[X]'s"
    before, gap, after = template.replace("[X]'s", owner).partition("[Y]")
    before, after = (part.replace("[X]", inner_subject(subject)) for part in (before, after))
    text = upper_first(before + (answer if gap else "") + after)
    return text, (len(before.rstrip()), len(before) + len(answer)) if gap else (0, 0)


def inner_subject(subject: str) -> str:
    """A subject as it stands inside a sentence: «The ferry» → «the ferry»."""
    first, space, rest = subject.partition(" ")
    return f"{first.lower()}{space}{rest}" if first.lower() in _COMMON else subject


def _can_own(subject: str) -> bool:
    words = subject.lower().split()
    if subject.endswith("s") and subject[0].islower() and words[0] not in DETERMINERS:
        return False
    return (
        len(words) <= 4
        and not set(words) & (PREPOSITIONS | {"of", "and"})
        and words[-1][-1].isalpha()
        and not re.search(r"['’]s ", subject)
    )


def lower_first(template: str) -> str:
    """A template inside a sentence; a placeholder keeps its capital."""
    return template if template.startswith("[") else template[:1].lower() + template[1:]


def upper_first(text: str) -> str:
    """With a capital at the start."""
    return text[:1].upper() + text[1:]
