"""Build the small default model from a corpus: `python -m model.pretrain --data DIR --out DIR`.

Runs where only torch and transformers are; resumes from `OUT/training` after an interruption. B texts · T tokens.
"""

import argparse
import itertools
import json
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from model import access
from model.checkpoint import Checkpoint, KnownQuestion, Measure
from model.config import MemoryConfig
from model.corpus import Corpus, KnownFact, load_corpus
from model.evaluate import complete, matches
from model.memory import MemoryContext
from model.retrofit import memory_layers, retrofit
from model.text import TokenRows, encode, pad
from model.tfidf import DocumentFrequency
from model.values import ValueTable

END = "<|end|>"


@dataclass(frozen=True)
class PretrainConfig:
    """Size and schedule of the default model; the defaults are the model that ships."""

    facts: int = 6_000
    vocabulary: int = 8_192
    width: int = 256
    feed_forward: int = 512
    layers: int = 4
    attention_heads: int = 4
    memory: MemoryConfig = field(default_factory=lambda: MemoryConfig(layers=(2,)))
    positions: int = 512
    text_limit: int = 64
    batch_tokens: int = 2_048
    total_tokens: int = 5_000_000
    open_share: float = 0.03
    learning_rate: float = 3e-3
    value_learning_rate: float = 1e-2
    balance: float = 0.1
    other_token_share: float = 0.05
    background_batches: int = 300
    seed: int = 0


def train_tokenizer(corpus: Corpus, config: PretrainConfig) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer over one epoch of the corpus; one token both opens and ends a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (text.text for text in corpus.epoch(random.Random(config.seed), 1.0))
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        clean_up_tokenization_spaces=False,
    )


def build(tokenizer: PreTrainedTokenizerFast, config: PretrainConfig) -> Checkpoint:
    """An untrained model of the configured size, its table's rows ready to be trained."""
    torch.manual_seed(config.seed)
    memory = config.memory
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.width,
            intermediate_size=config.feed_forward,
            num_hidden_layers=config.layers,
            num_attention_heads=config.attention_heads,
            num_key_value_heads=config.attention_heads,
            max_position_embeddings=config.positions,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            dtype="float32",
        )
    )
    base = torch.randn(memory.slots, memory.value_width) * memory.value_width**-0.5
    table = ValueTable(base, 0, 1, "0")
    context = MemoryContext(table)
    context.use(table.base)
    retrofit(model, memory, context)
    nothing = DocumentFrequency(torch.zeros(memory.slots, dtype=torch.int32), 0)
    return Checkpoint(
        model,
        tokenizer,
        memory,
        table,
        context,
        nothing,
        Measure(),
        "",
        False,
        Path(),
        extra={"pretrain": asdict(config)},
    )


def batches(corpus: Corpus, tokenizer: PreTrainedTokenizerFast, config: PretrainConfig) -> Iterator[TokenRows]:
    """Batches of about `batch_tokens` tokens, texts of similar length together, until `total_tokens` are seen."""
    seen, epoch = 0, 0
    while seen < config.total_tokens:
        rng = random.Random(config.seed * 1_000 + epoch)
        rows = [encode(tokenizer, text, config.text_limit) for text in corpus.epoch(rng, config.open_share)]
        rows.sort(key=lambda row: len(row[0]))
        groups: list[list[tuple[list[int], list[bool]]]] = [[]]
        for row in rows:
            if (len(groups[-1]) + 1) * len(row[0]) > config.batch_tokens:
                groups.append([])
            groups[-1].append(row)
        rng.shuffle(groups)
        for group in groups:
            if seen < config.total_tokens:
                batch = pad(group, tokenizer.pad_token_id)
                seen += int(batch.real.sum())
                yield batch
        epoch += 1


