"""A random four-layer model with a byte tokenizer and a random memory: real in every part, small enough for a test.

Run as a program it writes a base and its memory folder into the folder named on the command line.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPTNeoXConfig,
    LlamaConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from model.base.attach import Attachment
from model.base.checkpoint import Checkpoint, fingerprint_of_base
from model.base.prompts import Prompts
from model.config import MemoryConfig
from model.memory.memory import Memory
from model.memory.query import ADDRESSING, SHAPE, STATISTICS, Addressing, Background, Query
from model.memory.rows import RowLayout
from model.memory.table import ValueTable

START, END = "<|start|>", "<|end|>"
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
FINGERPRINT = "ab" * 32
POSITIONS = 1024
SIZE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": POSITIONS,
    "vocab_size": 258,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 257,
    "dtype": "float32",
}
MEMORY = MemoryConfig(
    what_layers=(1,),
    whom_layers=(1, 3),
    what_width=16,
    whom_width=16,
    sketch_width=16,
    sketch_share=0.5,
    idf_power=1.0,
    earlier_turns=0.3,
    sub_keys=32,
    ways=4,
    heads=2,
    top_k=16,
    top_t=4,
    value_width=32,
    what_threshold=0.7,
    whom_threshold=0.7,
)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, one that opens a turn and one that ends it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([START, END])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=END)
    fast.chat_template = TEMPLATE
    return fast


def llama() -> LlamaConfig:
    return LlamaConfig(**SIZE, tie_word_embeddings=False)


def qwen3() -> Qwen3Config:
    return Qwen3Config(**SIZE, head_dim=16, tie_word_embeddings=True)


def gemma3() -> Gemma3TextConfig:
    return Gemma3TextConfig(**SIZE, head_dim=16, sliding_window=POSITIONS, query_pre_attn_scalar=16)


def gpt_neox() -> GPTNeoXConfig:
    size = {name: value for name, value in SIZE.items() if name != "num_key_value_heads"}
    return GPTNeoXConfig(**size, tie_word_embeddings=False)


def addressing_tensors(config: MemoryConfig = MEMORY, seed: int = 0) -> dict[str, torch.Tensor]:
    """What a memory folder holds, drawn at random."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    D, B = config.value_width, config.whom_width + config.sketch_width
    return {
        "what.weight": drawn(config.what_width, len(config.what_layers) * D),
        "what.centre": torch.zeros(len(config.what_layers) * D),
        "whom.weight": drawn(config.whom_width, len(config.whom_layers) * D),
        "whom.centre": torch.zeros(len(config.whom_layers) * D),
        "what.sub_keys": F.normalize(drawn(config.heads, config.sub_keys, config.what_width), dim=2),
        "whom.sub_keys": F.normalize(drawn(config.heads, config.sub_keys, B), dim=2),
        "rarity.words": torch.empty(0, dtype=torch.int32),
        "rarity.levels": torch.empty(0, dtype=torch.float16),
        "document_frequency": torch.randint(0, 4, (config.addresses,), generator=generator, dtype=torch.uint8),
        "bank.what": F.normalize(drawn(64, config.what_width), dim=1).half(),
        "bank.whom": F.normalize(drawn(64, B), dim=1).half(),
    }


def addressing(config: MemoryConfig = MEMORY, base: str = FINGERPRINT, seed: int = 0) -> Addressing:
    tensors = addressing_tensors(config, seed)
    bank = Query(tensors.pop("bank.what").float(), tensors.pop("bank.whom").float())
    return Addressing(config, base, Background(tensors.pop("document_frequency").float(), 1_000, bank), tensors)


def language_model(language: PretrainedConfig | None = None, seed: int = 0):
    """A random language model whose logits have a usual size."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(language or llama())
    if not model.config.tie_word_embeddings:
        model.get_output_embeddings().weight.data *= 25
    return model.eval().requires_grad_(False)


def build(
    language: PretrainedConfig | None = None,
    config: MemoryConfig = MEMORY,
    *,
    spare_rows: int = 4096,
    places: int = 8,
    seed: int = 0,
) -> Checkpoint:
    """A checkpoint in memory, with random weights."""
    model = language_model(language, seed)
    table = ValueTable(config.slots, RowLayout(config).width, spare_rows, places, FINGERPRINT)
    memory = Memory(addressing(config), table)
    prompts = Prompts(byte_tokenizer(), POSITIONS)
    return Checkpoint(model, prompts, memory, Attachment(model, memory), FINGERPRINT, "tiny")


def base(folder: Path) -> Path:
    """Write a base as Hugging Face does; returns the folder."""
    language_model().save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def memory(folder: Path, base: Path, seed: int = 0) -> Path:
    """Write the memory folder of a base; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = addressing_tensors(seed=seed)
    counted = {"rarity.words", "rarity.levels", "document_frequency", "bank.what", "bank.whom"}
    save_file({name: each for name, each in tensors.items() if name not in counted}, folder / ADDRESSING)
    save_file({name: each for name, each in tensors.items() if name in counted}, folder / STATISTICS)
    shape = {"format": 1, "base": fingerprint_of_base(base), "config": asdict(MEMORY), "background": {"queries": 1_000}}
    (folder / SHAPE).write_text(json.dumps(shape), encoding="utf-8")
    return folder


def folders(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """Write a base and its memory folder below `folder`; returns both."""
    of_base = base(folder / "base")
    return of_base, memory(folder / "memory", of_base, seed)


if __name__ == "__main__":
    folders(Path(sys.argv[1]))
