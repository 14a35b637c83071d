"""What does it cost that a version is a view? Lookup and bag of a memory layer, beside the same without views.

`python -m benchmarks.hot_path [--device cuda] [--json FILE]` times one memory layer on batches of single tokens whose
sequences read one version of the table or sixteen, in turn with the same lookup followed by
`torch.nn.functional.embedding_bag` on the rows themselves, and with a copy of memory. The rows of a bag lie anywhere,
so the bandwidth of a copy is what they could at best reach. Each call has another input, as a processor would learn
the branches of a repeated one.
"""

import argparse
import itertools
import json
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from model.delta import Delta
from model.values import ValueTable, View
from torch import Tensor
from torch.nn import functional as F

from benchmarks.machine import describe
from model.config import MemoryConfig
from model.memory import MemoryContext, MemoryLayer

WIDTH = 256
MEMORY = MemoryConfig((0,), readout="direct", value_width=WIDTH)
SUB_KEYS = (256, 1_024)
BATCHES = (1, 4, 32, 128)
VERSIONS, CHANGED = (1, 16), 1_000  # versions read in one batch, slots that each changes
_INPUTS = 64


@dataclass(frozen=True)
class HotPath:
    """Median seconds at one size: the whole with views and without, their parts, and bytes a second.

    lookup      hidden states to slots and weights
    locate      slots to rows, which is all that views add
    bag         rows to their weighted sums, `locate` included
    plain       lookup and bag with slots as rows
    bag_bytes   bytes of rows that a bag sums, over the seconds of F.embedding_bag alone
    copy_bytes  bytes read and written by a copy, over its seconds
    """

    slots: int
    versions: int
    batch: int
    whole: float
    lookup: float
    locate: float
    bag: float
    plain: float
    bag_bytes: float
    copy_bytes: float

    @property
    def indirection(self) -> float:
        """What views cost, as a share of the lookup and bag that has none: 0.03 is the aim."""
        return self.whole / self.plain - 1


def timed(ways: Mapping[str, Callable[[], object]], seconds: float, device: torch.device) -> dict[str, float]:
    """Median seconds of a call of each way, for `seconds` in all and at least ten times.

    Each round has another order, because what a call leaves in the processor's cache makes the next one faster.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    finish = _synchronise(device)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(taken.values()))) < 10:
        for name in random.sample(list(ways), len(ways)):
            way = ways[name]
            finish()
            begun = time.perf_counter()
            way()
            finish()
            taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(own) for name, own in taken.items()}


def copy_rate(device: torch.device, megabytes: int, seconds: float) -> float:
    """Bytes a second that a copy of a large tensor reads and writes."""
    source = torch.ones(megabytes << 18, device=device)  # of 4 bytes
    target = torch.empty_like(source)
    taken = timed({"copy": lambda: target.copy_(source)}, seconds, device)
    return 2 * source.nbytes / taken["copy"]


def change_of(table: ValueTable, view: View, slots: int) -> Delta:
    """A delta that makes `slots` random rows of `view` a little larger, or a quarter of a table that has few."""
    chosen = torch.randperm(table.slots)[: min(slots, table.slots // 4)].sort().values
    return Delta(chosen, table.read(view, chosen).cpu() * 1.01)


def hot_paths(
    sub_keys: int, batches: Sequence[int], device: torch.device, seconds: float, memory: MemoryConfig = MEMORY
) -> list[HotPath]:
    """Times for a table of sub_keys² slots, at each batch; `seconds` for each of them."""
    torch.manual_seed(0)
    config = replace(memory, sub_keys=sub_keys)
    width = config.value_width
    places = VERSIONS[-1] + 1
    table = ValueTable(torch.randn(config.slots, width), places * CHANGED, places, "ab" * 32)
    views = [table.base]
    while len(views) < places:
        views.append(table.enter(views[-1], change_of(table, views[-1], CHANGED)))
    table.to(device)
    context = MemoryContext(table)
    layer = MemoryLayer(config, 0, width, context).to(device).eval().requires_grad_(False)
    copied = copy_rate(device, 256, seconds)
    rows = []
    for versions, batch in itertools.product(VERSIONS, batches):
        context.use(*itertools.islice(itertools.cycle(views[-versions:]), batch))
        inputs = itertools.cycle([torch.randn(batch, 1, width, device=device) for _ in range(_INPUTS)])
        with torch.inference_mode():
            taken = timed(_ways(layer, inputs), seconds, device)
        read = batch * config.heads * config.top_k * width * table.rows.element_size()
        rate = read / taken.pop("embedding_bag")
        rows.append(HotPath(config.slots, versions, batch, **taken, bag_bytes=rate, copy_bytes=copied))
    return rows


def _ways(layer: MemoryLayer, inputs: "itertools.cycle[Tensor]") -> dict[str, Callable[[], object]]:
    """The whole and its parts, each on the next input."""
    context = layer.context
    addresses = itertools.cycle([layer.address(next(inputs)) for _ in range(_INPUTS)])

    def plain(slots: Tensor, weights: Tensor) -> Tensor:
        flat, weights = slots.flatten(0, 1).flatten(1), weights.flatten(0, 1).flatten(1)
        return F.embedding_bag(flat, context.table.rows, per_sample_weights=weights, mode="sum")

    return {
        "whole": lambda: context.bag(0, *layer.address(next(inputs))),
        "plain": lambda: plain(*layer.address(next(inputs))),
        "lookup": lambda: layer.address(next(inputs)),
        "locate": lambda: context.rows_at(next(addresses)[0]),
        "bag": lambda: context.bag(0, *next(addresses)),
        "embedding_bag": lambda: plain(*next(addresses)),
    }


def table_of(rows: Sequence[HotPath]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| slots | versions | batch | with views | without | their cost | lookup | bag | locate | bag reads | copy |",
        "|" + "---|" * 11,
    ]
    for row in rows:
        times = [f"{1e6 * seconds:.0f} µs" for seconds in (row.whole, row.plain)]
        parts = [f"{1e6 * seconds:.1f} µs" for seconds in (row.lookup, row.bag, row.locate)]
        rates = [f"{rate / 1e9:.1f} GB/s" for rate in (row.bag_bytes, row.copy_bytes)]
        cells = [
            f"{row.slots:,}",
            str(row.versions),
            str(row.batch),
            *times,
            f"{100 * row.indirection:+.1f} %",
            *parts,
            *rates,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the table for the CPU, and for a GPU when there is one or it is asked for."""
    parser = argparse.ArgumentParser(description="Lookup and bag with views and without.")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="both when left out and there is a GPU")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each row of the table")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    devices = [arguments.device or "cpu"]
    if arguments.device is None and torch.cuda.is_available():
        devices.append("cuda")
    found = {}
    for device in map(torch.device, devices):
        rows = [row for n in SUB_KEYS for row in hot_paths(n, BATCHES, device, arguments.seconds)]
        found[describe(device)] = [asdict(row) for row in rows]
        print(f"\n{describe(device)}\n\n{table_of(rows)}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


def _synchronise(device: torch.device) -> Callable[[], None]:
    return torch.cuda.synchronize if device.type == "cuda" else lambda: None


if __name__ == "__main__":
    main()
