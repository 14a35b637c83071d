"""Blocks and sentences keep their place in the text as it was sent, and nothing of it is lost."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.reading.blocks import Block, Format, blocks_of
from app.reading.chunks import CHARACTERS, Chunk, chunks_of
from app.reading.sentences import spans_of

MARKDOWN = """# Halden library

It *opens* at nine. The **Halden library** was
founded with [money](https://example.org/a_b) &amp; \\*care\\*.

> The Olm rises
> in Zorvania.

- The first point
- The second

1. Counted

| a | b |
|---|---|
| 1 | 2 |

```
code
```

Opening
-------
![a picture](x.png)

<!-- a remark -->

[x]: https://example.org
"""
PIECES = [
    "# A",
    "a b.",
    "\n\n",
    "\n",
    "- x",
    "> ",
    "`c`",
    "*",
    "|a|b|\n|-|-|\n",
    "```\n",
    "&amp;",
    "\r\n",
    "[x]: y",
    "<3 ",
    "1. ",
]


def said(text: str, form: Format) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks_of(text, form)]


def chunked(text: str, form: Format = "markdown") -> list[Chunk]:
    return chunks_of(text, blocks_of(text, form))


def test_markdown_is_headings_paragraphs_and_what_is_no_prose():
    assert said(MARKDOWN, "markdown") == [
        ("heading", "Halden library"),
        ("prose", "It opens at nine. The Halden library was founded with money & *care*."),
        ("prose", "The Olm rises in Zorvania."),
        ("prose", "The first point"),
        ("prose", "The second"),
        ("prose", "Counted"),
        ("other", ""),
        ("other", ""),
        ("heading", "Opening"),
        ("other", ""),
        ("other", ""),
        ("other", ""),
    ]
    reasons = [block.reason for block in blocks_of(MARKDOWN, "markdown") if block.reason]
    assert [reason.split(" ")[0] for reason in reasons] == ["a", "code", "this", "HTML", "this"]


def test_each_sentence_stands_where_it_says():
    (first, second), (quoted,) = (
        [MARKDOWN[one.start : one.end] for one in chunk.sentences if one.paragraph == paragraph]
        for chunk, paragraph in ((chunked(MARKDOWN)[0], 1), (chunked(MARKDOWN)[0], 2))
    )
    assert first == "It *opens* at nine."
    assert second.startswith("The **Halden library** was\nfounded")
    assert second.endswith("&amp; \\*care\\*.")
    assert quoted == "The Olm rises\n> in Zorvania."


def test_plain_text_has_paragraphs_wrapped_lines_points_and_headings():
    text = "OPENING HOURS\n\nThe library opens\nat nine. It closes at six.\n\n- The café is\n  closed.\n2) It leaks\n"
    assert said(text, "text") == [
        ("heading", "OPENING HOURS"),
        ("prose", "The library opens at nine. It closes at six."),
        ("prose", "The café is closed."),
        ("prose", "It leaks"),
    ]


@pytest.mark.parametrize("form", ["text", "markdown"])
@settings(max_examples=30)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_nothing_is_lost_and_no_two_parts_overlap(form: Format, text: str):
    blocks = blocks_of(text, form)
    parts = [(block.start, block.end) for block in blocks]
    assert parts == sorted(parts)
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(parts))
    told = {at for start, end in parts for at in range(start, end)}
    lost = "".join(character for at, character in enumerate(text) if at not in told)
    assert not re.search(r"[a-z]", lost), (lost, blocks)
    for chunk in chunks_of(text, blocks):
        for one in chunk.sentences:
            assert chunk.start <= one.start < one.end <= chunk.end


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Dr. Ada Lund came. She sat.", ["Dr. Ada Lund came.", "She sat."]),
        (
            "It costs approx. 5 EUR, e.g. Mondays. No. 7 is free!",
            ["It costs approx. 5 EUR, e.g. Mondays.", "No. 7 is free!"],
        ),
        ("J. R. Vale wrote it. Why? Nobody knows…", ["J. R. Vale wrote it.", "Why?", "Nobody knows…"]),
        ("He lives in the U.S. The tax is 3.5 %.", ["He lives in the U.S.", "The tax is 3.5 %."]),
        ("«It rains.» Then it stopped.", ["«It rains.»", "Then it stopped."]),
        ("It opens at 9 a.m. The café, too.", ["It opens at 9 a.m.", "The café, too."]),
        ("Without an end", ["Without an end"]),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, wanted: list[str]):
    assert [text[start:end] for start, end in spans_of(text)] == wanted


def test_chunks_stand_under_their_headings_and_hold_whole_paragraphs():
    long = "The Olm is long. " * 50
    text = f"# A\n\n{long}\n\n{long}\n\n## B\n\nOne.\n\n# C\n\nTwo.\n"
    found = chunked(text)
    assert [chunk.headings for chunk in found] == [("A",), ("A",), ("A", "B"), ("C",)]
    assert [chunk.number for chunk in found] == [0, 1, 2, 3]
    assert all(chunk.end - chunk.start <= CHARACTERS for chunk in found)
    assert text[found[2].start : found[2].end] == "One."


def test_a_block_knows_where_each_of_its_characters_stands():
    text = "a &amp; **b**\r\nc"
    (block,) = blocks_of(text, "markdown")
    assert isinstance(block, Block)
    assert block.text == "a & b c"
    assert [text[at] for at in block.places] == ["a", " ", "&", " ", "b", "\n", "c"]
