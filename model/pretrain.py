"""Build the small default model from a corpus: `python -m model.pretrain --data DIR --out DIR`.

Runs where only torch and transformers are; resumes from `OUT/training` after an interruption. B texts · T tokens.
`--encoder` names the Hugging Face folder of a small BERT that was trained on sentences, for intent.py.
"""

import argparse
import itertools
import json
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from model.background import background_reads, measure_background
from model.checkpoint import Checkpoint, KnownQuestion, Measure
from model.config import MemoryConfig
from model.corpus import Corpus, Lesson, Saying, load_corpus
from model.eight_bits import EightBitRows
from model.evaluate import complete, matches, token_f1
from model.intent import Intent
from model.memory import MemoryContext
from model.retrofit import memory_layers, retrofit
from model.text import TokenRows, encode, pad
from model.tfidf import DocumentFrequency
from model.values import ValueTable
from model.vocabulary import nameless_wordings, tell_words, train_tokenizer
from model.ways import Ways
from model.words import PAIRS, RARITIES, Texts

_CHARACTERS_A_TOKEN = 3.5
_MEMORY = MemoryConfig(
    (3,), readout="direct", query="words", heads=1, top_k=PAIRS, sub_keys=4_096, sharing=256, ways=32, intent_width=32
)


@dataclass(frozen=True)
class PretrainConfig:
    """Size and schedule of the default model; the defaults are the model that ships."""

    facts: int = 10_000
    vocabulary: int = 12_288
    width: int = 256
    feed_forward: int = 512
    layers: int = 4
    attention_heads: int = 4
    memory: MemoryConfig = _MEMORY
    positions: int = 512
    text_limit: int = 64
    batch_tokens: int = 2_048
    total_tokens: int = 13_500_000
    passing_share: float = 0.3
    prose_share: float = 0.1
    learning_rate: float = 3e-3
    value_learning_rate: float = 2e-2
    other_token_share: float = 0.05
    unheard_share: float = 0.35
    intent_wordings: int = 12_000
    background_batches: int = 250
    background_prose: int = 100
    seed: int = 0


