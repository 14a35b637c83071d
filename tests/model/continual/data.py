"""A small data folder of the layout that sources read."""

import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TEMPLATES = {
    "P19": {"questions": ["Where was [X] born?", "What is the birthplace of [X]?"], "statements": ["[X] … [Y]."]},
    "P20": {"questions": ["Where did [X] die?"], "statements": ["[X] … [Y]."]},
    "P50": {"questions": ["Who wrote [X]?", "Who is the author of [X]?"], "statements": ["[X] … [Y]."]},
}


def write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def folder(root: Path, count: int = 12) -> Path:
    """Write `count` rows of every file that sources and the yardstick read."""
    names = [f"Velda{chr(97 + i)}" for i in range(count)]
    (root / "para").mkdir(parents=True)
    with lzma.open(root / "para" / "relation_templates.json.xz", "wt", encoding="utf-8") as file:
        json.dump(TEMPLATES, file)
    write(
        root / "qa" / "entityquestions.test.jsonl.xz",
        (
            {
                "question": f"Where was {name} born?",
                "answers": ["Oslo", "Kristiania"],
                "subject": name,
                "relation": "P19",
                "statement": f"{name} was born in Oslo.",
                "mentions": index % 2,
            }
            for index, name in enumerate(names)
        ),
    )
    write(
        root / "edit" / "counterfact.jsonl.xz",
        (
            {
                "subject": name,
                "relation": "P103",
                "prompt": f"The mother tongue of {name} is",
                "target_new": "Dutch",
                "paraphrases": [f"The native language of {name} is"],
                "question_paraphrases": [f"Which language did {name} speak natively?"],
                "locality": [{"prompt": "The mother tongue of Bram is", "answer": "Dutch"}],
            }
            for name in names
        ),
    )
    write(
        root / "qa" / "simpleqa.jsonl.xz",
        ({"question": f"Who received the {name} Award in 2010?", "answers": ["Mina Sand"]} for name in names),
    )
    write(
        root / "qa" / "reading_qa.jsonl.xz",
        (
            {
                "question": f"What did the people of {name} {number} build?",
                "answers": ["a bridge"],
                "statement": f"The people of {name} {number} built a bridge over the river.",
            }
            for name in names
            for number in range(10)
        ),
    )
    write(root / "prose" / "wiki_heldout.jsonl.xz", ({"title": name, "text": f"{name} is a town."} for name in names))
    write(
        root / "skill" / "gsm8k.test.jsonl.xz",
        ({"question": f"{name} eats 2 and 2?", "solution": "2 + 2 = 4", "answers": ["4"]} for name in names),
    )
    write(
        root / "skill" / "arc_easy.test.jsonl.xz",
        ({"question": f"What melts {name}?", "answers": ["heat"]} for name in names),
    )
    return root
