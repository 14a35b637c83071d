"""How a taught fact may be asked: `python -m benchmarks.forms`.

Hand-made facts are taught in one version. Each is asked in the wording that was written by hand, which no key was made
of, and in that wording as people type and chat: without capitals, with a slip of the finger, behind other talk, of a
subject that an earlier turn has named. Of each form: how many open the row of their fact, how many that of another.
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.handmade import HERE, Handmade, World, read
from benchmarks.machine import describe

Turns = list[str]  # the user's and the assistant's by turns
Form = Callable[[Handmade], Turns | None]

_NAME = re.compile(r"(?<=[a-z,] )(?:the |The )?[A-Z][\w'’-]*(?: (?:of |the )?[A-Z][\w'’-]*)*")
_WORD = re.compile(r"(?<=[a-z] )[a-z]{5,}")


def forms() -> dict[str, Form]:
    """By what they are called; None where a question has no such form."""
    return {
        "as it was written": lambda fact: [fact.asked],
        "in lower case": lambda fact: [fact.asked.lower()],
        "in capitals": lambda fact: [fact.asked.upper()],
        "without a question mark": lambda fact: [fact.asked.rstrip("?")],
        "two letters of a common word exchanged": lambda fact: _slipped(fact.asked, _WORD),
        "two letters of a name exchanged": lambda fact: _slipped(fact.asked, _NAME),
        "politely": lambda fact: [f"Hi! Could you please help me? {fact.asked} Thanks a lot."],
        "answer in a sentence, please": lambda fact: [f"{fact.asked} Answer in one sentence."],
        "the sentence framed in German": lambda fact: [f"Kannst du mir sagen: {fact.asked}"],
        "behind talk of something else": lambda fact: ["What goes well with pumpkin soup?", "Fresh bread.", fact.asked],
        "behind a question of the same subject": _behind_its_own,
        "of a subject that a turn before has named": _of_it,
        "as the beginning of its sentence": _begun,
    }


def _slipped(text: str, where: re.Pattern[str]) -> Turns | None:
    """The second and third letter of the longest find exchanged."""
    found = max(
        (each for each in where.finditer(text) if len(each[0]) > 3), key=lambda each: len(each[0]), default=None
    )
    if found is None:
        return None
    at = found.start() + (len("the ") if found[0].lower().startswith("the ") else 0) + 1
    return [text[:at] + text[at + 1] + text[at] + text[at + 2 :]]


def _behind_its_own(fact: Handmade) -> Turns | None:
    return [fact.beside, "I do not know that.", fact.asked] if fact.beside else None


def _of_it(fact: Handmade) -> Turns | None:
    """What a name stands for was named before: «it»."""
    name = _NAME.search(fact.asked)
    if name is None:
        return None
    asked = f"{fact.asked[: name.start()]}it{fact.asked[name.end() :]}"
    return [f"I have a question about {name[0]}.", "Go ahead.", asked]


def _begun(fact: Handmade) -> Turns | None:
    """A statement up to its answer."""
    said, _, behind = (fact.fact.statement or "").rpartition(fact.right[0])
    return [said.strip()] if len(said.split()) > 2 and behind in ("", ".") else None


def run(facts: Sequence[Handmade]) -> dict[str, object]:
    """All figures."""
    world = World()
    learned = world.teach([each.fact for each in facts])
    figures: dict[str, object] = {"machine": describe(), "facts": len(facts)}
    figures["learned"] = sum(report.learned for report in learned.reports)
    for name, form in forms().items():
        asked = [(each, turns) for each in facts if (turns := form(each)) is not None]
        prompts = [
            world.checkpoint.prompts.chat(
                [{"role": ("user", "assistant")[at % 2], "content": turn} for at, turn in enumerate(turns)]
            )
            for _, turns in asked
        ]
        opened = world.opened(prompts)
        own = [found == each.fact.id for (each, _), found in zip(asked, opened, strict=True)]
        figures[name] = {
            "asked": len(asked),
            "own": sum(own),
            "another": sum(found is not None for found in opened) - sum(own),
            "closed": [turns for (_, turns), found in zip(asked, opened, strict=True) if found is None],
        }
    return figures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--facts", type=Path, default=HERE / "handmade.jsonl")
    parser.add_argument("--out", type=Path, help="file of the figures, with what stayed closed")
    given = parser.parse_args()
    figures = run(read(given.facts))
    shown = {
        name: {**each, "closed": len(each["closed"])} if isinstance(each, dict) else each
        for name, each in figures.items()
    }
    print(json.dumps(shown, indent=1, ensure_ascii=False))
    if given.out is not None:
        given.out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
