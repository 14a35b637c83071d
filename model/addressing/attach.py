"""A memory folder for a base: read states of many questions, train the projections, count the background, write files.

On two cores it takes half an hour for a base of 135 million parameters, nearly all of it for the states. What was read
stays in `work`, so that what broke off goes on.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from model.addressing.background import bank_of, document_frequency, questions_of, rarity_tensors
from model.addressing.calibrate import Calibration, calibrated
from model.addressing.gather import Gathered, Gatherer
from model.addressing.pairs import PairFile, read_pairs
from model.addressing.states import StateReader, layers_at
from model.addressing.train import Batches, Projection, sub_keys, what_is_asked, whom_it_is_about
from model.base.checkpoint import fingerprint_of_base
from model.config import MemoryConfig
from model.memory.query import ADDRESSING, SHAPE, STATISTICS, Addressing, Background, Query, sketch_of

HELD = 16  # of every so many groups one is not trained on: it sets the thresholds


@dataclass(frozen=True)
class Plan:
    """What a memory folder is made with; layers are fractions of the depth. benchmarks/addresses.py compares others.

    what_in_slots  what the similarity of what is asked counts for where slots are looked up: it is the coarser half
    minutes        at most for reading states of questions; half as much again for the background
    """

    what_layers: tuple[float, ...] = (14 / 30, 16 / 30, 18 / 30, 20 / 30, 22 / 30)
    whom_layers: tuple[float, ...] = (18 / 30, 24 / 30)
    what_width: int = 64
    whom_width: int = 64
    sketch_width: int = 128
    sketch_share: float = 0.75
    idf_power: float = 2.5
    earlier_turns: float = 0.5
    sub_keys: int = 128
    ways: int = 64
    heads: int = 2
    top_k: int = 128
    top_t: int = 24
    what_in_slots: float = 0.5
    minutes: float = 17.0
    what_steps: int = 800
    whom_steps: int = 900


def attach_memory(
    base_folder: Path,
    data: Path | None,
    out: Path,
    *,
    plan: Plan = Plan(),
    work: Path | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, float]:
    """Write the memory folder `out` for the base in `base_folder`; return its figures.

    data  a folder with background questions (the layout of the shared data), or None: the pair file has some
    work  where states are kept; beside `out` if None
    """
    began = time.monotonic()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(base_folder)
    model = AutoModelForCausalLM.from_pretrained(base_folder, dtype=torch.float32).to(device).eval()
    text = model.config.get_text_config()
    config = _config(plan, int(text.num_hidden_layers), int(text.hidden_size))
    layers = sorted({*config.what_layers, *config.whom_layers})
    file = read_pairs()
    gatherer = Gatherer(StateReader(model, tokenizer, layers), work or out.with_name(f"{out.name}.work"), say)
    wordings = gatherer.wordings(file, plan.minutes * 60)
    never = gatherer.background(file.background, plan.minutes * 20)
    more = list(questions_of(data, 2_500)) if data else []
    others = gatherer.background(more, plan.minutes * 10, "data") if more else None
    say(f"{len(wordings.item)} wordings and {len(never.item)} background questions read; training")
    made = _Made(config, layers, file, wordings, never, others, plan)
    figures = made.write(out, fingerprint_of_base(base_folder), say)
    say(f"{out} written in {(time.monotonic() - began) / 60:.1f} minutes: {figures}")
    return figures


def _config(plan: Plan, depth: int, width: int) -> MemoryConfig:
    same = {name: value for name, value in asdict(plan).items() if name in MemoryConfig.__dataclass_fields__}
    same |= {
        "what_layers": tuple(layers_at(plan.what_layers, depth)),
        "whom_layers": tuple(layers_at(plan.whom_layers, depth)),
    }
    return MemoryConfig(**same, value_width=width, what_threshold=0.0, whom_threshold=0.0)


@dataclass
class _Made:
    """What was read, on its way to a memory folder."""

    config: MemoryConfig
    layers: Sequence[int]
    file: PairFile
    wordings: Gathered
    never: Gathered
    others: Gathered | None
    plan: Plan

    def write(self, out: Path, base: str, say: Callable[[str], None]) -> dict[str, float]:
        held = [_is_held(self.file.items[item].group) for item in self.wordings.item]
        unseen = [place % 4 == 0 for place in range(len(self.never.item))]
        training = self.wordings.where([not each for each in held])
        # Thresholds are for what users post, and that is most like the invented handbook facts.
        kinds = [self.file.items[item].kind for item in self.wordings.item]
        held_out = self.wordings.where([each and kind == "handbook" for each, kind in zip(held, kinds, strict=True)])
        what, whom = self._projections(training, self.never.where([not each for each in unseen]))
        say("projections trained; sub-keys, thresholds, background")
        self._rarity = rarity_tensors(self.file.rarity)
        self._sketch = sketch_of(self.config, self._rarity)
        queries = {
            name: self._query(part, what, whom) for name, part in (("all", self.wordings), ("never", self.never))
        }
        if self.others is not None:
            queries["never"] = _joined([queries["never"], self._query(self.others, what, whom)])
        found = calibrated(
            self._query(held_out, what, whom), held_out.item, held_out.kind, self.file.items,
            self._query(self.never.where(unseen), what, whom),
        )  # fmt: skip
        self.config = replace(self.config, what_threshold=found.what_threshold, whom_threshold=found.whom_threshold)
        return self._save(out, base, what, whom, queries, found)

    def _projections(self, training: Gathered, never: Gathered) -> tuple[Projection, Projection]:
        batches = Batches(self.file.items, training.item)
        states = training.of_layers(self.config.what_layers, self.layers)
        what = what_is_asked(states, batches, self.config.what_width, self.plan.what_steps)
        states, background = (part.of_layers(self.config.whom_layers, self.layers) for part in (training, never))
        return what, whom_it_is_about(states, background, batches, self.config.whom_width, self.plan.whom_steps)

    def _query(self, part: Gathered, what: Projection, whom: Projection) -> Query:
        share = self.config.sketch_share
        sketches = torch.from_numpy(np.stack([self._sketch.of(turns) for turns in part.turns]))
        projected = whom(part.of_layers(self.config.whom_layers, self.layers))
        both = torch.cat([(1 - share) ** 0.5 * projected, share**0.5 * sketches], dim=1)
        return Query(
            what(part.of_layers(self.config.what_layers, self.layers)), torch.nn.functional.normalize(both, dim=1)
        )

    def _save(
        self, out: Path, base: str, what: Projection, whom: Projection, queries: dict[str, Query], found: Calibration
    ) -> dict[str, float]:
        never = queries["never"]
        keys = self._sub_keys(queries)
        tensors = {
            "what.weight": what.weight, "what.centre": what.centre,
            "whom.weight": whom.weight, "whom.centre": whom.centre,
            "what.sub_keys": self.plan.what_in_slots * keys[0], "whom.sub_keys": keys[1],
        }  # fmt: skip
        empty = Background(torch.zeros(self.config.addresses), 0, never)
        addressing = Addressing(self.config, base, empty, tensors | self._rarity)
        counts = document_frequency(addressing, never)
        bank = bank_of(_joined([never, queries["all"][torch.tensor(self._plain(), dtype=torch.int64)]]), len(never))
        out.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out / ADDRESSING)
        statistics: dict[str, Tensor] = {
            "document_frequency": counts.clamp(max=65_535).to(torch.uint16), **self._rarity,
            "bank.what": bank.what.half(), "bank.whom": bank.whom.half(),
        }  # fmt: skip
        save_file(statistics, out / STATISTICS)
        for name in (ADDRESSING, STATISTICS):
            (out / name).chmod(0o644)
        shape = {
            "format": 1, "base": base, "config": asdict(self.config), "background": {"queries": len(never)},
            "figures": found.figures(),
        }  # fmt: skip
        (out / SHAPE).write_text(json.dumps(shape, indent=1) + "\n", encoding="utf-8")
        return found.figures()

    def _sub_keys(self, queries: dict[str, Query]) -> tuple[Tensor, Tensor]:
        """Those of what and those of whom, (H, n, ·) each, a head from its own start."""
        batches, own, never = Batches(self.file.items, self.wordings.item), queries["all"], queries["never"]
        heads, count = range(self.config.heads), self.config.sub_keys
        what = [sub_keys(own.what, never.what, batches, count, seed) for seed in heads]
        whom = [sub_keys(own.whom, never.whom, batches, count, seed + self.config.heads) for seed in heads]
        return torch.stack(what), torch.stack(whom)

    def _plain(self) -> list[int]:
        """One plain wording of each item that is held in the pair file."""
        first = {
            item: place
            for place, (item, kind) in enumerate(zip(self.wordings.item, self.wordings.kind, strict=True))
            if kind == "plain"
        }
        return list(first.values())


def _is_held(group: str) -> bool:
    return sum(group.encode()) % HELD == 0


def _joined(parts: Sequence[Query]) -> Query:
    return Query(torch.cat([part.what for part in parts]), torch.cat([part.whom for part in parts]))