def losses_of(checkpoint: Checkpoint, batch: TokenRows, other_token_share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Mean next-token loss over answer tokens and a random share of the others, and the imbalance of reads there.

    The head runs only at these positions.
    """
    target = batch.ids[:, 1:]
    draw = torch.rand(target.shape, generator=torch.Generator().manual_seed(seed))
    others = batch.real[:, 1:] & (draw < other_token_share)
    chosen = batch.answer[:, 1:] | others  # (B, T - 1)
    read: list[Tensor] = []
    layers = memory_layers(checkpoint.model)
    hooks = [layer.register_forward_pre_hook(lambda _, args: read.append(args[0])) for layer in layers]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = checkpoint.model.get_decoder()(input_ids=batch.ids[:, :-1], use_cache=False).last_hidden_state
        logits = checkpoint.model.lm_head(hidden[chosen])
    for hook in hooks:
        hook.remove()
    imbalance = torch.stack([layer.imbalance(x[chosen][None]) for layer, x in zip(layers, read, strict=True)]).mean()
    return F.cross_entropy(logits.float(), target[chosen]), imbalance


class Training:
    """The optimizers and the schedule of one pretraining run, saved as safetensors to resume from."""

    def __init__(self, checkpoint: Checkpoint, config: PretrainConfig) -> None:
        self.checkpoint, self.config = checkpoint, config
        checkpoint.table.rows.requires_grad_(True)
        self.parameters = {**dict(checkpoint.model.named_parameters()), "values": checkpoint.table.rows}
        dense = [tensor for name, tensor in self.parameters.items() if name != "values"]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": dense, "peak": config.learning_rate, "weight_decay": 0.05},
                {"params": [checkpoint.table.rows], "peak": config.value_learning_rate, "weight_decay": 0.0},
            ],
            betas=(0.9, 0.98),
            fused=True,
        )
        self.dense = dense
        self.step = 0
        self.tokens = 0

    def update(self, batch: TokenRows) -> float:
        """One optimizer step on `batch`; returns its loss."""
        progress = min(self.tokens / self.config.total_tokens, 1.0)
        factor = min((self.step + 1) / 100, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        loss, imbalance = losses_of(self.checkpoint, batch, self.config.other_token_share, self.step)
        torch.autograd.backward(loss + self.config.balance * imbalance)
        torch.nn.utils.clip_grad_norm_(self.dense, 1.0)
        torch.nn.utils.clip_grad_norm_([self.checkpoint.table.rows], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.tokens += int(batch.real.sum())
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write parameters, optimizer moments and position, replacing the file in one move."""
        tensors = {f"parameter.{name}": tensor.detach() for name, tensor in self.parameters.items()}
        for name, tensor in self.parameters.items():
            state = self.optimizer.state[tensor]
            tensors |= {f"{key}.{name}": state[key] for key in ("exp_avg", "exp_avg_sq", "step")}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path.with_suffix(".part"), {"step": str(self.step), "tokens": str(self.tokens)})
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> None:
        """Read what `save` wrote."""
        with safe_open(path, "pt") as file, torch.no_grad():
            for name, tensor in self.parameters.items():
                tensor.copy_(file.get_tensor(f"parameter.{name}"))
                keys = ("exp_avg", "exp_avg_sq", "step")
                self.optimizer.state[tensor] = {key: file.get_tensor(f"{key}.{name}") for key in keys}
            self.step, self.tokens = int(file.metadata()["step"]), int(file.metadata()["tokens"])


def measure_background(checkpoint: Checkpoint, corpus: Corpus, config: PretrainConfig) -> tuple[float, float]:
    """Fill in the document frequencies over batches of 8 × 128 tokens; returns slot usage (see access.usage)."""
    texts = corpus.background_texts(random.Random(config.seed + 1))
    stream: list[int] = []
    counts = torch.zeros(checkpoint.config.slots, dtype=torch.int32)
    kept = []
    context = checkpoint.context
    context.recording = True
    for _ in range(config.background_batches):
        while len(stream) < 8 * 128:
            stream += encode(checkpoint.tokenizer, next(texts), 512)[0][1:]
        ids = torch.tensor(stream[: 8 * 128]).view(8, 128)
        stream = stream[8 * 128 :]
        with torch.no_grad():
            checkpoint.model.get_decoder()(input_ids=ids, use_cache=False)
        slots, _ = access.count(context.reads.values(), torch.ones(8, 128, dtype=torch.bool))
        counts[slots] += 1
        kept.append(torch.cat([reads.flatten() for reads in context.reads.values()]))
    context.recording = False
    checkpoint.background = DocumentFrequency(counts, config.background_batches)
    return access.usage(torch.cat(kept), checkpoint.config.slots)


