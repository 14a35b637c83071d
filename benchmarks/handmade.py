"""What 200 hand-made facts do to a model, right and wrong: `python -m benchmarks.handmade --out FILE`.

Each fact of `handmade.jsonl` is taught as a user would post it, half of them as bare statements, all in one version.
Then are asked: the fact in a wording that was written by hand and that no key was made of; something else of the same
subject (beside); another subject asked the same (`neighbours.jsonl`); one word of the question exchanged
(`qualifiers.jsonl`); prompts that tell another answer themselves (`context.jsonl`), and talk that tells none
(`talk.jsonl`); general prompts (`general.jsonl`, and trivia of --data); and places of held-out prose (--data).
Where nothing opens a row the answer is the base's, bit for bit; a sample of answers is generated on both views in the
same batches all the same.
`--beneath N` teaches N facts of EntityQuestions (--data) first, in jobs of 100. `--facts benchmarks/subjects.jsonl`
asks 60 facts of ten subjects.
"""

import argparse
import json
import lzma
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from app.settings import Settings
from benchmarks.machine import describe
from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.engine.offline import Ask, generate
from model.facts import Fact
from model.learn.gate import Gate
from model.learn.job import FactReport, Learned, Teacher
from model.learn.passes import Passes
from model.memory.memory import Looked
from model.memory.table import View

HERE = Path(__file__).parent
_FIRST = 100_000  # id of the first hand-made fact; those beneath come before
_JOB = 100
_AT_ONCE = 64  # places looked up together
_LONGEST = 256  # characters of prose read at each place


@dataclass(frozen=True)
class Handmade:
    """A fact as posted, the question asked later, and every answer that is right."""

    fact: Fact
    asked: str
    right: tuple[str, ...]
    beside: str | None

    def says(self, answer: str) -> bool:
        """Whether an answer is one of the right ones, but for case, spaces, an article and a full stop."""
        return _plain(answer) in set(map(_plain, self.right))


