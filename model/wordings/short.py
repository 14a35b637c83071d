"""Questions as they are typed in a hurry: key words, a topic in front, no mark."""

import re

from model.wordings.grammar import BE, DO, MODALS, PREPOSITIONS, shape_of

_NO_THING = re.compile(r"(?:Mr|Ms|Mrs|Dr|Prof)\b.*|(?:i|you|we|it)|.* and .*", re.IGNORECASE)
_DROPPED = BE | DO | {"the", "a", "an", "please", "should", "can", "i", "you", "it"}
_TOPIC = re.compile(r"(?P<ask>(?:[A-Z][a-z]+)(?: [a-z]+){0,3}?) (?P<auxiliary>[a-z]+) \[X\](?P<rest>.*)\?")


def key_words(question: str) -> str:
    """«Where does the ferry leave from?» → «where ferry leave from»; empty if too little is left."""
    words = re.sub(r"[?.!,:]+(?=\s|$)", "", question).lower().split()
    first = words[0] if words else ""
    kept = [word for word in words if word not in _DROPPED]
    # «What» asks nothing that the other words do not.
    kept = kept[1:] if first in {"what", "which"} and kept[:1] == [first] else kept
    return " ".join(kept) if 2 <= len(kept) < len(words) else ""


def topic_first(template: str, subject: str) -> str:
    """«Where does [X] leave from?» → «[X]: where does it leave from?»; empty where no pronoun is sure."""
    found = _TOPIC.fullmatch(template)
    if (
        not found
        or found["auxiliary"] not in BE | DO | MODALS | {"has", "have", "had"}
        or found["rest"].startswith("'")
    ):
        return ""
    if (
        shape_of(subject) == "person"
        or re.match(r"(?:Mr|Ms|Mrs|Dr|Prof)\b", subject)
        or subject.lower() in {"i", "you", "we", "it"}
        or " and " in subject
    ):
        return ""
    plural = found["auxiliary"] in {"are", "were", "do", "have"}
    if found["auxiliary"] in MODALS | {"did", "had"}:
        plural = bool(re.search(r"[^s'’]s$", subject.split(" of ")[0]))
    pronoun = "they" if plural else "it"
    ask = found["ask"][:1].lower() + found["ask"][1:]
    return f"[X]: {ask} {found['auxiliary']} {pronoun}{found['rest']}?"


def place_first(question: str) -> str:
    """«What does she do at Datum?» → «At Datum, what does she do?»; empty where the end is no such phrase."""
    words = question.rstrip("?").split()
    for index in range(len(words) - 1, 4, -1):
        if words[index] in PREPOSITIONS - {"by", "with", "about", "to", "from"} and len(words) - index in range(2, 6):
            if words[index + 1 : index + 2] and re.match(r"[A-Z]|the$|a$|my$|our$", words[index + 1]):
                asked = " ".join(words[:index])
                rest = " ".join(words[index:])
                return f"{rest[:1].upper()}{rest[1:]}, {asked[:1].lower()}{asked[1:]}?"
            return ""
    return ""
