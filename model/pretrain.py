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
from model.checkpoint import Checkpoint, EightBitRows, KnownQuestion, Measure
from model.config import MemoryConfig
from model.corpus import Corpus, Lesson, Saying, load_corpus
from model.evaluate import complete, matches, token_f1
from model.memory import MemoryContext
from model.reads import Reads, joined
from model.replay import Replay
from model.retrofit import memory_layers, retrofit
from model.text import TokenRows, encode, pad
from model.tfidf import DocumentFrequency
from model.values import ValueTable

END = "<|end|>"
_ANSWER_PLACES = 4  # answer tokens whose addresses are told apart
_CHARACTERS_A_TOKEN = 3.5


@dataclass(frozen=True)
class PretrainConfig:
    """Size and schedule of the default model; the defaults are the model that ships."""

    facts: int = 6_000
    vocabulary: int = 8_192
    width: int = 256
    feed_forward: int = 512
    layers: int = 4
    attention_heads: int = 4
    memory: MemoryConfig = field(default_factory=lambda: MemoryConfig(layers=(3,), readout="direct"))
    positions: int = 512
    text_limit: int = 64
    batch_tokens: int = 2_048
    total_tokens: int = 8_500_000
    passing_share: float = 0.35
    prose_share: float = 0.1
    learning_rate: float = 3e-3
    value_learning_rate: float = 2e-2
    balance: float = 0.1
    contrast: float = 0.5
    temperature: float = 0.07
    other_token_share: float = 0.05
    background_batches: int = 300
    background_prose: int = 100
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
    epoch = corpus.epoch(random.Random(config.seed), 1.0, 1.0)
    texts = (lesson.text.text for group in epoch for lesson in group)
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
    base = torch.randn(memory.slots, memory.value_width) * 0.02
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


@dataclass(frozen=True)
class LessonRows:
    """A padded batch of lessons.

    rows     the tokens; answer marks are those of the texts
    learned  (B, T) bool, tokens that carry loss
    meaning  (B, T) int64, equal for the same answer token of lessons that say the same; -1 elsewhere
    """

    rows: TokenRows
    learned: Tensor
    meaning: Tensor


def lesson_rows(lessons: Sequence[Lesson], tokenizer: PreTrainedTokenizerFast, limit: int) -> LessonRows:
    """Encode lessons, each text cut at `limit` tokens."""
    rows = pad([encode(tokenizer, lesson.text, limit) for lesson in lessons], tokenizer.pad_token_id)
    place = rows.answer.cumsum(dim=1) - 1  # of a token in its answer
    meanings = torch.tensor([lesson.meaning for lesson in lessons])[:, None]
    known = torch.tensor([lesson.known for lesson in lessons])[:, None]
    labelled = rows.answer & (meanings >= 0) & (place < _ANSWER_PLACES)
    meaning = torch.where(labelled, meanings * _ANSWER_PLACES + place, -1)
    return LessonRows(rows, rows.answer & (known | (place > 0)), meaning)


def batches(corpus: Corpus, tokenizer: PreTrainedTokenizerFast, config: PretrainConfig) -> Iterator[LessonRows]:
    """Batches of about `batch_tokens` tokens, texts of similar length together, until `total_tokens` are seen."""
    seen, epoch = 0, 0
    while seen < config.total_tokens:
        rng = random.Random(config.seed * 1_000 + epoch)
        groups = list(corpus.epoch(rng, config.passing_share, config.prose_share))
        groups.sort(key=lambda group: max(len(lesson.text.text) for lesson in group))
        lists: list[list[Lesson]] = [[]]
        for group in groups:
            longest = max(len(lesson.text.text) for lesson in group)
            if (len(lists[-1]) + len(group)) * longest > config.batch_tokens * _CHARACTERS_A_TOKEN:
                lists.append([])
            lists[-1] += group
        rng.shuffle(lists)
        for lessons in lists:
            if seen < config.total_tokens:
                batch = lesson_rows(lessons, tokenizer, config.text_limit)
                seen += int(batch.rows.real.sum())
                yield batch
        epoch += 1


def contrast(queries: Tensor, meaning: Tensor, temperature: float) -> Tensor:
    """How badly queries tell meanings apart, in nats: queries (P, H, 2, d) of norm sqrt(d), meaning (P,) int64.

    The supervised contrastive loss of Khosla et al. 2020, https://arxiv.org/abs/2004.11362, equation 2, over the
    mean cosine of the half-queries: it makes all wordings of a question read the same slots, and other questions
    others.
    """
    P = len(queries)
    flat = queries.flatten(start_dim=1)
    similarity = flat @ flat.T / (flat.shape[1] * temperature)
    itself = torch.eye(P, dtype=torch.bool)
    same = (meaning[:, None] == meaning[None]) & ~itself
    log_share = similarity - similarity.masked_fill(itself, -math.inf).logsumexp(dim=1, keepdim=True)
    paired = same.any(dim=1)
    return -((log_share * same).sum(dim=1)[paired] / same.sum(dim=1)[paired]).sum() / max(int(paired.sum()), 1)