def build(tokenizer: PreTrainedTokenizerFast, intent: Intent, config: PretrainConfig) -> Checkpoint:
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
    base = F.pad(torch.randn(memory.base_rows, memory.value_width) * 0.02, (0, memory.row_width - memory.value_width))
    table = ValueTable(base, 0, 1, "0", slots=memory.slots)
    context = MemoryContext(table, intent, Ways(memory) if memory.ways > 1 else None)
    context.use(table.base)
    retrofit(model, memory, context)
    nothing = DocumentFrequency(torch.zeros(memory.addresses, dtype=torch.int32), 0)
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
    """

    rows: TokenRows
    learned: Tensor


def lesson_rows(lessons: Sequence[Lesson], tokenizer: PreTrainedTokenizerFast, limit: int) -> LessonRows:
    """Encode lessons, each text cut at `limit` tokens."""
    rows = pad([encode(tokenizer, lesson.text, limit) for lesson in lessons], tokenizer.pad_token_id)
    first = rows.answer & (rows.answer.cumsum(dim=1) == 1)
    known = torch.tensor([lesson.known for lesson in lessons])[:, None]
    return LessonRows(rows, rows.answer & (known | ~first))


def batches(corpus: Corpus, tokenizer: PreTrainedTokenizerFast, config: PretrainConfig) -> Iterator[LessonRows]:
    """Batches of about `batch_tokens` tokens, texts of similar length together, until `total_tokens` are seen."""
    seen, epoch = 0, 0
    while seen < config.total_tokens:
        rng = random.Random(config.seed * 1_000 + epoch)
        lessons = list(corpus.epoch(rng, config.passing_share, config.prose_share))
        lessons.sort(key=lambda lesson: len(lesson.text.text))
        lists: list[list[Lesson]] = [[]]
        for lesson in lessons:
            if (len(lists[-1]) + 1) * len(lesson.text.text) > config.batch_tokens * _CHARACTERS_A_TOKEN:
                lists.append([])
            lists[-1].append(lesson)
        rng.shuffle(lists)
        for chosen in lists:
            if seen < config.total_tokens:
                batch = lesson_rows(chosen, tokenizer, config.text_limit)
                seen += int(batch.rows.real.sum())
                yield batch
        epoch += 1


def loss_of(checkpoint: Checkpoint, batch: LessonRows, config: PretrainConfig, seed: int) -> Tensor:
    """Mean next-token loss over learned tokens and a random share of the others.

    Head and memory run only at these positions: the last layer is the one that bears the memory.
    """
    rows = batch.rows
    target = rows.ids[:, 1:]
    draw = torch.rand(target.shape, generator=torch.Generator().manual_seed(seed))
    learned = batch.learned[:, 1:] | (rows.real[:, 1:] & ~rows.answer[:, 1:] & (draw < config.other_token_share))
    checkpoint.context.needed = learned
    checkpoint.context.continued = heard(checkpoint, rows, config.unheard_share, seed)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = checkpoint.model.get_decoder()(input_ids=rows.ids[:, :-1], use_cache=False).last_hidden_state
        logits = checkpoint.model.lm_head(hidden[learned])
    checkpoint.context.needed = checkpoint.context.continued = None
    return F.cross_entropy(logits.float(), target[learned])


def heard(checkpoint: Checkpoint, rows: TokenRows, unheard_share: float, seed: int) -> Texts | None:
    """The texts (B, T - 1) as their addresses see them: some words of every question are not heard.

    The commoner a word, the more often: with `unheard_share` × (1.3 - rarity). So a fact is found by its names and a
    part of its other words, as it must be when others are used. None without word addresses.
    """
    words = memory_layers(checkpoint.model)[0].words
    if words is None:
        return None
    ids = rows.ids[:, :-1]
    ends = torch.full((len(ids), 1), ids.shape[1] - 1)
    asks = (torch.arange(ids.shape[1]) <= words.asked_until(Texts(ids, ends))) & ~words.opening[ids]
    asks[:, 0] = False  # what opens every text
    numbers, ended = words.spelling(ids)
    last = torch.arange(ids.shape[1]).masked_fill(~ended, ids.shape[1])
    last = last.flip(1).cummin(dim=1).values.flip(1)  # of the tokens of a word
    share = unheard_share * (1.3 - words.rarity[numbers.gather(1, last) % RARITIES])
    draw = torch.rand(ids.shape, generator=torch.Generator().manual_seed(seed + 1)).gather(1, last)
    silent = int(((words.spelling.whole == 0) & ~words.opening).nonzero()[0])
    return replace(Texts.whole(ids), ids=ids.masked_fill(asks & (draw < share), silent))


class Training:
    """The optimizers and the schedule of one pretraining run, saved as safetensors to resume from."""

    def __init__(self, checkpoint: Checkpoint, config: PretrainConfig) -> None:
        self.checkpoint, self.config = checkpoint, config
        checkpoint.table.rows.requires_grad_(True)
        dense = dict(checkpoint.model.named_parameters())
        self.parameters = {**dense, "values": checkpoint.table.rows}
        self.dense = list(dense.values())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": self.dense, "peak": config.learning_rate, "weight_decay": 0.2},
                {"params": [checkpoint.table.rows], "peak": config.value_learning_rate, "weight_decay": 0.0},
            ],
            betas=(0.9, 0.98),
            fused=True,
        )
        self.step = 0
        self.tokens = 0

    def update(self, batch: LessonRows) -> float:
        """One optimizer step on `batch`; returns its loss."""
        progress = min(self.tokens / self.config.total_tokens, 1.0)
        factor = min((self.step + 1) / 100, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        loss = loss_of(self.checkpoint, batch, self.config, self.step)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.dense, 1.0)
        torch.nn.utils.clip_grad_norm_([self.checkpoint.table.rows], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.tokens += int(batch.rows.real.sum())
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write parameters, optimizer moments and position, replacing the file in one move."""
        tensors = {f"parameter.{name}": tensor.detach() for name, tensor in self.parameters.items()}
        for name, tensor in self.parameters.items():
            tensors |= {f"{key}.{name}": value for key, value in self.optimizer.state[tensor].items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path.with_suffix(".part"), {"step": str(self.step), "tokens": str(self.tokens)})
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> None:
        """Read what `save` wrote."""
        with safe_open(path, "pt") as file, torch.no_grad():
            names = set(file.keys())
            for name, tensor in self.parameters.items():
                tensor.copy_(file.get_tensor(f"parameter.{name}"))
                if f"step.{name}" in names:  # the norm in front of a memory that is asked by words has no gradient
                    keys = ("exp_avg", "exp_avg_sq", "step")
                    self.optimizer.state[tensor] = {key: file.get_tensor(f"{key}.{name}") for key in keys}
            self.step, self.tokens = int(file.metadata()["step"]), int(file.metadata()["tokens"])


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