def read(file: Path) -> list[Handmade]:
    """The facts of a file; their ids count from _FIRST."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Handmade(
            Fact(
                _FIRST + n, line.get("statement"), line.get("question"), line["answer"] if "question" in line else None
            ),
            line["asked"],
            (line["answer"], *line.get("also", ())),
            line.get("beside"),
        )
        for n, line in enumerate(lines)
    ]


class World:
    """A checkpoint, and the view that has been taught so far."""

    def __init__(self) -> None:
        settings = Settings()
        self.checkpoint = Checkpoint.load(settings.base, settings.memory)
        self.view: View = self.checkpoint.table.base
        self.teacher, self.gate = Teacher(self.checkpoint), Gate(self.checkpoint)
        self._passes = Passes(self.checkpoint)

    def teach(self, facts: Sequence[Fact]) -> Learned:
        """Teach one job."""
        learned = self.teacher.learn(self.view, facts)
        if learned.delta is not None:
            self.view = self.checkpoint.table.enter(self.view, learned.delta)
        return learned

    def opened(self, prompts: Sequence[Prompt]) -> list[int | None]:
        """Which fact each prompt opens, if any."""
        looked = [Looked(asked, self.view) for asked in self._passes.asked(prompts)]
        found = [
            each
            for start in range(0, len(looked), _AT_ONCE)
            for each in self.checkpoint.memory.read(looked[start : start + _AT_ONCE])
        ]
        return [None if each is None else each.fact for each in found]

    def answers(self, prompts: Sequence[Prompt], view: View, tokens: int = 24) -> list[str]:
        """What a view says."""
        said = generate(self.checkpoint, [Ask(prompt, view, tokens) for prompt in prompts])
        return [self.checkpoint.prompts.text(each.ids) for each in said]

    def question(self, text: str) -> Prompt:
        """A question as a prompt."""
        return self.checkpoint.prompts.question(text)


def run(file: Path, data: Path | None, beneath: int, sample: int) -> dict[str, object]:
    """All figures of one run."""
    world, facts = World(), read(file)
    figures: dict[str, object] = {"machine": describe(), "facts": len(facts), "beneath": beneath}
    if beneath:
        figures |= _taught_beneath(world, data, beneath)
    began = time.monotonic()
    learned = world.teach([each.fact for each in facts])
    seconds = time.monotonic() - began
    missed = [
        (each.fact, report.reason) for each, report in zip(facts, learned.reports, strict=True) if not report.learned
    ]
    figures |= {"seconds a fact": round(seconds / len(facts), 3), "learned": len(facts) - len(missed)}
    figures["not learned"] = [(fact.statement or fact.question, reason) for fact, reason in missed]
    figures["replaced"] = [(r.replaces, f.asked) for f, r in zip(facts, learned.reports, strict=True) if r.replaces]
    figures["bytes a fact"] = 0 if learned.delta is None else learned.delta.nbytes // len(facts)
    said = world.answers([world.question(each.asked) for each in facts], world.view)
    right = [each.says(answer) for each, answer in zip(facts, said, strict=True)]
    figures["unseen wording"] = _share(right)
    figures["wrong in unseen wording"] = [
        (f.asked, f.right[0], a) for f, a, r in zip(facts, said, right, strict=True) if not r
    ]
    figures |= _untaught(world, facts, data, sample) | _in_talk(world, facts)
    figures["bank"] = asdict(world.gate.drift(world.checkpoint.table.base, world.view))
    return figures


def _untaught(world: World, facts: Sequence[Handmade], data: Path | None, sample: int) -> dict[str, object]:
    """What opens though it was never taught."""
    figures: dict[str, object] = {}
    beside = [each for each in facts if each.beside]
    told = [
        (each.beside, found)
        for each, found in zip(beside, world.opened([world.question(str(each.beside)) for each in beside]), strict=True)
    ]
    figures["beside opens its own fact"] = _share([f == e.fact.id for e, (_, f) in zip(beside, told, strict=True)])
    figures["beside opens another"] = _share(
        [f not in (None, e.fact.id) for e, (_, f) in zip(beside, told, strict=True)]
    )
    sets: dict[str, list[Prompt]] = {}
    for name in ("neighbours", "qualifiers"):
        lines = (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        sets[name] = [world.question(json.loads(line)["question"]) for line in lines]
    sets["general"] = [
        _chat(world, json.loads(line)["messages"])
        for line in (HERE / "general.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    if data is not None:
        trivia = [row["question"] for row in rows_of(data / "qa" / "opentriviaqa.jsonl.xz", 46_000)[::46]]
        sets["trivia"] = [world.question(question) for question in trivia]
        sets["prose"] = list(_prose(world, data))
    for name, prompts in sets.items():
        found = world.opened(prompts)
        figures[f"{name} unchanged"] = _share([fact is None for fact in found])
        if name in ("neighbours", "qualifiers", "general"):
            figures[f"{name} opened"] = [(p.turns[-1], f) for p, f in zip(prompts, found, strict=True) if f is not None]
            few = prompts[:sample]
            before, after = (world.answers(few, view, 16) for view in (world.checkpoint.table.base, world.view))
            figures[f"{name} answered identically"] = _share([a == b for a, b in zip(before, after, strict=True)])
    return figures


def _in_talk(world: World, facts: Sequence[Handmade]) -> dict[str, object]:
    """Whether a fact is told where the prompt tells otherwise, which it should not be, and amid mere talk."""
    ids, figures = {each.asked: each.fact.id for each in facts}, dict[str, object]()
    for name in ("context", "talk"):
        rows = [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        rows = [row for row in rows if row["of"] in ids]
        prompts = [world.checkpoint.prompts.chat(row["messages"]) for row in rows]
        own = [fact == ids[row["of"]] for row, fact in zip(rows, world.opened(prompts), strict=True)]
        figures[f"{name}: opens its fact"] = _share(own)
        if name == "context":
            said = world.answers(prompts, world.checkpoint.table.base)
            read = [
                any(_plain(right) in _plain(each) for right in (row["answer"], *row["also"]))
                for row, each in zip(rows, said, strict=True)
            ]
            figures["context that the base reads: opens its fact"] = _share(
                [one for one, right in zip(own, read, strict=True) if right]
            )
    return figures


def _taught_beneath(world: World, data: Path | None, count: int) -> dict[str, object]:
    if data is None:
        raise SystemExit("--beneath needs --data")
    rows = rows_of(data / "qa" / "entityquestions.test.jsonl.xz", 22_000)
    rows = rows[:: len(rows) // count][:count]
    taught = [Fact(n, question=row["question"], answer=row["answers"][0]) for n, row in enumerate(rows, start=1)]
    began, reports = time.monotonic(), list[FactReport]()
    for start in range(0, count, _JOB):
        reports += world.teach(taught[start : start + _JOB]).reports
        print(f"{start + _JOB} of {count} beneath, {time.monotonic() - began:.0f} s", flush=True)
    return {
        "beneath learned": sum(report.learned for report in reports),
        "beneath seconds a fact": round((time.monotonic() - began) / count, 3),
        "beneath replaced": sum(bool(report.replaces) for report in reports),
    }


def _chat(world: World, turns: Sequence[str]) -> Prompt:
    messages = []
    for turn in turns:
        system, _, said = turn.partition("system: ")
        if said and not system:
            messages.append({"role": "system", "content": said})
        else:
            last = messages[-1]["role"] if messages else "system"
            messages.append({"role": "assistant" if last == "user" else "user", "content": turn})
    return world.checkpoint.prompts.chat(messages)


def _prose(world: World, data: Path) -> Iterator[Prompt]:
    """Every third place of the beginnings of held-out texts, as a text to be continued."""
    for row in rows_of(data / "prose" / "wiki_heldout.jsonl.xz", 2_000)[::20]:
        whole = world.checkpoint.prompts.continuation(row["text"][:_LONGEST])
        for end in range(4, len(whole.ids), 3):
            yield Prompt(whole.ids[:end], (row["text"][: whole.ends[end - 1]],), whole.ends[:end])


def rows_of(file: Path, count: int) -> list[dict[str, str]]:
    """The first lines of a file of the shared data."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for _, line in zip(range(count), lines, strict=False)]


def _share(marks: Sequence[bool]) -> str:
    return f"{sum(marks)} of {len(marks)} ({sum(marks) / max(1, len(marks)):.2%})"


def _plain(text: str) -> str:
    words = " ".join(text.casefold().split()).strip(" .")
    return words.removeprefix("the ").removeprefix("a ").removeprefix("an ")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--facts", type=Path, default=HERE / "handmade.jsonl")
    parser.add_argument("--data", type=Path, help="folder with texts and questions; see docs/results.md")
    parser.add_argument("--beneath", type=int, default=0)
    parser.add_argument("--sample", type=int, default=40, help="general prompts answered on both views")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    figures = run(given.facts, given.data, given.beneath, given.sample)
    text = json.dumps(figures, indent=1, ensure_ascii=False, default=str)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
