"""Do rows leave the slots that traffic reads? `python -m benchmarks.slots [--facts 100]`.

The same hand-made facts are taught to the base three times: with no traffic counted; after a day of 20,000 questions
about other things (facts of the set that are not taught, questions beside them, about other subjects, of no fact at
all; a few of them asked often, as people do); and after a day in which four in ten questions also ask what is then
taught. Then: how many of the slots that rows at the beginnings of answers got lie at the addresses that this traffic
reads most, and is a fact still found by a wording that no key was made of?
A row opens only where key, thresholds and demand are met, whatever reads its slot: this is about room, not about
what is answered.
And what counting costs the engine's thread.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

import torch

from benchmarks.handmade import HERE, Handmade, World, read
from benchmarks.machine import describe
from model.base.prompts import Prompt
from model.learn.passes import Passes
from model.memory.memory import Asked, Looked
from model.memory.stem import EMPTY
from model.memory.table import View
from model.memory.traffic import Traffic, TrafficCounter

_DAY = 20_000  # questions
_HOT = 0.05  # share of all addresses that counts as the most read
_TIMES = 10_000


class Day:
    """Questions of callers, each with the addresses that it reads; some are asked far more often than others."""

    def __init__(self, world: World, asked: Sequence[Asked], seed: int) -> None:
        draw = random.Random(seed)
        order = draw.sample(range(len(asked)), len(asked))
        weights = list(accumulate(1 / (1 + rank) for rank in range(len(order))))  # by Zipf
        times = Counter(draw.choices(order, cum_weights=weights, k=_DAY))
        ways = world.checkpoint.memory.addressing.config.ways
        reads: Counter[int] = Counter()
        for question, count in times.items():
            for address in torch.unique(asked[question].slots[:, 0] // ways).tolist():
                reads[address] += count
        self.traffic = Traffic(_DAY, reads)

    def hot(self, addresses: int) -> set[int]:
        """The most read of so many addresses."""
        return {address for address, _ in Counter(self.traffic.reads).most_common(int(_HOT * addresses))}


class Taught:
    """Facts taught to the base after some traffic: where their rows came to stand, and what finds them."""

    def __init__(self, world: World, facts: Sequence[Handmade], traffic: Traffic, asked: Sequence[Asked]) -> None:
        table, memory = world.checkpoint.table, world.checkpoint.memory
        learned = world.teacher.learn(table.base, [each.fact for each in facts], traffic=traffic)
        if learned.delta is None:
            raise SystemExit("no fact was learned")
        view = table.enter(table.base, learned.delta)
        self.learned = sum(report.learned for report in learned.reports)
        self.addresses = _first_addresses(world, view)
        opened = memory.read([Looked(each, view) for each in asked])
        self.found = sum(row is not None and row.fact == each.fact.id for row, each in zip(opened, facts, strict=True))
        table.release(view)

    def share(self, hot: set[int]) -> float:
        """Of its slots, those at hot addresses."""
        return sum(address in hot for address in self.addresses) / len(self.addresses)


def _first_addresses(world: World, view: View) -> list[int]:
    """The address of every slot whose row stands where an answer begins: stems send later rows anywhere."""
    memory = world.checkpoint.memory
    slots = memory.table.changed_slots(view)
    stems = memory.layout.stems(memory.table.rows, memory.table.rows_of(view, slots).long())
    return (slots[stems.cpu() == EMPTY] // memory.addressing.config.ways).tolist()


def _questions(world: World, others: Sequence[Handmade]) -> list[Prompt]:
    """What callers ask who ask nothing that is taught."""
    found = [each.asked for each in others] + [each.beside for each in others if each.beside]
    for name in ("neighbours", "qualifiers"):
        lines = (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        found += [json.loads(line)["question"] for line in lines]
    general = (HERE / "general.jsonl").read_text(encoding="utf-8").splitlines()
    found += [json.loads(line)["messages"][-1] for line in general]
    return [world.question(each) for each in found]


def _cost(world: World, asked: Sequence[Asked]) -> tuple[float, float]:
    """Microseconds of processor time that one question costs, and milliseconds of taking a batch."""
    counter = TrafficCounter(world.checkpoint.memory)
    began = time.thread_time()
    for number in range(_TIMES):
        counter.count(asked[number % len(asked)])
    counted = time.thread_time()
    counter.take()
    return 1e6 * (counted - began) / _TIMES, 1e3 * (time.thread_time() - counted)


def run(count: int) -> dict[str, object]:
    """All figures of one run."""
    world, every = World(), read(HERE / "handmade.jsonl")
    facts, others = every[::2][:count], every[1::2]
    passes, addresses = Passes(world.checkpoint), world.checkpoint.memory.addressing.config.addresses
    own = passes.asked([world.question(each.asked) for each in facts])
    rest = passes.asked(_questions(world, others))
    other = Day(world, rest, seed=1)
    busy = Day(world, [*rest, *own * (len(rest) // (2 * len(own)) + 1)], seed=2)
    figures: dict[str, object] = {"machine": describe(), "facts": len(facts), "questions a day": _DAY}
    quiet = Taught(world, facts, Traffic(), own)
    for name, day in (("about other things", other), ("also about what is taught", busy)):
        after, hot = Taught(world, facts, day.traffic, own), day.hot(addresses)
        figures[f"traffic {name}"] = {
            "addresses read": len(day.traffic.reads),
            f"of the slots, at the {len(hot)} most read: before, after": [quiet.share(hot), after.share(hot)],
            "learned: before, after": [quiet.learned, after.learned],
            "found in an unseen wording: before, after": [quiet.found, after.found],
        }
    figures["counting a question, us; taking a batch, ms"] = _cost(world, own)
    return figures


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=100)
    print(json.dumps(run(parser.parse_args().facts), indent=1))


if __name__ == "__main__":
    main()
