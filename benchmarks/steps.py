"""What does a learning step cost beside full finetuning and LoRA, and what does the number of slots cost?

`python -m benchmarks.steps depth [--model small|large]` takes steps on one batch of 16 texts of 24 tokens, by depth of
the first memory layer: ours, full finetuning (AdamW on the dense weights; the rows of the table are left out, which
makes it cheaper), LoRA. `python -m benchmarks.steps slots` learns the same facts with 65,536 to 4,194,304 slots.
Models are random and made here, no service runs, what is compared is timed in turn; both print Markdown tables.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import peft
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from model.checkpoint import Checkpoint, Measure
from model.config import FinetuneConfig, MemoryConfig
from model.continual.methods import answer_loss, dense_linears
from model.delta import Delta
from model.finetune import encoded_texts, learn
from model.group import Group
from model.memory import MemoryContext
from model.reads import Held, Reads
from model.replay import Replay
from model.retrofit import retrofit
from model.study import Probe, Study, StudyText
from model.text import TokenRows, encode, pad
from model.tfidf import DocumentFrequency
from model.values import ValueTable

TEXTS, TOKENS, ANSWER = 16, 24, 3  # of a fact; ANSWER words of a text are its answer
STEPS = 8  # over which the pass through the lower layers is shared
RANK = 16
_END = "<|end|>"
_BACKGROUND = 300  # batches
_STILL = (32, 64)  # texts and tokens of background that is held still


@dataclass(frozen=True)
class Shape:
    """A random Llama with memory; `memory.layers` is replaced by each of `depths` in turn."""

    width: int
    layers: int
    feed_forward: int
    attention_heads: int
    vocabulary: int
    memory: MemoryConfig
    depths: tuple[int, ...]


SMALL = Shape(256, 4, 512, 4, 8_192, MemoryConfig((3,), readout="direct"), (0, 1, 2, 3))
LARGE = Shape(768, 12, 2_048, 12, 16_384, MemoryConfig((6,), sub_keys=1_024, value_width=256), (3, 6, 9, 11))
NARROW = replace(SMALL, memory=MemoryConfig((3,), value_width=64))  # rows of 4 M slots are 1 GB
SUB_KEYS = (256, 512, 1_024, 2_048)


def random_checkpoint(shape: Shape, memory: MemoryConfig, table: ValueTable | None = None) -> Checkpoint:
    """A checkpoint of random weights; seeded, so that equal arguments give equal weights. Rows come from `table`."""
    torch.manual_seed(0)
    language = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.attention_heads,
        num_key_value_heads=shape.attention_heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = AutoModelForCausalLM.from_config(language, dtype=torch.float32)
    if table is None:
        rows = torch.randn(memory.slots, memory.value_width).mul_(memory.value_width**-0.5)
        table = ValueTable(rows, 65_536, 4, "ab" * 32)
    context = MemoryContext(table)
    retrofit(model, memory, context)
    model.eval().requires_grad_(False)
    counts = torch.randint(0, _BACKGROUND, (memory.slots,), dtype=torch.int32)
    background = DocumentFrequency(counts, _BACKGROUND)
    tokenizer = _word_tokenizer(shape.vocabulary)
    return Checkpoint(model, tokenizer, memory, table, context, background, Measure(), "ab" * 32, True, Path("random"))


def study(seed: int, vocabulary: int, texts: int = TEXTS) -> Study:
    """A fact in random words: texts of TOKENS tokens, begin and end included, all with the same answer."""
    words = random.Random(seed)

    def some(count: int) -> str:
        return " ".join(f"w{words.randrange(1, vocabulary)}" for _ in range(count))

    answer = some(ANSWER)
    asked = [some(TOKENS - 2 - ANSWER) for _ in range(texts + 1)]
    told = [f"{question} {answer}" for question in asked[1:]]
    spans = [(len(text) - len(answer) - 1, len(text)) for text in told]
    return Study(
        tuple(StudyText(text, (span,)) for text, span in zip(told, spans, strict=True)),
        Probe("question", asked[0], answer),
        True,
    )


class OneStep(Group):
    """A group of one fact that takes one learning step at a time."""

    @property
    def loss(self) -> float:
        """The mean answer loss before the last step, in nats a token."""
        return float(self._loss[0])

    def step(self) -> None:
        """A step as `teach` takes it, from where the last one ended."""
        self._steps[0] = self._config.max_steps - 1
        self._train({0}, 0.0)


class DenseStep:
    """Steps of AdamW on what `model` trains: forward, backward on the answer tokens, update."""

    def __init__(self, checkpoint: Checkpoint, batch: TokenRows) -> None:
        self._checkpoint, self._batch = checkpoint, batch
        trained = [parameter for parameter in checkpoint.model.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)

    def __call__(self) -> None:
        """One step."""
        torch.autograd.backward(answer_loss(self._checkpoint, self._checkpoint.table.base, self._batch))
        self._optimizer.step()
        self._optimizer.zero_grad()


@dataclass(frozen=True)
class StepTimes:
    """Median seconds of one step each; `prepare` is all that comes before a fact's first step.

    parameters  dense ones, those of the memory layer included
    """

    layer: int
    parameters: int
    prepare: float
    ours: float
    full: float
    lora: float

    @property
    def shared(self) -> float:
        """A learning step with its share of the preparation, where a fact takes STEPS."""
        return self.ours + self.prepare / STEPS


def step_times(shape: Shape, layer: int, repeats: int) -> StepTimes:
    """Times of the three kinds of step on one batch, with the first memory layer at `layer`."""
    memory = replace(shape.memory, layers=(layer,))
    ours = random_checkpoint(shape, memory)
    full, lora = (random_checkpoint(shape, memory, ours.table) for _ in range(2))
    fact, config = study(1, shape.vocabulary), FinetuneConfig(texts=TEXTS)
    batch = pad([encode(ours.tokenizer, text, 256) for text in fact.texts], 0)
    assert batch.ids.shape == (TEXTS, TOKENS)
    full.model.requires_grad_(True)
    adapters = peft.LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.0, target_modules=dense_linears(lora))
    peft.inject_adapter_in_model(adapters, lora.model)
    held, base = Held().adding(_still(ours)), ours.table.base

    def prepare() -> OneStep:
        return OneStep(ours, base, [fact], [encoded_texts(ours, fact, config)], config, held)

    times = interleaved(
        {
            "prepare": prepare,
            "ours": prepare().step,
            "full": DenseStep(full, batch),
            "lora": DenseStep(lora, batch),
        },
        repeats,
    )
    return StepTimes(layer, sum(parameter.numel() for parameter in full.model.parameters()), **times)


def interleaved(ways: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 1) -> dict[str, float]:
    """Median seconds of each way; all of them in turn, so that what else the machine does falls on all alike."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(warm_up + repeats):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if repeat >= warm_up:
                taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def print_depths(name: str, shape: Shape, repeats: int) -> None:
    """The table of `step_times` by depth."""
    print(f"\n{name}: {shape.layers} layers, width {shape.width}, {shape.memory.slots:,} slots", end=" ")
    print(f"of width {shape.memory.value_width}, {shape.memory.readout} readout\n")
    print("| memory in layer | dense parameters | full step | LoRA step | our step | / full | / LoRA |", end="")
    print(f" with 1/{STEPS} of the preparation | / full | / LoRA |\n|" + "---|" * 10)
    for layer in shape.depths:
        taken = step_times(shape, layer, repeats)
        cells = [f"{1e3 * seconds:.1f} ms" for seconds in (taken.full, taken.lora)]
        for own in (taken.ours, taken.shared):
            cells += [f"{1e3 * own:.1f} ms", f"{own / taken.full:.2f}", f"{own / taken.lora:.2f}"]
        size = f"{taken.parameters / 1e6:.1f} M"
        print(f"| {layer} of 0–{shape.layers - 1} | {size} | " + " | ".join(cells) + " |", flush=True)


