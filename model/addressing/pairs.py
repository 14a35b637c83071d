"""The committed pair file, and the prompts that are made of it. Where its texts come from: PAIRS.md."""

import json
import lzma
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.addressing.companies import FOLLOWING, KINDS, PLAIN, Companion
from model.addressing.states import Prompt

FILE = Path(__file__).with_name("pairs.jsonl.xz")
ATTRIBUTES = "attributes"  # the kind of items that ask many attributes of one subject
_PERSONAL = re.compile(r"^(2/|P19$|P20$|P22$|P25$|P26$|P40$|P69$|P106$|P413$|date of)")


@dataclass(frozen=True)
class Item:
    """One question in several wordings; items of one `group` are about one subject, of one `relation` ask the same."""

    group: str
    questions: tuple[str, ...]
    frames: tuple[str, ...] = ()  # the statement, «what» in place of the answer
    halves: tuple[str, ...] = ()  # the statement up to the answer
    told: str | None = None
    subject: str | None = None
    relation: str | None = None
    kind: str = ""


@dataclass(frozen=True)
class PairFile:
    """Items, questions that nobody taught, and how rare a word is (0..1; a word that is not listed: 1)."""

    items: list[Item]
    background: list[str]
    rarity: dict[str, float]


def read_pairs(path: Path = FILE) -> PairFile:
    """All of the pair file."""
    items, background, rarity = [], [], {}
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if "rarity" in row:
                rarity = {word: float(level) for level, words in row["rarity"].items() for word in words.split()}
            elif "background" in row:
                background += row["background"]
            else:
                fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
                items.append(Item(**fields))
    return PairFile(items, background, rarity)


def prompts_of(items: Sequence[Item], companion: Companion, rng: random.Random) -> Iterator[tuple[int, str, Prompt]]:
    """(index of the item, kind of company, prompt): each question in three or four wordings, about half in company."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.group].append(item)
    for index, item in enumerate(items):
        questions = rng.sample(item.questions, min(3, len(item.questions)))
        for place, question in enumerate(questions):
            kind = rng.choice(KINDS) if rng.random() < (0.1, 0.5, 0.7)[place] else PLAIN
            yield index, kind, companion.put(question, kind, rng)
        if item.frames and rng.random() < 0.45:
            yield index, "frame", companion.plain(item.frames[0])
        if item.halves and rng.random() < 0.5:
            half, bare = rng.choice(item.halves), rng.random() < 0.5
            yield index, f"half {bare}", companion.bare(half) if bare else companion.plain(half)
        others = [other for other in groups[item.group] if other is not item and other.told]
        if item.subject and others and rng.random() < 0.2:
            other, text = rng.choice(others), pronounced(questions[0], item, rng)
            if text and other.told:
                yield index, FOLLOWING, companion.following(other.questions[0], other.told, text)


def pronounced(question: str, item: Item, rng: random.Random) -> str | None:
    """«And when does it launch?»: the question with a pronoun for its subject, or None where it does not name it."""
    if not item.subject or item.subject not in question:
        return None
    he = rng.choice((("he", "his"), ("she", "her"))) if _PERSONAL.match(item.relation or "") else ("it", "its")
    asked = question.replace(f"{item.subject}'s", he[1]).replace(item.subject, he[0])
    asked = asked[0].lower() + asked[1:]
    return rng.choice(("And ", "Thanks! And ", "OK, ", "")) + asked
