"""A checkpoint folder, loaded and saved: the Hugging Face folder plus the memory.

model.safetensors, config.json, tokenizer files   as Hugging Face writes them, memory layers' weights included
memory.safetensors   `values` (M, V), in 8 bits where there are `value_scales` (M,); `owned.*`, rows of single slots
                     where slots share rows; of the background corpus `document_frequency` (N,) and `still.*`, what it
                     reads
memory.json          shape of the memory, whether it was trained, prompt, size of the background
intent.*             the encoder that tells what a question asks, where slots have keys (see intent.py)
measure.json         known questions of the gate and of evaluation, background texts; disjoint sets
No pickle is read. The fingerprint covers every byte of every file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from model.config import MemoryConfig
from model.delta import Delta
from model.eight_bits import EightBitRows
from model.errors import CheckpointError
from model.intent import Intent
from model.memory import MemoryContext
from model.reads import Held, Reads
from model.retrofit import retrofit
from model.study import QUESTION_PROMPT
from model.tfidf import DocumentFrequency
from model.values import ValueTable
from model.ways import Ways

_SPARE_ROWS = 1 << 23  # 9 GiB of a width of 289, which are taken from the machine as they are written
_MEMORY, _MEMORY_SHAPE, _MEASURE = "memory.safetensors", "memory.json", "measure.json"


@dataclass(frozen=True)
class KnownQuestion:
    """A question that the base model answers."""

    question: str
    answer: str


@dataclass(frozen=True)
class Measure:
    """What drift is measured with; the sets are disjoint from each other and from the background corpus."""

    gate: tuple[KnownQuestion, ...] = ()
    evaluation: tuple[KnownQuestion, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass
class Checkpoint:
    """A loaded model with its memory, background statistics and measuring sets.

    One thread at a time may run the model; views of `table` can be built from any thread.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    config: MemoryConfig
    table: ValueTable
    context: MemoryContext
    background: DocumentFrequency
    measure: Measure
    fingerprint: str
    pretrained: bool
    folder: Path
    still: Reads | None = None
    prompt: str = QUESTION_PROMPT
    weight_dtype: torch.dtype = torch.bfloat16
    extra: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def held(self) -> Held:
        """What learning holds still: the reads of background text."""
        return Held() if self.still is None else Held().adding(self.still)

    @cached_property
    def longest_token(self) -> int:
        """Characters that a token stands for at most."""
        return max(map(len, self.tokenizer.get_vocab()))

    def question_prompt(self, question: str) -> str:
        """The text in front of the answer to `question`."""
        return self.prompt.format(question=question)

    def probe_prompt(self, kind: str, text: str) -> str:
        """The text in front of the answer to a probe: a question, or a cloze as it is."""
        return self.question_prompt(text) if kind == "question" else text

    def chat_prompt(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The text in front of the next turn of a conversation of messages with `role` and `content`.

        The tokenizer's chat template writes it, where there is one. Without one the model was trained on single
        questions: the last of the user's messages is asked, system messages and earlier turns are left out.
        Raises ValueError when the user says nothing, and jinja2.TemplateError when the template refuses.
        """
        if not self.tokenizer.chat_template:
            asked = [message["content"] for message in messages if message["role"] == "user"]
            if not asked:
                raise ValueError("no message is the user's")
            return self.question_prompt(asked[-1])
        prompt: str = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        return prompt.removeprefix(self.tokenizer.bos_token or "")  # every prompt gets it when it is tokenized

    @classmethod
    def load(cls, folder: Path, *, spare_rows: int | None = None, places: int = 16) -> "Checkpoint":
        """Load a folder: configuration, memory layers put in, weights, strictly.

        spare_rows  rows beyond the base for versions; by default twice as many as slots, at most 8,388,608
        places      views resident at once
        Raises CheckpointError, naming the folder and what is wrong with it.
        """
        try:
            shape = json.loads((folder / _MEMORY_SHAPE).read_text())
            memory = load_file(folder / _MEMORY)
            measure = json.loads((folder / _MEASURE).read_text())
            config = MemoryConfig(**shape["memory"])
            language_config = AutoConfig.from_pretrained(folder)
            tokenizer = AutoTokenizer.from_pretrained(folder)
            intent = Intent.load(folder, tokenizer) if config.intent_width else None
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"{folder} is not a checkpoint: {error}") from error
        if intent is not None and intent.width != config.intent_width:
            raise CheckpointError(f"{folder}: intents are {intent.width} wide; memory.json says {config.intent_width}")
        values, owned = _stored_rows(memory), memory.get("owned.slots")
        expected = (config.base_rows, config.value_width)
        if values.shape != expected:
            raise CheckpointError(f"{folder}: values are {tuple(values.shape)}; memory.json says {expected}")
        values = F.pad(values, (0, config.row_width - values.shape[1]))  # no slot of the base has a key
        fingerprint = fingerprint_of(folder)
        dtype = getattr(torch, shape["value_dtype"])
        if owned is not None:
            values = torch.cat([values.to(dtype), memory["owned.rows"]])
        table = ValueTable(
            values.to(dtype),
            min(2 * config.slots, _SPARE_ROWS) if spare_rows is None else spare_rows,
            places,
            fingerprint,
            slots=config.slots,
            owned=owned,
        )
        context = MemoryContext(table, intent, Ways(config) if config.ways > 1 else None)
        model = AutoModelForCausalLM.from_config(language_config, dtype=torch.float32)
        retrofit(model, config, context)
        _load_weights(model, folder)
        model.eval().requires_grad_(False)
        return cls(
            model,
            tokenizer,
            config,
            table,
            context,
            DocumentFrequency(memory["document_frequency"], shape["background_batches"]),
            Measure(
                tuple(KnownQuestion(**known) for known in measure["gate"]),
                tuple(KnownQuestion(**known) for known in measure["evaluation"]),
                tuple(measure["texts"]),
            ),
            fingerprint,
            shape["pretrained"],
            folder,
            _reads(memory),
            shape["prompt"],
            getattr(torch, shape["weight_dtype"]),
            shape["extra"],
        )

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> "Checkpoint":
        """This checkpoint with its weights, in `dtype` if one is given, its rows and its views on `device`.

        The statistics of the background stay: learning chooses slots on the CPU.
        Raises CheckpointError where this machine or this build of torch has no such device.
        """
        try:
            self.model.to(device)
        except (RuntimeError, AssertionError) as error:  # which of them, depends on the build
            raise CheckpointError(f"{self.folder} cannot be moved to the device {device}: {error}") from error
        for parameter in self.model.parameters() if dtype is not None else ():
            parameter.data = parameter.data.to(dtype)  # not the buffers: angles of positions need all their bits
        self.table.to(device)
        if self.context.intent is not None:
            self.context.intent.to(device)
        self.context.use(self.table.base)
        return self

    def save(
        self,
        folder: Path,
        *,
        values: "Tensor | EightBitRows | None" = None,
        owned: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        """Write the checkpoint: dense weights in `weight_dtype`, `values` (the base rows by default) as they are.

        owned  slots and rows of those that share no row with others; the table's own by default
        """
        folder.mkdir(parents=True, exist_ok=True)
        tied = set(self.model.all_tied_weights_keys)
        state = self.model.state_dict()
        exact = {name for name, _ in self.model.named_buffers()}
        weights = {
            name: tensor if name in exact else tensor.to(self.weight_dtype)
            for name, tensor in state.items()
            if name not in tied
        }
        self.model.save_pretrained(folder, state_dict=weights)
        self.tokenizer.save_pretrained(folder)
        rows = self.table.rows[: self.config.base_rows, : self.config.value_width] if values is None else values
        memory = {"document_frequency": self.background.counts}
        if isinstance(rows, EightBitRows):
            memory |= {"values": rows.steps, "value_scales": rows.scales}
        else:
            memory["values"] = rows.detach().contiguous()
        slots, own_rows = self.table.owned_after(None) if owned is None else owned
        if len(slots):
            memory |= {"owned.slots": slots, "owned.rows": own_rows}
        if self.still is not None:
            memory |= {"still.slots": self.still.slots.int(), "still.weights": self.still.weights.bfloat16()}
        save_file(memory, folder / _MEMORY)
        if self.context.intent is not None:
            self.context.intent.save(folder)
        _write_json(
            folder / _MEMORY_SHAPE,
            {
                "memory": asdict(self.config),
                "weight_dtype": _name(self.weight_dtype),
                "value_dtype": _name(self.table.rows.dtype),
                "pretrained": self.pretrained,
                "prompt": self.prompt,
                "background_batches": self.background.batches,
                "extra": self.extra,
            },
        )
        _write_json(folder / _MEASURE, asdict(self.measure))

    def export(self, delta: Delta | None, folder: Path) -> str:
        """Write a self-contained checkpoint of the version that `delta` makes of the base; returns its fingerprint.

        Dense weights keep the bits that they were loaded from; rows are written in the table's dtype.
        Raises WrongState for slots or rows that do not fit into the table.
        """
        exported = replace(self, extra={**self.extra, "exported_from": self.fingerprint})
        slots, rows = self.table.owned_after(delta)
        if self.config.sharing == 1 and not self.config.intent_width:
            every = self.table.rows[: self.table.base_rows].clone()
            every[slots] = rows.to(every.device)
            exported.save(folder, values=every)
        else:
            exported.save(folder, owned=(slots, rows))
        return fingerprint_of(folder)


def fingerprint_of(folder: Path) -> str:
    """SHA-256 over the names and bytes of all files of a checkpoint folder, in hex."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as file:
            whole.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _load_weights(model: PreTrainedModel, folder: Path) -> None:
    weights: dict[str, Tensor] = {}
    for path in sorted(folder.glob("model*.safetensors")):
        weights |= load_file(path)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    tied = set(model.all_tied_weights_keys)
    if unexpected or set(missing) - tied:
        raise CheckpointError(
            f"{folder}: weights missing {sorted(set(missing) - tied)[:4]}, unexpected {sorted(unexpected)[:4]}"
        )


def _stored_rows(memory: dict[str, Tensor]) -> Tensor:
    if "value_scales" in memory:
        return EightBitRows(memory["values"], memory["value_scales"]).rows()
    return memory["values"]


def _reads(memory: dict[str, Tensor]) -> Reads | None:
    if "still.slots" not in memory:
        return None
    return Reads(memory["still.slots"].long(), memory["still.weights"].float())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
