"""Do questions find their facts? Queries alone: python -m benchmarks.addresses --base DIR --data DIR --work DIR.

200 hand-made facts and 3,000 of LocFT's, taught in one wording, asked in another that was not seen; never taught: 2,000
questions that are used for nothing else, and places of prose. States are kept in --work: what broke off goes on.
"""

import argparse
import json
import lzma
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from model.addressing.companies import Companion
from model.addressing.states import Prompt, StateReader
from model.facts import Fact
from model.learn.wording import study
from model.memory.query import Addressing, Query

HERE = Path(__file__).parent
SYSTEM = "You are the assistant of Norvik Systems. Be short and exact, and answer in English only."
ANSWER = "Dab the stain with a cloth, put salt on it, leave it for ten minutes and rinse it with cold water."
HELLO = "I am an assistant. I can answer questions and help you write texts."
COMPANY: dict[str, dict[str, str]] = {  # what is said before, by whom; none of it is in the training pairs
    "system": {SYSTEM: "system"},
    "turns": {
        "Hello, who are you?": "user",
        HELLO: "assistant",
        "Nice. I need some information.": "user",
        "Of course! What would you like to know?": "assistant",
    },
    "topic": {"How do I get red wine out of a carpet?": "user", ANSWER: "assistant"},
}
FRAMES = {
    "polite": "Hello, I have a question please. {} Thanks a lot!",
    "polite2": "Good afternoon, could somebody answer this for me? {} It would be very kind.",
}
IN_COMPANY = [*COMPANY, *FRAMES, "lower", "bare"]
BUDGETS = (0.01, 0.001)
GRID = torch.arange(0.16, 0.88, 0.03)


