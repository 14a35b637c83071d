"""A paragraph as sentences: places in its text, one behind the other. It knows English abbreviations and no grammar."""

import re
from collections.abc import Iterator

_END = re.compile(r"[.!?…]+[»”\"')\]]*(?=\s)|\n")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Drs?|Mrs?|Ms|St|Prof|Gen|Col|Capt|Lt|Sgt|Rev|Hon|Sr|Jr|Inc|Ltd|Corp|Co|Bros|No|Nos|Nr|Vol|Fig|Figs|Ch|Sec|"
    r"Art|Eq|Ref|pp?|vs?|cf|ca|approx|est|dept|min|max|tel|ext|viz|al|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)|"
    r"\b[A-Za-z]|\be\.g|\bi\.e|\b[ap]\.m)\.$"
)
_LOOK = 12  # characters before and behind an end
_INITIALS = re.compile(r"\b(?:[A-Z]\.)*[A-Za-z]\.$|\b[ap]\.m\.$")
# With these a sentence begins, even behind initials: «… in the U.S. The tax …».
_OPENS = re.compile(r"(?:The|This|That|These|Those|It|Its|He|She|They|We|You|I|In|On|At|A|An|But|And|However)\b")


def spans_of(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends, without the space between them."""
    found, start = [], 0
    for end in [*_ends(text), len(text)]:
        said = text[start:end]
        begin = start + len(said) - len(said.lstrip())
        if said.strip():
            found.append((begin, begin + len(said.strip())))
        start = end
    return found


def _ends(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        before, behind = (
            text[max(0, match.end() - _LOOK) : match.end()],
            text[match.end() : match.end() + _LOOK].lstrip(),
        )
        if match[0] != "\n" and behind[:1].islower():
            continue
        short = _ABBREVIATION.search(before)
        if short and not (_INITIALS.search(before) and _OPENS.match(behind)):
            continue
        yield match.end()