@dataclass(frozen=True)
class SlotTimes:
    """Median seconds with one number of slots: learning one fact, a fact of sixteen, entering and leaving a version."""

    slots: int
    one: float
    of_sixteen: float
    version: float


def slot_times(shape: Shape, sub_keys: Sequence[int], repeats: int) -> list[SlotTimes]:
    """The same facts learned with tables of different sizes under the same dense model.

    All sizes do the same work: a fact takes STEPS steps and is asked once. As the model is random, the probe is not
    answered, and what is said to it is as long as it may be.
    """
    config = FinetuneConfig(max_steps=STEPS, stop_loss=1e-30, keep_unlearned=True)
    facts = [study(seed, shape.vocabulary, config.texts) for seed in range(16)]
    ways: dict[str, Callable[[], object]] = {}
    for n in sub_keys:
        made = random_checkpoint(shape, replace(shape.memory, sub_keys=n))
        held = Held().adding(_still(made))
        base, slots = made.table.base, torch.randperm(n * n)[: config.top_t].sort().values
        delta = Delta(slots, made.table.read(base, slots) + 1)
        ways[f"one {n}"] = lambda made=made, held=held: learn(made, made.table.base, facts[:1], config, held=held)
        ways[f"sixteen {n}"] = lambda made=made, held=held: learn(made, made.table.base, facts, config, held=held)
        ways[f"version {n}"] = lambda made=made, delta=delta: made.table.release(
            made.table.enter(made.table.base, delta)
        )
    taken = interleaved(ways, repeats)
    return [SlotTimes(n * n, taken[f"one {n}"], taken[f"sixteen {n}"] / 16, taken[f"version {n}"]) for n in sub_keys]