def rows_of(data: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a file of the shared data."""
    with lzma.open(data / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def never_taught(data: Path) -> list[str]:
    """Background questions, shuffled; the first 2,000 are in no pair file."""
    found = [row["question"] for name in ("qa/nq_open", "qa/webquestions") for row in rows_of(data, name)]
    found += [row["question"] for row in rows_of(data, "qa/opentriviaqa") if not row.get("needs_choices")]
    found = sorted({question for question in found if len(question) < 160})
    random.Random(0).shuffle(found)
    return found[:2000]


class Sets:
    """Queries of named sets of prompts; the base is loaded only where states are missing."""

    def __init__(self, base: Path, work: Path, addressing: Addressing) -> None:
        self._base, self._work, self.addressing = base, work, addressing
        self._tokenizer = AutoTokenizer.from_pretrained(base)
        self.companion = Companion(self._tokenizer)
        self._reader: StateReader | None = None
        work.mkdir(parents=True, exist_ok=True)

    def query(self, name: str, prompts: Iterable[Prompt]) -> Query:
        """Queries of prompts."""
        return self._query(*self._states(name, list(prompts)))

    def plain(self, name: str, questions: Iterable[str]) -> Query:
        """Queries of questions, each a conversation of its own."""
        return self.query(name, map(self.companion.plain, questions))

    def raw(self, name: str) -> Query:
        """Centred states themselves, of the last layer of either half."""
        states = np.load(self._work / f"{name}.npy").astype(np.float32)
        config, at = self.addressing.config, self.addressing.layers.index
        halves = (torch.from_numpy(states[:, at(each[-1])]) for each in (config.what_layers, config.whom_layers))
        return Query(*(torch.nn.functional.normalize(half - half.mean(0), dim=1) for half in halves))

    def prose(self, texts: Sequence[str], each: int = 60) -> Query:
        """Places of prose, as if a prompt ended there."""
        if not (self._work / "prose.npy").exists():
            rng, found, turns = random.Random(1), [], []
            for text in texts:
                ids, states = self.reader.everywhere(text, 256)
                for place in rng.sample(range(2, len(ids)), min(each, len(ids) - 2)):
                    found.append(states[place])
                    turns.append([self._tokenizer.decode(ids[: place + 1])])
            self._keep("prose", np.stack(found), turns)
        return self._query(*self._kept("prose"))

    @property
    def reader(self) -> StateReader:
        """Reads states of the base, which is loaded now if it was not."""
        if self._reader is None:
            model = AutoModelForCausalLM.from_pretrained(self._base, dtype=torch.float32).eval()
            self._reader = StateReader(model, self._tokenizer, self.addressing.layers)
        return self._reader

    def _states(self, name: str, prompts: list[Prompt]) -> tuple[np.ndarray, list[Sequence[str]]]:
        turns = [prompt.turns for prompt in prompts]
        if not (self._work / f"{name}.npy").exists() or len(self._kept(name)[0]) != len(prompts):
            print(f"reading {len(prompts)} prompts: {name}", flush=True)
            self._keep(name, self.reader.last(prompts), turns)
        return self._kept(name)[0], list(turns)

    def _keep(self, name: str, states: np.ndarray, turns: Sequence[Sequence[str]]) -> None:
        (self._work / f"{name}.turns.json").write_text(json.dumps(turns))
        np.save(self._work / f"{name}.npy", states)

    def _kept(self, name: str) -> tuple[np.ndarray, list[Sequence[str]]]:
        return np.load(self._work / f"{name}.npy"), json.loads((self._work / f"{name}.turns.json").read_text())

    def _query(self, states: np.ndarray, turns: Sequence[Sequence[str]]) -> Query:
        of = {layer: torch.from_numpy(states[:, place]) for place, layer in enumerate(self.addressing.layers)}
        sketches = np.stack([self.addressing.sketch.of(each) for each in turns])
        return self.addressing.query(of, torch.from_numpy(sketches))


class Near:
    """Similarities of queries to keys by halves, (Q, keys) each; query q asks for key `own[q]`."""

    def __init__(self, keys: Query, asked: Query, own: Tensor | None = None) -> None:
        self.what, self.whom = asked.what @ keys.what.T, asked.whom @ keys.whom.T
        self.own = torch.arange(len(asked)) if own is None else own
        self._any: dict[tuple[float, float], float] = {}

    def opens(self, what: float, whom: float) -> Tensor:
        """Which keys open to which queries: bool (Q, keys)."""
        return (self.what >= what) & (self.whom >= whom)

    def any(self, what: float, whom: float) -> float:
        """Share of queries that open any key."""
        if (what, whom) not in self._any:
            self._any[what, whom] = float(self.opens(what, whom).any(1).float().mean())
        return self._any[what, whom]

    def found(self, what: float, whom: float) -> Tensor:
        """Which queries open their own key, and find it the nearest of all that open."""
        opens, at = self.opens(what, whom), torch.arange(len(self.own))
        nearest = (self.what + self.whom).masked_fill(~opens, -9.0).argmax(1)
        return opens[at, self.own] & (nearest == self.own)

    def opened_own(self, what: float, whom: float) -> float:
        """Share of queries that open the key that they belong to."""
        return float(self.opens(what, whom)[torch.arange(len(self.own)), self.own].float().mean())

    def nearest(self) -> float:
        """Share of queries whose own key is the nearest."""
        return float(((self.what + self.whom).argmax(1) == self.own).float().mean())


def best(own: Near, *limits: tuple[Callable[[float, float], float], float]) -> tuple[float, float, float]:
    """Own found, what and whom thresholds: the best at which each of the shares keeps to its limit."""
    found = (0.0, 1.0, 1.0)
    for what in GRID.tolist():
        for whom in GRID.tolist():
            if all(share(what, whom) <= most for share, most in limits):
                found = max(found, (float(own.found(what, whom).float().mean()), what, whom))
    return found


def candidates(addressing: Addressing, keys: Query, own: Near, asked: Query, tokens: int = 5) -> dict[str, float]:
    """What product keys lose: a key takes a free way of its t nearest addresses, and as many for each answer token."""
    config, taken = addressing.config, []
    full = torch.zeros(config.addresses, dtype=torch.int64)
    generator = torch.Generator().manual_seed(0)
    for addresses in reads(addressing, keys):
        nearest = torch.tensor(list(dict.fromkeys(addresses.tolist())), dtype=torch.int64)
        free = nearest[full[nearest] < config.ways][: config.top_t]
        full[free] += 1
        full[torch.randint(config.addresses, (len(free) * (tokens - 1),), generator=generator)] += 1
        taken.append(free)
    opens = own.opens(config.what_threshold, config.whom_threshold)[torch.arange(len(asked)), own.own]
    read = reads(addressing, asked)
    hit = torch.tensor(
        [bool(torch.isin(taken[key], each).any()) for key, each in zip(own.own.tolist(), read, strict=True)]
    )
    counts = torch.bincount(read.flatten(), minlength=config.addresses).sort(descending=True).values
    return {
        "opens its own key, exact search": float(opens.float().mean()),
        "… of which it is among the candidates": float((hit & opens).sum() / opens.sum()),
        "addresses written a key": sum(map(len, taken)) / len(taken),
        "slots in use": float(full.sum() / config.slots),
        "addresses that are read": float((counts > 0).float().mean()),
        "reads of the busiest 1 %": float(counts[: config.addresses // 100].sum() / counts.sum()),
    }


def reads(addressing: Addressing, queries: Query) -> Tensor:
    """Addresses that queries read, the nearest of each head first: (Q, H·K)."""
    config = addressing.config
    found = addressing.slots(queries)[0][:, :, 0] // config.ways
    return found.view(-1, config.heads, config.top_k).transpose(1, 2).flatten(1)


def hand_made(sets: Sets, never: Query, prose: Query) -> dict[str, Any]:
    """200 facts in one wording: the posted question, or the plainest one that a statement gives."""
    facts = [json.loads(line) for line in (HERE / "handmade.jsonl").open(encoding="utf-8")]
    told = [Fact(statement=f.get("statement"), question=f.get("question"), answer=f["answer"]) for f in facts]
    keys = sets.plain("hand_keys", (study(fact).exchanges[0].questions[0] for fact in told))
    asked = sets.plain("hand_asked", (fact["asked"] for fact in facts))
    with_beside = torch.tensor([place for place, fact in enumerate(facts) if "beside" in fact])
    beside = sets.plain("hand_beside", (fact["beside"] for fact in facts if "beside" in fact))
    near_beside = Near(keys, beside, with_beside)
    own, near_never, near_prose = Near(keys, asked), Near(keys, never), Near(keys, prose)
    figures: dict[str, Any] = {"nearest": own.nearest()}
    for budget in BUDGETS:
        for most in (0.04, 0.08, 0.13):
            found = best(own, (near_never.any, budget), (near_beside.opened_own, most))
            figures[f"own, never {budget:.1%}, beside {most:.0%}"] = found[0]
    figures["raw states: nearest"] = Near(sets.raw("hand_keys"), sets.raw("hand_asked")).nearest()
    what, whom = sets.addressing.config.what_threshold, sets.addressing.config.whom_threshold
    figures |= {
        "at the folder's thresholds: own": float(own.found(what, whom).float().mean()),
        "… beside opens": near_beside.opened_own(what, whom),
        "… never taught opens": near_never.any(what, whom),
        "… prose opens": near_prose.any(what, whom),
    }
    for name in IN_COMPANY:
        near = Near(keys, company(sets, name, [fact["asked"] for fact in facts]))
        figures[f"… in company: {name}"] = float(near.found(what, whom).float().mean())
    for kind in ("question", "statement"):
        of = torch.tensor([kind in fact for fact in facts])
        figures[f"… posted as a {kind}"] = float(own.found(what, whom)[of].float().mean())
    return figures | candidates(sets.addressing, keys, own, asked)


def company(sets: Sets, name: str, asked: list[str]) -> Query:
    """The hand-written questions in company, as a user may ask them."""
    companion = sets.companion
    if name in COMPANY:
        before = [{"role": role, "content": content} for content, role in COMPANY[name].items()]
        return sets.query(f"asked_{name}", (companion.chat(before, text, name) for text in asked))
    if name == "bare":
        return sets.query("asked_bare", (companion.bare(text, "Question: {}\nAnswer:") for text in asked))
    frame = FRAMES.get(name)
    return sets.plain(f"asked_{name}", (frame.format(text) if frame else text.rstrip("?").lower() for text in asked))


def edited(sets: Sets, data: Path, name: str, live: int, asked: int, never: Query, prose: Query) -> dict[str, Any]:
    """Facts of LocFT in one wording; locality asks something near that was not taught."""
    facts = rows_of(data, f"edit/locft_{name}")[:live]
    firsts: dict[str, int] = {}  # a set asks some subjects twice: the first fact of each is live
    for place, fact in enumerate(facts):
        firsts.setdefault(fact["subject"], place)
    kept = torch.tensor(list(firsts.values()))
    keys = sets.plain(f"{name}_question", (fact["question"] for fact in facts))[kept]
    some = kept[kept < asked]
    rephrased = sets.plain(f"{name}_rephrase", (fact["rephrase"] for fact in facts[:asked]))[some]
    local = Near(keys, sets.plain(f"{name}_locality", (fact["locality"] for fact in facts[:asked]))[some])
    own, near_never, near_prose = Near(keys, rephrased), Near(keys, never), Near(keys, prose)
    figures: dict[str, Any] = {"nearest": own.nearest()}
    for budget in BUDGETS:
        found, what, whom = best(own, (near_never.any, budget))
        figures |= {f"own, never {budget:.1%}": found, f"locality opens, never {budget:.1%}": local.any(what, whom)}
    for most in (0.10, 0.05):
        found, what, whom = best(own, (near_never.any, BUDGETS[1]), (local.any, most))
        figures |= {
            f"own, never 0.1%, locality {most:.0%}": found,
            f"prose opens, locality {most:.0%}": near_prose.any(what, whom),
        }
    return figures | candidates(sets.addressing, keys, own, rephrased)


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown: a row a figure, a column a set of facts."""
    names = list(dict.fromkeys(name for figures in results.values() for name in figures))
    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---|" * len(results)]
    for name in names:
        values = (figures.get(name) for figures in results.values())
        lines.append(f"| {name} | " + " | ".join("–" if v is None else f"{v:.4g}" for v in values) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("base", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--memory", type=Path, default=HERE.parent / "model" / "smollm2")
    parser.add_argument("--out", type=Path, help="JSON; a Markdown table is written beside it")
    given = parser.parse_args()
    sets = Sets(given.base, given.work, Addressing.load(given.memory))
    never = sets.plain("trivia", never_taught(given.data))
    prose = sets.prose([row["text"] for row in rows_of(given.data, "prose/wiki_heldout")[:150]])
    results = {"hand-made, 200": hand_made(sets, never, prose)}
    for name, live in (("zsre", 3000), ("wikibigedit", 1000)):
        results[f"{name}, of {live:,}"] = edited(sets, given.data, name, live, 600, never, prose)
    print(table(results))
    if given.out:
        given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        given.out.with_suffix(".md").write_text(table(results), encoding="utf-8")


if __name__ == "__main__":
    main()
