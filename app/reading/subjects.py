"""Whom «it» at the beginning of a sentence means, where that is certain; where it is not, nobody is named.

A wrong name would be taught as a fact, so a sentence is rather left unread than guessed at:

- The subject of the sentence before it in the same paragraph is meant, if number and kind agree, and if behind that
  sentence's verb stands nothing else that could be meant. «The Halden library opens at nine. It closes at six.» is
  read; «The library lies beside the river. It opens at nine.» is not, though most readers would bet on the library.
- A heading or a title is meant by the first sentence under it, if it is a name. «Opening Hours» looks like one, too; so
  it counts only where the text uses the same words, capitals and all, within a sentence («… of the Halden Library»).
  Of the headings above a sentence exactly one may be such a name.
- «This», and «the company» and its like, are never certain: they may mean a whole sentence, or what no sentence names.

Nothing else is taken from headings. «The price is $35.» under «Helio Plus» could be made «the price of Helio Plus», and
so could «the office», «the team» or «the river», wrongly: what a noun belongs to only its author knows.
"""

import re
from collections.abc import Sequence

from model.learn.english import BE, DETERMINERS, PREPOSITIONS, find_verb, is_plural
from model.learn.predicate import ADJECTIVE, Chunk, chunks_of
from model.learn.shape import AMOUNTS, is_someone, shape_of

_OWNER = {"its": "it", "his": "he", "her": "he", "their": "they", "she": "he"}
_LEADING = re.compile(r"(?:the|our|my) ", re.IGNORECASE)
_PLACES = frozenset({"in", "at", "from", "near", "since", "until"})


def with_subject(sentence: str, leans: str, subject: str | None) -> str | None:
    """A sentence that begins with the pronoun `leans`, with a subject in its place; None where it means none."""
    means = _OWNER.get(leans.lower(), leans.lower())
    if subject is None or means not in ("it", "he", "they") or _kind(subject) != means:
        return None
    owned = leans.lower() in ("its", "his", "her", "their")
    return f"{subject}{_of(subject) if owned else ''}{sentence[len(leans) :]}"


def certain_subject(sentence: str) -> str | None:
    """Whom a sentence is about, if nothing else in it could be meant by a pronoun of the next one."""
    words = sentence.rstrip(".! ").split()
    verb = find_verb(words)
    if verb is None or any(word.endswith(",") or word in PREPOSITIONS for word in words[:verb]):
        return None  # «the roof of the library»: either
    subject = " ".join(words[:verb])
    chunks = chunks_of(words[verb + 1 :]) if words[verb + 1 :] else []
    if words[verb] in BE and chunks and not chunks[0].preposition:
        chunks = chunks[1:]  # «Maya Lindqvist is our head of security»: she is
    return None if any(_is_rival(chunk, _kind(subject)) for chunk in chunks) else subject


def named_by(headings: Sequence[str], text: str) -> str | None:
    """The one heading that is a name in this text, with the article that it has there."""
    names = [name for name in (_as_name(heading, text) for heading in headings) if name]
    return names[0] if len(set(names)) == 1 else None


def _as_name(heading: str, text: str) -> str | None:
    bare = _LEADING.sub("", heading.strip().rstrip(".:"))
    if not bare[:1].isupper():
        return None
    used = re.search(rf"[a-z,] (?:(the) )?{re.escape(bare)}\b", text)
    return used and (f"The {bare}" if used[1] else bare)


def _kind(subject: str) -> str:
    """The pronoun that means a subject: «it», «he» (who may be a she) or «they»."""
    words = subject.split()
    if shape_of(subject) == "person":
        return "he"
    if is_plural(words):
        return "they"
    return "he" if is_someone(subject) else "it"


def _is_rival(chunk: Chunk, kind: str) -> bool:
    """Whether a part behind the verb names somebody or something that a pronoun of this kind could mean, too."""
    text = chunk.text
    if not text or chunk.is_time or chunk.shape in AMOUNTS | {"colour"} or ADJECTIVE.fullmatch(text):
        return False
    words = text.split()
    is_name = any(word[:1].isupper() for word in words)
    if kind == "he":
        return is_someone(text) or (is_name and chunk.preposition not in _PLACES)
    if kind == "they":
        return is_plural(words)
    return is_name or (words[0].lower() in DETERMINERS and not is_plural(words))


def _of(subject: str) -> str:
    return "'" if subject.endswith("s") else "'s"