def print_slots(repeats: int) -> None:
    """The table of `slot_times`, each size beside the smallest."""
    print(f"\n{NARROW.layers} layers, width {NARROW.width}, memory in the last, rows of width", end=" ")
    print(f"{NARROW.memory.value_width}; {STEPS} steps a fact\n")
    print("| slots | one fact | ratio | a fact of 16 | ratio | entering and leaving a version |\n|" + "---|" * 6)
    rows = slot_times(NARROW, SUB_KEYS, repeats)
    for row in rows:
        one, of_sixteen = row.one / rows[0].one, row.of_sixteen / rows[0].of_sixteen
        cells = (f"{1e3 * row.one:.0f} ms", f"{one:.2f}", f"{1e3 * row.of_sixteen:.0f} ms", f"{of_sixteen:.2f}")
        print(f"| {row.slots:,} | " + " | ".join(cells) + f" | {1e3 * row.version:.2f} ms |")


def _word_tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """One token a word: w1, w2 … and one that opens and ends a text."""
    words = {_END: 0} | {f"w{index}": index for index in range(1, vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=_END))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=_END, eos_token=_END, pad_token=_END)


def _still(checkpoint: Checkpoint) -> Reads:
    """What the memory reads on random text, as a checkpoint's background."""
    ids = torch.randint(1, checkpoint.model.config.vocab_size, _STILL)
    real = torch.ones_like(ids, dtype=torch.bool)
    checkpoint.context.use(checkpoint.table.base)
    replay = Replay(checkpoint, TokenRows(ids, real, real), real)
    return Reads(replay.addresses.flatten(1), replay.weights.flatten(1))


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("depth", "slots"))
    parser.add_argument("--model", choices=("small", "large"), help="for depth; both when left out")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; median of {arguments.repeats}")
    if arguments.what == "slots":
        print_slots(arguments.repeats)
        return
    for name, shape in (("small", SMALL), ("large", LARGE)):
        if arguments.model in (None, name):
            print_depths(name, shape, arguments.repeats)


if __name__ == "__main__":
    main()