def losses_of(checkpoint: Checkpoint, batch: LessonRows, config: PretrainConfig, seed: int) -> tuple[Tensor, ...]:
    """Mean next-token loss over learned tokens and a random share of the others; imbalance of reads; contrast.

    Head and memory run only at the positions that these need: the last layer is the one that bears the memory.
    """
    rows = batch.rows
    target, meaning = rows.ids[:, 1:], batch.meaning[:, 1:]
    draw = torch.rand(target.shape, generator=torch.Generator().manual_seed(seed))
    learned = batch.learned[:, 1:] | (rows.real[:, 1:] & ~rows.answer[:, 1:] & (draw < config.other_token_share))
    needed = learned | (meaning >= 0)  # (B, T - 1)
    (layer,) = memory_layers(checkpoint.model)
    read: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, args: read.append(args[0]))
    checkpoint.context.needed = needed
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = checkpoint.model.get_decoder()(input_ids=rows.ids[:, :-1], use_cache=False).last_hidden_state
        logits = checkpoint.model.lm_head(hidden[learned])
    checkpoint.context.needed = None
    hook.remove()
    x = read[0][needed][None]
    marked = meaning[needed] >= 0
    queries = layer.half_queries(x)[0][marked]
    return (
        F.cross_entropy(logits.float(), target[learned]),
        layer.imbalance(x),
        contrast(queries, meaning[needed][marked], config.temperature),
    )


