"""How many of 200 hand-made facts a checkpoint answers in an unseen wording: `python -m benchmarks.handmade`.

Each fact of `handmade.jsonl` is taught as a user would post it, half of them as bare statements, and then asked in a
wording written by hand that no rule of `augment` was made from. The facts have 65 shapes, and no two are alike.
Of half of them something else is asked of the same subject: the answer that was taught would be wrong there.
`--facts benchmarks/subjects.jsonl --in-turn` teaches 60 facts of ten subjects one after another: there the shape is the
subject, and each fact has to live beside five others of its own.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.augment import augment
from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.continual.methods import Sparse
from model.evaluate import complete, matches, token_f1
from model.finetune import learn
from model.study import Fact
from model.values import View

_FACTS = Path(__file__).with_name("handmade.jsonl")
DEFAULT = Path(__file__).resolve().parents[1] / "model" / "default"


@dataclass(frozen=True)
class Handmade:
    """A fact as posted, the question asked later, and every answer that is right.

    `beside` asks for something else of the same subject; every second fact has it.
    """

    shape: str
    fact: Fact
    asked: str
    right: tuple[str, ...]
    beside: str | None

    @property
    def posted(self) -> str:
        """The words of the fact on one line."""
        return self.fact.statement or f"{self.fact.question} {self.fact.answer}"

    def says(self, answer: str) -> bool:
        """Whether `answer` says the fact, after normalising."""
        return any(matches(answer, right) for right in self.right)


@dataclass(frozen=True)
class Outcome:
    """What a fact's wording was answered with once the fact was taught, and the question beside it.

    learned  whether the probe was answered
    """

    handmade: Handmade
    learned: bool
    answer: str
    beside: str | None

    @property
    def answered(self) -> bool:
        """Whether the answer is one of the right ones, after normalising."""
        return self.handmade.says(self.answer)

    @property
    def f1(self) -> float:
        """The best token F1 over the right answers."""
        return max(token_f1(self.answer, right) for right in self.handmade.right)


def read(path: Path = _FACTS) -> list[Handmade]:
    """All facts of the file, in its order."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Handmade(
            row["shape"],
            Fact(row.get("statement"), row.get("question"), row["answer"] if "question" in row else None),
            row["asked"],
            (row["answer"], *row.get("also", ())),
            row.get("beside"),
        )
        for row in rows
    ]


def overlap(made: Handmade, texts: int) -> float:
    """The share of the asked wording's words that its nearest text has."""
    asked = set(made.asked.lower().rstrip("?").split())
    said = (set(text.text.lower().replace("?", " ").split()) for text in augment(made.fact, limit=texts).texts)
    return max(len(asked & words) / len(asked) for words in said)


def taught_together(checkpoint: Checkpoint, facts: Sequence[Handmade], config: FinetuneConfig) -> list[Outcome]:
    """All facts in one version, asked at the end."""
    table = checkpoint.table
    studies = [augment(made.fact, limit=config.texts) for made in facts]
    result = learn(checkpoint, table.base, studies, config)
    view = table.retain(table.base) if result.delta is None else table.enter(table.base, result.delta)
    try:
        answers = _ask(checkpoint, [made.asked for made in facts], view)
        others = iter(_ask(checkpoint, [made.beside for made in facts if made.beside], view))
    finally:
        table.release(view)
    beside = [next(others) if made.beside else None for made in facts]
    learned = [report.learned for report in result.reports]
    return [Outcome(*one) for one in zip(facts, learned, answers, beside, strict=True)]


def taught_fresh(checkpoint: Checkpoint, facts: Sequence[Handmade], config: FinetuneConfig) -> list[Outcome]:
    """Each fact alone on the base."""
    return [outcome for made in facts for outcome in taught_together(checkpoint, [made], config)]


def taught_in_turn(checkpoint: Checkpoint, facts: Sequence[Handmade], config: FinetuneConfig) -> list[Outcome]:
    """Each fact on top of those before it, all asked at the end."""
    method = Sparse(checkpoint, config)
    learned = [bool(method.teach([augment(made.fact, limit=config.texts)])[0].answered) for made in facts]
    answers = _ask(checkpoint, [made.asked for made in facts], method.view)
    return [Outcome(*one, None) for one in zip(facts, learned, answers, strict=True)]


def _ask(checkpoint: Checkpoint, questions: Sequence[str], view: View) -> list[str]:
    return complete(checkpoint, [checkpoint.question_prompt(question) for question in questions], view)


def show(outcomes: Sequence[Outcome], before: Sequence[str], seconds: float) -> None:
    """Print shares, then every miss."""
    by_kind: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind["statements" if outcome.handmade.fact.statement else "questions with answers"].append(outcome)
    by_kind["all"] = list(outcomes)
    print("| taught as | facts | answered | F1 | probe answered |\n|---|---|---|---|---|")
    for kind, some in by_kind.items():
        answered = sum(outcome.answered for outcome in some) / len(some)
        f1 = sum(outcome.f1 for outcome in some) / len(some)
        learned = sum(outcome.learned for outcome in some) / len(some)
        print(f"| {kind} | {len(some)} | {answered:.1%} | {f1:.3f} | {learned:.1%} |")
    pairs = zip(outcomes, before, strict=True)
    known = sum(outcome.handmade.says(said) for outcome, said in pairs)
    print(f"\nbefore anything was taught: {known / len(outcomes):.1%}; {seconds / len(outcomes):.2f} s a fact")
    beside = [outcome for outcome in outcomes if outcome.beside is not None]
    if beside:
        told = sum(outcome.handmade.says(outcome.beside or "") for outcome in beside)
        print(f"asked for something else of the subject, the taught answer comes: {told / len(beside):.1%}\n")
    for outcome in outcomes:
        if not outcome.answered:
            made, learned = outcome.handmade, "" if outcome.learned else " (probe missed)"
            print(f"MISS {made.shape}{learned}: {made.posted}\n     {made.asked}\n     {outcome.answer!r}")


def main() -> None:
    """Teach and ask as the command line says, and print a table and the misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT)
    parser.add_argument("--facts", type=Path, default=_FACTS)
    parser.add_argument("--limit", type=int, default=None, help="only so many facts, spread over the file")
    parser.add_argument("--texts", type=int, default=FinetuneConfig.texts)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--together", action="store_true", help="all in one version (the default)")
    how.add_argument("--fresh", action="store_true", help="each on the base")
    how.add_argument("--in-turn", action="store_true", help="each on those before it, asked at the end")
    arguments = parser.parse_args()
    facts = read(arguments.facts)
    facts = facts[:: max(1, len(facts) // arguments.limit)][: arguments.limit] if arguments.limit else facts
    checkpoint = Checkpoint.load(arguments.checkpoint)
    config = FinetuneConfig(texts=arguments.texts)
    before = _ask(checkpoint, [made.asked for made in facts], checkpoint.table.base)
    begun = time.monotonic()
    teach = taught_fresh if arguments.fresh else taught_in_turn if arguments.in_turn else taught_together
    outcomes = teach(checkpoint, facts, config)
    show(outcomes, before, time.monotonic() - begun)
    shared = sum(overlap(made, arguments.texts) for made in facts) / len(facts)
    print(f"\nwords shared with the nearest text: {shared:.1%}")


if __name__ == "__main__":
    main()