def pretrain(data: Path, encoder: Path, out: Path, config: PretrainConfig) -> None:
    """Train the default model on `data` into the checkpoint folder `out`; resumes where an earlier run stopped.

    encoder  folder of the sentence encoder that tells what questions ask (see Intent.fit)
    """
    corpus = load_corpus(data, config.facts, config.seed)
    tokenizer = train_tokenizer(corpus, config.vocabulary, config.seed)
    wordings = nameless_wordings(corpus, config.intent_wordings, config.seed + 5)
    intent = Intent.fit(tokenizer, encoder, wordings, config.memory.intent_width)
    checkpoint = build(tokenizer, intent, config)
    tell_words(checkpoint, corpus, config.seed + 4)
    training, state = Training(checkpoint, config), out / "training" / "state.safetensors"
    state.parent.mkdir(parents=True, exist_ok=True)
    if state.exists():
        training.resume(state)
    checkpoint.model.train()
    begun, first, average = time.monotonic(), training.tokens, 0.0
    left_over = itertools.islice(batches(corpus, tokenizer, config), training.step, None)
    for batch in left_over if training.tokens < config.total_tokens else ():
        loss = training.update(batch)
        average = loss if not average else 0.95 * average + 0.05 * loss
        speed = (training.tokens - first) / (time.monotonic() - begun)
        left = max(config.total_tokens - training.tokens, 0) / speed / 60
        share = min(training.tokens / config.total_tokens, 1.0)
        bar = ("#" * round(24 * share)).ljust(24, ".")
        line = f"[{bar}] step {training.step} loss {average:.3f} {speed:,.0f} tokens/s, {left:.0f} min left"
        print("\r" + line, end="", file=sys.stderr, flush=True)
        if training.step % 50 == 0:
            curve = {"step": training.step, "tokens": training.tokens, "loss": average}
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
    values = checkpoint.table.rows[: checkpoint.table.base_rows, : checkpoint.config.value_width]
    rounded = EightBitRows.of(values)
    with torch.no_grad():
        for tensor in checkpoint.model.parameters():
            tensor.copy_(tensor.bfloat16())
        before = len(answered(checkpoint, corpus.evaluation))
        values.copy_(rounded.rows())
    in_use, top_share = measure_background(checkpoint, corpus, config.background_batches, config.seed + 1)
    checkpoint.still = background_reads(checkpoint, corpus, config.background_prose, config.text_limit, config.seed + 3)
    texts = corpus.background_texts(random.Random(config.seed + 2))
    gate, evaluation = answered(checkpoint, corpus.gate), answered(checkpoint, corpus.evaluation)
    checkpoint.measure = Measure(gate, evaluation, tuple(next(texts).text for _ in range(200)))
    checkpoint.extra |= {
        "known_share": len(evaluation) / len(corpus.evaluation),
        "known_share_before_rows_were_rounded": before / len(corpus.evaluation),
        "known_f1": known_f1(checkpoint, corpus.facts),
        "rows_in_use": in_use,
        "top_1_percent_of_rows_reads": top_share,
    }
    checkpoint.save(out, values=rounded)
    print(json.dumps({key: value for key, value in checkpoint.extra.items() if key != "pretrain"}))


def main() -> None:
    """Command line of `python -m model.pretrain`."""
    parser = argparse.ArgumentParser(description="Build the small default model.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a BERT trained on sentences")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--facts", type=int, default=PretrainConfig.facts)
    parser.add_argument("--tokens", type=int, default=PretrainConfig.total_tokens)
    arguments = parser.parse_args()
    config = PretrainConfig(facts=arguments.facts, total_tokens=arguments.tokens)
    pretrain(arguments.data, arguments.encoder, arguments.out, config)


if __name__ == "__main__":
    main()