class Training:
    """The optimizers and the schedule of one pretraining run, saved as safetensors to resume from."""

    def __init__(self, checkpoint: Checkpoint, config: PretrainConfig) -> None:
        self.checkpoint, self.config = checkpoint, config
        checkpoint.table.rows.requires_grad_(True)
        self.parameters = {**dict(checkpoint.model.named_parameters()), "values": checkpoint.table.rows}
        dense = [tensor for name, tensor in self.parameters.items() if name != "values"]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": dense, "peak": config.learning_rate, "weight_decay": 0.2},
                {"params": [checkpoint.table.rows], "peak": config.value_learning_rate, "weight_decay": 0.0},
            ],
            betas=(0.9, 0.98),
            fused=True,
        )
        self.dense = dense
        self.step = 0
        self.tokens = 0

    def update(self, batch: LessonRows) -> tuple[float, float]:
        """One optimizer step on `batch`; returns its loss and its contrast."""
        progress = min(self.tokens / self.config.total_tokens, 1.0)
        factor = min((self.step + 1) / 100, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        loss, imbalance, apart = losses_of(self.checkpoint, batch, self.config, self.step)
        torch.autograd.backward(loss + self.config.balance * imbalance + self.config.contrast * apart)
        torch.nn.utils.clip_grad_norm_(self.dense, 1.0)
        torch.nn.utils.clip_grad_norm_([self.checkpoint.table.rows], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.tokens += int(batch.rows.real.sum())
        return float(loss.detach()), float(apart.detach())

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
    context.use(checkpoint.table.base)
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


def background_reads(checkpoint: Checkpoint, corpus: Corpus, config: PretrainConfig) -> Reads | None:
    """What one text of every background fact reads in front of its answer, and some prose at every token."""
    rng = random.Random(config.seed + 3)
    texts = [rng.choice(saying.texts) for saying in corpus.background]
    texts += rng.sample(corpus.prose, min(config.background_prose, len(corpus.prose)))
    rows = sorted(
        (encode(checkpoint.tokenizer, text, config.text_limit) for text in texts), key=lambda row: len(row[0])
    )
    checkpoint.context.use(checkpoint.table.base)
    parts = []
    for start in range(0, len(rows), 128):
        replay = Replay(checkpoint, pad(rows[start : start + 128], checkpoint.tokenizer.pad_token_id))
        parts.append(Reads(replay.slots.flatten(1), replay.weights.flatten(1)))
    return joined(parts)


def answers_to(checkpoint: Checkpoint, asked: Sequence[KnownQuestion]) -> list[str]:
    """What the base model says to each question."""
    prompts = [checkpoint.question_prompt(known.question) for known in asked]
    return complete(checkpoint, prompts, checkpoint.table.base)


def answered(checkpoint: Checkpoint, facts: Sequence[Saying]) -> tuple[KnownQuestion, ...]:
    """Those of `facts` that the model answers as the corpus does, asked in a wording that was in no text."""
    asked = [KnownQuestion(fact.unseen[0], fact.answer) for fact in facts if fact.unseen]
    said = answers_to(checkpoint, asked)
    return tuple(known for known, answer in zip(asked, said, strict=True) if matches(answer, known.answer))


def known_f1(checkpoint: Checkpoint, facts: Sequence[Saying]) -> float:
    """Mean token F1 over `facts`, each asked in all wordings that were in no text."""
    asked = [KnownQuestion(question, fact.answer) for fact in facts for question in fact.unseen]
    said = answers_to(checkpoint, asked)
    return sum(token_f1(answer, known.answer) for known, answer in zip(asked, said, strict=True)) / max(len(asked), 1)


def pretrain(data: Path, out: Path, config: PretrainConfig) -> None:
    """Train the default model on `data` into the checkpoint folder `out`; resumes where an earlier run stopped."""
    corpus = load_corpus(data, config.facts, config.seed)
    tokenizer = train_tokenizer(corpus, config)
    checkpoint = build(tokenizer, config)
    training, state = Training(checkpoint, config), out / "training" / "state.safetensors"
    state.parent.mkdir(parents=True, exist_ok=True)
    if state.exists():
        training.resume(state)
    checkpoint.model.train()
    begun, first, average, average_apart = time.monotonic(), training.tokens, 0.0, 0.0
    left_over = itertools.islice(batches(corpus, tokenizer, config), training.step, None)
    for batch in left_over if training.tokens < config.total_tokens else ():
        loss, apart = training.update(batch)
        average = loss if not average else 0.95 * average + 0.05 * loss
        average_apart = apart if not average_apart else 0.95 * average_apart + 0.05 * apart
        speed = (training.tokens - first) / (time.monotonic() - begun)
        left = max(config.total_tokens - training.tokens, 0) / speed / 60
        share = min(training.tokens / config.total_tokens, 1.0)
        bar = ("#" * round(24 * share)).ljust(24, ".")
        at = f"step {training.step} loss {average:.3f} contrast {average_apart:.3f}"
        line = f"[{bar}] {at} {speed:,.0f} tokens/s, {left:.0f} min left"
        print("\r" + line, end="", file=sys.stderr, flush=True)
        if training.step % 50 == 0:
            curve = {"step": training.step, "tokens": training.tokens, "loss": average, "contrast": average_apart}
            with (out / "training" / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(curve) + "\n")
        if training.step % 400 == 0:
            training.save(state)
    training.save(state)
    print(file=sys.stderr)
    finish(checkpoint, corpus, config, out)


def finish(checkpoint: Checkpoint, corpus: Corpus, config: PretrainConfig, out: Path) -> None:
    """Round as it is stored, then measure and save, so that what is measured is what ships."""
    checkpoint.table.rows.requires_grad_(False)
    checkpoint.model.eval()
    checkpoint.pretrained = True
    exact = checkpoint.table.rows[: checkpoint.config.slots].clone()
    rounded = EightBitRows.of(exact)
    with torch.no_grad():
        for tensor in checkpoint.model.parameters():
            tensor.copy_(tensor.bfloat16())
        before = len(answered(checkpoint, corpus.evaluation))
        checkpoint.table.rows[: checkpoint.config.slots] = rounded.rows()
    in_use, top_share = measure_background(checkpoint, corpus, config)
    checkpoint.still = background_reads(checkpoint, corpus, config)
    texts = corpus.background_texts(random.Random(config.seed + 2))
    gate, evaluation = answered(checkpoint, corpus.gate), answered(checkpoint, corpus.evaluation)
    checkpoint.measure = Measure(gate, evaluation, tuple(next(texts).text for _ in range(200)))
    checkpoint.extra |= {
        "known_share": len(evaluation) / len(corpus.evaluation),
        "known_share_before_rows_were_rounded": before / len(corpus.evaluation),
        "known_f1": known_f1(checkpoint, corpus.facts),
        "slots_in_use": in_use,
        "top_1_percent_of_slots_reads": top_share,
    }
    checkpoint.save(out, values=rounded)
    print(json.dumps({key: value for key, value in checkpoint.extra.items() if key != "pretrain"}))


def main() -> None:
    """Command line of `python -m model.pretrain`."""
    parser = argparse.ArgumentParser(description="Build the small default model.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--facts", type=int, default=PretrainConfig.facts)
    parser.add_argument("--tokens", type=int, default=PretrainConfig.total_tokens)
    arguments = parser.parse_args()
    config = PretrainConfig(facts=arguments.facts, total_tokens=arguments.tokens)
    pretrain(arguments.data, arguments.out, config)


if __name__ == "__main__":
    main()
