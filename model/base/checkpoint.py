"""A base and a memory folder, loaded together: everything that learns and answers needs.

The fingerprint covers the base's configuration, weights and tokenizer, and the memory folder: another one of either
makes all rows meaningless. No pickle is read.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from model.base.attach import Attachment
from model.base.prompts import Prompts
from model.base.source import SOURCE, Say, base_folder
from model.base.weights import pack
from model.errors import CheckpointError
from model.memory.memory import Memory
from model.memory.query import ADDRESSING, SHAPE, STATISTICS, Addressing
from model.memory.rows import LAYOUT, RowLayout
from model.memory.table import ValueTable

SPARE_ROWS = 1 << 20  # 2.0 GB where rows are 934 wide, taken from the machine as they are written
_OF_A_BASE = ("*.safetensors", "config.json", "generation_config.json", "tokenizer*", "*.jinja", "special_tokens*")
_NATIVE = ("avx512_bf16", "amx_bf16")


@dataclass
class Checkpoint:
    """A frozen model with its memory. One thread at a time may run the model; views can be built from any thread.

    fingerprint  of base and memory folder, in hex
    base         the base's name in errors: where it came from
    """

    model: PreTrainedModel
    prompts: Prompts
    memory: Memory
    attachment: Attachment
    fingerprint: str
    base: str

    @property
    def table(self) -> ValueTable:
        """The rows of all versions."""
        return self.memory.table

    @property
    def positions(self) -> int:
        """How many positions the model has, prompt and answer together."""
        return self.prompts.positions

    @classmethod
    def load(
        cls,
        base: str,
        memory: Path,
        *,
        spare_rows: int = SPARE_ROWS,
        places: int = 16,
        device: str = "cpu",
        say: Say = lambda line: None,
    ) -> "Checkpoint":
        """Load a base (see source.py) and the memory folder that was made for it.

        spare_rows  rows for versions; places, views resident at once
        Raises CheckpointError that names the folder and what is wrong with it.
        """
        folder = base_folder(base, say)
        of_base = fingerprint_of_base(folder)
        addressing = Addressing.load(memory)
        if addressing.base != of_base:
            raise CheckpointError(
                f"the memory folder {memory} was made for the base {addressing.base}; {folder} is {of_base}. "
                "`slotwise attach` makes one for it"
            )
        fingerprint = fingerprint_of(of_base, memory)
        model, prompts = load_base(folder, device)
        pack(model)
        addressing.to(torch.device(device))
        config = addressing.config
        table = ValueTable(config.slots, RowLayout(config).width, spare_rows, places, fingerprint)
        if device != "cpu":
            table.to(torch.device(device))
        beside = Memory(addressing, table)
        return cls(model, prompts, beside, Attachment(model, beside), fingerprint, base or str(folder))


def load_base(folder: Path, device: str = "cpu") -> tuple[PreTrainedModel, Prompts]:
    """The frozen model of a Hugging Face folder and its prompts, as the processor is quickest at.

    Raises CheckpointError that names the folder and what is wrong with it.
    """
    try:
        config: Any = AutoConfig.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=_dtype(device), use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"the base {folder} cannot be read: {error}") from error
    model.to(device).eval().requires_grad_(False)
    ends = model.generation_config.eos_token_id  # one, several or none
    every = ends if isinstance(ends, list) else [] if ends is None else [ends]
    try:
        return model, Prompts(tokenizer, int(config.get_text_config().max_position_embeddings), every)
    except CheckpointError as error:
        raise CheckpointError(f"the base {folder}: {error}") from error


def fingerprint_of_base(folder: Path) -> str:
    """SHA-256 over the names and bytes of a base's configuration, weights and tokenizer, in hex.

    Of a folder that was made from a GGUF file it is that file's: what one version of transformers makes of it may be
    written otherwise by the next.
    """
    made_from = folder / SOURCE
    if made_from.is_file():
        return str(json.loads(made_from.read_text(encoding="utf-8"))["sha256"])
    return _digest(path for pattern in _OF_A_BASE for path in folder.glob(pattern))


def fingerprint_of(of_base: str, memory: Path) -> str:
    """The fingerprint of a base, by its own, a memory folder, and how rows are laid out, in hex."""
    return hashlib.sha256(f"{of_base}{fingerprint_of_memory(memory)}{LAYOUT}".encode()).hexdigest()


def fingerprint_of_memory(folder: Path) -> str:
    """SHA-256 over what a memory folder holds besides rows, in hex."""
    return _digest(folder / name for name in (SHAPE, ADDRESSING, STATISTICS))


def _digest(paths: Any) -> str:
    whole = hashlib.sha256()
    for path in sorted(set(paths)):
        with path.open("rb") as file:
            whole.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _dtype(device: str) -> torch.dtype:
    """bfloat16 on a GPU and on processors that multiply it in hardware, else float32, where it would be slow."""
    tell = getattr(torch.cpu, "get_capabilities", dict)  # the oldest torch that we take has none
    capabilities: dict[str, object] = tell() if device == "cpu" else {}
    native = any(capabilities.get(name) for name in _NATIVE)
    return torch.bfloat16 if device != "cpu" or native else torch.float32
