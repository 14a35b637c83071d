"""A random four-layer model with a byte tokenizer: real in every part, and small enough for a test.

Run as a program it writes the checkpoint folder named on the command line.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from model.checkpoint import Checkpoint, KnownQuestion, Measure
from model.config import MemoryConfig
from model.intent import Intent, packed
from model.memory import MemoryContext
from model.retrofit import memory_layers, retrofit
from model.tfidf import DocumentFrequency
from model.values import ValueTable
from model.ways import Ways
from model.words import PAIRS

END = "<|end|>"
SIZE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "vocab_size": 257,
    "bos_token_id": 256,
    "eos_token_id": 256,
    "pad_token_id": 256,
    "dtype": "float32",
}
MEMORY = MemoryConfig(layers=(2,), heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
WORDS = replace(MEMORY, query="words", heads=1, top_k=PAIRS, sub_keys=32, sharing=4)
KEYED = replace(WORDS, layers=(3,), readout="direct", sub_keys=128, intent_width=8)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and one that opens and ends a text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END)


def llama() -> LlamaConfig:
    return LlamaConfig(**SIZE, tie_word_embeddings=False)


def qwen3() -> Qwen3Config:
    return Qwen3Config(**SIZE, head_dim=16, tie_word_embeddings=True)


def encoder(layers: int = 1) -> BertConfig:
    return BertConfig(
        vocab_size=257,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )


def pieces() -> Tokenizer:
    """Letters as word pieces."""
    return Tokenizer.from_str(byte_tokenizer().backend_tokenizer.to_str())


def encoder_folder(folder: Path) -> Path:
    """Write an encoder with random weights as Hugging Face does; returns the folder."""
    torch.manual_seed(0)
    BertModel(encoder()).save_pretrained(folder)
    pieces().save(str(folder / "tokenizer.json"))
    return folder


def intent(width: int, seed: int = 0) -> Intent:
    """An encoder with random weights along random axes."""
    torch.manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(32, width)).Q.T.contiguous()
    weights = packed(BertModel(encoder(), add_pooling_layer=False).state_dict())
    return Intent(byte_tokenizer(), encoder(), pieces(), {**weights, "axes": axes, "centre": torch.zeros(width)})


def hearing(letters: str, width: int) -> Intent:
    """One that hears some letters alone, each along an axis of its own."""
    config = encoder(layers=0)
    weights = BertModel(config, add_pooling_layer=False).state_dict()
    for name, tensor in weights.items():
        tensor.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
    words = weights["embeddings.word_embeddings.weight"]
    for axis, letter in enumerate(letters):
        words[byte_tokenizer().encode(letter), axis] = 1.0
    axes = torch.eye(width, 32)
    silent = torch.zeros(width)
    return Intent(byte_tokenizer(), config, pieces(), {**packed(weights), "axes": axes, "centre": silent})


def build(
    language: PretrainedConfig | None = None,
    memory: MemoryConfig = MEMORY,
    *,
    spare_rows: int = 256,
    places: int = 8,
    pretrained: bool = True,
    seed: int = 0,
) -> Checkpoint:
    """A checkpoint in memory, with random weights."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(language or llama())
    rows = torch.randn(memory.base_rows, memory.value_width)
    rows = F.pad(rows, (0, memory.row_width - memory.value_width))
    table = ValueTable(rows, spare_rows, places, "ab" * 32, slots=memory.slots)
    ways = Ways(memory) if memory.ways > 1 else None
    context = MemoryContext(table, intent(memory.intent_width) if memory.intent_width else None, ways)
    retrofit(model, memory, context)
    for layer in memory_layers(model):
        if layer.words is not None:
            layer.words.opening[byte_tokenizer().encode("\n")] = True
            layer.words.rarity[:258] = torch.linspace(0.5, 1.0, 258)  # of single letters, no two alike
    model.lm_head.weight.data *= 25  # logits of a usual size, so that a fact can be learned
    model.eval().requires_grad_(False)
    counts = torch.randint(0, 4, (memory.addresses,), dtype=torch.int32)
    known = tuple(KnownQuestion(f"What is {letter}?", letter) for letter in "abcd")
    measure = Measure(known, known, ("a text about nothing", "another text"))
    return Checkpoint(
        model,
        byte_tokenizer(),
        memory,
        table,
        context,
        DocumentFrequency(counts, 8),
        measure,
        "ab" * 32,
        pretrained,
        Path("tiny"),
        weight_dtype=torch.float32,
    )


def checkpoint(folder: Path) -> Path:
    """Write a checkpoint folder that counts as pretrained; returns the folder."""
    build().save(folder)
    return folder


if __name__ == "__main__":
    checkpoint(Path(sys.argv[1]))