def answered(checkpoint: Checkpoint, facts: Sequence[KnownFact]) -> tuple[KnownQuestion, ...]:
    """Those of `facts` that the model answers as the corpus does."""
    prompts = [checkpoint.question_prompt(fact.question) for fact in facts]
    answers = complete(checkpoint, prompts, checkpoint.table.base)
    return tuple(
        KnownQuestion(fact.question, fact.answer)
        for fact, answer in zip(facts, answers, strict=True)
        if matches(answer, fact.answer)
    )


def pretrain(data: Path, out: Path, config: PretrainConfig) -> None:
    """Train the default model on `data` into the checkpoint folder `out`; resumes where an earlier run stopped."""
    corpus = load_corpus(data, config.facts, config.seed)
    tokenizer = train_tokenizer(corpus, config)
    checkpoint = build(tokenizer, config)
    training, state = Training(checkpoint, config), out / "training" / "state.safetensors"
    if state.exists():
        training.resume(state)
    checkpoint.model.train()
    begun, first, average = time.monotonic(), training.tokens, 0.0
    for batch in itertools.islice(batches(corpus, tokenizer, config), training.step, None):
        loss = training.update(batch)
        average = loss if not average else 0.95 * average + 0.05 * loss
        speed = (training.tokens - first) / (time.monotonic() - begun)
        left = max(config.total_tokens - training.tokens, 0) / speed / 60
        share = min(training.tokens / config.total_tokens, 1.0)
        bar = ("#" * round(24 * share)).ljust(24, ".")
        line = f"[{bar}] step {training.step} loss {average:.3f} {speed:,.0f} tokens/s, {left:.0f} min left"
        print("\r" + line, end="", file=sys.stderr, flush=True)
        if training.step % 400 == 0:
            training.save(state)
    training.save(state)
    print(file=sys.stderr)
    finish(checkpoint, corpus, config, out)


def finish(checkpoint: Checkpoint, corpus: Corpus, config: PretrainConfig, out: Path) -> None:
    """Round to 16 bits, then measure and save, so that what is measured is what ships."""
    checkpoint.table.rows.requires_grad_(False)
    checkpoint.model.eval()
    checkpoint.pretrained = True
    with torch.no_grad():
        for tensor in (*checkpoint.model.parameters(), checkpoint.table.rows):
            tensor.copy_(tensor.bfloat16())
    in_use, top_share = measure_background(checkpoint, corpus, config)
    rng = random.Random(config.seed + 2)
    texts = corpus.background_texts(rng)
    gate, evaluation = answered(checkpoint, corpus.gate), answered(checkpoint, corpus.evaluation)
    checkpoint.measure = Measure(gate, evaluation, tuple(next(texts).text for _ in range(200)))
    checkpoint.extra |= {
        "known_share": len(evaluation) / len(corpus.evaluation),
        "slots_in_use": in_use,
        "top_1_percent_of_slots_reads": top_share,
    }
    checkpoint.save(out, values=checkpoint.table.rows.bfloat16())
    print(json.dumps({key: value for key, value in checkpoint.extra.items() if key != "pretrain"}))


def main() -> None:
    """Command line of `python -m model.pretrain`."""
    parser = argparse.ArgumentParser(description="Build the small default model.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--facts", type=int, default=PretrainConfig.facts)
    parser.add_argument("--tokens", type=int, default=PretrainConfig.total_tokens)
    parser.add_argument("--open-share", type=float, default=PretrainConfig.open_share)
    arguments = parser.parse_args()
    config = PretrainConfig(facts=arguments.facts, total_tokens=arguments.tokens, open_share=arguments.open_share)
    pretrain(arguments.data, arguments.out, config)


if __name__ == "__main__":
    main()
