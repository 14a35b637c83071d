"""One run: a method teaches a plan's facts in sequence and is asked before, right after each job, and at the end.

Runs are lines of a file, keyed by a digest of everything that decides their outcome but the code; one that is there is
not run again.
"""

import hashlib
import json
import platform
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from model.checkpoint import Checkpoint
from model.continual.measure import Snapshot, Yardstick, ask
from model.continual.methods import Cost
from model.continual.settings import Setting
from model.continual.sources import Lesson, lesson, take

Record = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is taught and asked, the same for every method.

    sources        names of fact sources, taken in turn
    facts          facts taught, one after another
    controls       facts asked for and never taught
    seed           which facts, in which order
    texts          study texts of a fact, at most
    facts_per_job  facts that sparse methods learn into one version; asked right after their job
    known, prose, skills   sizes of the yardstick
    """

    sources: tuple[str, ...]
    facts: int
    controls: int
    seed: int
    texts: int
    facts_per_job: int
    known: int
    prose: int
    skills: int

    def lessons(self, data: Path | None) -> tuple[list[Lesson], list[Lesson]]:
        """The facts to teach and the controls, with their studies."""
        cases = take(self.sources, self.facts + self.controls, self.seed, data)
        lessons = [lesson(case, self.texts) for case in cases]
        return lessons[: self.facts], lessons[self.facts :]


class Runs:
    """Finished runs and base measurements in a JSON-lines file; a line that was cut off is left out."""

    def __init__(self, path: Path) -> None:
        self._path, self.folder = path, path.parent
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if path.exists() and lines and not path.read_bytes().endswith(b"\n"):
            # the process was killed while it wrote the last line
            lines = lines[:-1]
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self._records: dict[str, Record] = {record["key"]: record for record in map(json.loads, lines)}

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __getitem__(self, key: str) -> Record:
        return self._records[key]

    def __iter__(self) -> Iterator[Record]:
        """The runs, in the order in which they ended; base measurements are not among them."""
        return (record for record in self._records.values() if record["kind"] == "run")

    def add(self, record: Record) -> None:
        """Append one record, flushed to the file."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._records[record["key"]] = record


@dataclass(frozen=True)
class Bench:
    """Where runs take place: the checkpoint folder, the data folder, the device, the file of runs."""

    model: Path
    data: Path | None
    device: torch.device
    runs: Runs

    def load(self, *, sparse: bool) -> Checkpoint:
        """The checkpoint afresh, with spare rows for versions if `sparse`."""
        room = {"places": 4} if sparse else {"spare_rows": 0, "places": 1}
        return Checkpoint.load(self.model, **room).to(self.device)

    def run(self, plan: Plan, setting: Setting) -> Record:
        """The record of this run, from the file if it is there."""
        lessons, controls = plan.lessons(self.data)
        checkpoint = self.load(sparse=setting.sparse)
        yardstick = Yardstick.of(checkpoint, self.data, plan.known, plan.prose, plan.skills)
        plan_key = digest(checkpoint.fingerprint, asdict(plan), [asdict(item) for item in (*lessons, *controls)])
        key = digest(plan_key, setting.to_json())
        if key in self.runs:
            return self.runs[key]
        before = self._before(plan_key, checkpoint, lessons, controls, yardstick)
        method, peak = setting.begin(checkpoint), PeakMemory(self.device)
        costs: list[Cost] = []
        right_after: list[str] = []
        title = f"{setting.method} ({setting.describe()}), seed {plan.seed}"
        with tqdm(total=len(lessons), desc=title, unit="fact", mininterval=1.0) as bar:
            for start in range(0, len(lessons), plan.facts_per_job):
                job = lessons[start : start + plan.facts_per_job]
                costs += method.teach([item.study for item in job])
                right_after += ask(checkpoint, method.view, [item.asked for item in job])
                bar.update(len(job))
        peak_bytes = peak.read()
        after = Snapshot.take(checkpoint, method.view, lessons, controls, yardstick)
        self.runs.add(
            {
                "key": key,
                "kind": "run",
                "setting": setting.to_json(),
                "described": setting.describe(),
                "plan": asdict(plan),
                "checkpoint": checkpoint.fingerprint,
                "machine": machine(self.device),
                "finished": time.strftime("%Y-%m-%d", time.gmtime()),
                "peak_bytes": peak_bytes,
                "facts": [
                    _fact(item, cost, right_after[index], before, after, index)
                    for index, (item, cost) in enumerate(zip(lessons, costs, strict=True))
                ],
                "controls": [
                    {"asked": item.asked.text, "answers": item.case.answers, "before": said, "end": then}
                    for item, said, then in zip(controls, before.control, after.control, strict=True)
                ],
                "before": _measures(before),
                "after": _measures(after),
            }
        )
        return self.runs[key]

    def _before(
        self, plan_key: str, checkpoint: Checkpoint, taught: list[Lesson], control: list[Lesson], yardstick: Yardstick
    ) -> Snapshot:
        """The base model's measures: taken once for all methods of a plan."""
        if plan_key not in self.runs:
            snapshot = Snapshot.take(checkpoint, checkpoint.table.base, taught, control, yardstick)
            self.runs.add({"key": plan_key, "kind": "base", "snapshot": snapshot.to_json()})
        return Snapshot.from_json(self.runs[plan_key]["snapshot"])


def _fact(item: Lesson, cost: Cost, right_after: str, before: Snapshot, after: Snapshot, index: int) -> Record:
    return {
        "source": item.case.source,
        "asked": item.asked.text,
        "answers": item.case.answers,
        "answer_known": item.study.answer_known,
        "asked_is_probe": item.asked_is_probe,
        "before": before.taught[index],
        "right_after": right_after,
        "end": after.taught[index],
        "beside": item.case.beside,
        "beside_before": before.beside[index],
        "beside_end": after.beside[index],
        **asdict(cost),
    }


def _measures(snapshot: Snapshot) -> Record:
    fields = snapshot.to_json()
    return {name: fields[name] for name in ("known_f1", "known_exact", "prose_nll", "skill_nll", "locality")}


def digest(*parts: object) -> str:
    """SHA-256 of the parts as JSON, in hex."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def machine(device: torch.device) -> str:
    """What the run's seconds tell about."""
    chip = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return f"{platform.machine()}, {chip}, torch {torch.__version__}"


class PeakMemory:
    """The most memory that was in use since construction: of the device, or of the process on a CPU.

    Linux lets a process reset its own high-water mark. Elsewhere the mark is the process's since its start.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        elif sys.platform == "linux":
            Path("/proc/self/clear_refs").write_text("5")

    def read(self) -> int:
        """Bytes."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        if sys.platform == "linux":
            status = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
