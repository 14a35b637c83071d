"""The ways to teach that are compared: one class each, one interface. A method owns the checkpoint that it is given.

All of them train the answer tokens of the same study texts. The dense ones take a fixed number of steps a fact, which
belongs to their sweep, as does whether Adam's moments live on from fact to fact.
Shapes: N slots · V value width.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.finetune import TEXT_LIMIT, learn
from model.memory import MemoryLayer
from model.reads import Held
from model.retrofit import decoder_layers
from model.study import Study
from model.text import TokenRows, encode, pad
from model.values import View


@dataclass(frozen=True)
class Cost:
    """What teaching one fact took.

    answered  the held-out probe was answered while learning; None for methods that do not look
    rows      rows of the value table that changed
    nbytes    bytes by which the model then differs from what it was, kept as a version
    """

    answered: bool | None
    steps: int
    seconds: float
    rows: int
    nbytes: int


class Method(ABC):
    """Teaches facts in sequence; `view` is what answers now."""

    checkpoint: Checkpoint
    view: View

    @abstractmethod
    def teach(self, studies: Sequence[Study]) -> list[Cost]:
        """Teach the studies of one job, in order."""


class Sparse(Method):
    """Sparse memory finetuning as the service does it: `model.finetune.learn`, a delta a job."""

    def __init__(self, checkpoint: Checkpoint, config: FinetuneConfig) -> None:
        self.checkpoint, self._config = checkpoint, config
        self.view = checkpoint.table.retain(checkpoint.table.base)
        self._held = Held()

    def teach(self, studies: Sequence[Study]) -> list[Cost]:
        """One call of `learn`; rows and bytes of a job are shared out evenly among its facts."""
        table, begun = self.checkpoint.table, time.perf_counter()
        learned = learn(self.checkpoint, self.view, studies, self._config, held=self._held)
        rows = nbytes = 0
        if learned.delta is not None:
            before = table.read(self.view, learned.delta.slots)
            parent, self.view = self.view, table.enter(self.view, learned.delta)
            table.release(parent)
            self._held = self._held if learned.delta.reads is None else self._held.adding(learned.delta.reads)
            rows, nbytes = _changed(before, table.read(self.view, learned.delta.slots)), learned.delta.nbytes
        seconds = (time.perf_counter() - begun) / len(studies)
        facts = len(studies)
        return [
            Cost(report.learned, report.steps, seconds, round(rows / facts), round(nbytes / facts))
            for report in learned.reports
        ]


Moments = Literal["fresh", "kept"]


@dataclass(frozen=True)
class DenseConfig:
    """A fixed number of steps on every fact.

    moments  Adam's: «fresh» for each fact, as in a service that learns when a fact comes, or «kept», as in ordinary
             finetuning on a stream (then a fact goes on moving the weights while the next ones are taught)
    """

    learning_rate: float
    steps: int
    moments: Moments = "fresh"


@dataclass(frozen=True)
class LoraConfig(DenseConfig):
    """The same on adapters of a rank; their scale is 2 (alpha = 2 · rank)."""

    rank: int = 16


class _Dense(Method):
    """Gradient steps on `parameters`, whatever the fact; the rows of the table are the base view's."""

    def __init__(self, checkpoint: Checkpoint, optimizer: torch.optim.Optimizer, config: DenseConfig) -> None:
        self.checkpoint, self.view = checkpoint, checkpoint.table.base
        self._optimizer, self._config = optimizer, config
        trained = [tensor for group in optimizer.param_groups for tensor in group["params"]]
        self._trains_rows = any(tensor is checkpoint.table.rows for tensor in trained)
        self._nbytes = sum(tensor.nbytes for tensor in trained)

    def teach(self, studies: Sequence[Study]) -> list[Cost]:
        """The steps of each study after the other; rows that changed are counted outside the time."""
        return [self._teach_one(study) for study in studies]

    def _teach_one(self, study: Study) -> Cost:
        rows = self.checkpoint.table.rows
        before = rows.detach().clone() if self._trains_rows else None
        begun = time.perf_counter()
        tokenizer = self.checkpoint.tokenizer
        texts = [encode(tokenizer, text, TEXT_LIMIT) for text in study.texts]
        batch = pad(texts, tokenizer.pad_token_id).to(self.checkpoint.model.device)
        if self._config.moments == "fresh":
            self._optimizer.state.clear()
        for _ in range(self._config.steps):
            torch.autograd.backward(answer_loss(self.checkpoint, self.view, batch))
            self._optimizer.step()
            self._optimizer.zero_grad()
        seconds = time.perf_counter() - begun
        changed = 0 if before is None else _changed(before, rows.detach())
        return Cost(None, self._config.steps, seconds, changed, self._nbytes)


class Full(_Dense):
    """Full finetuning: AdamW on all weights and all rows of the table."""

    def __init__(self, checkpoint: Checkpoint, config: DenseConfig) -> None:
        parameters = [*checkpoint.model.parameters(), _whole_table(checkpoint)]
        super().__init__(checkpoint, _adamw(parameters, config.learning_rate), config)


class AllValues(_Dense):
    """Adam on all rows of the table, nothing else: the memory without the choice of slots."""

    def __init__(self, checkpoint: Checkpoint, config: DenseConfig) -> None:
        optimizer = torch.optim.Adam([_whole_table(checkpoint)], lr=config.learning_rate)
        super().__init__(checkpoint, optimizer, config)


class Lora(_Dense):
    """LoRA by `peft` on the linear layers of attention and feed-forward blocks; the adapters stay unmerged.

    Hu et al. 2021, https://arxiv.org/abs/2106.09685. The memory layers get none.
    """

    def __init__(self, checkpoint: Checkpoint, config: LoraConfig) -> None:
        import peft  # only this method needs it; the others run where it is not installed

        adapters = peft.LoraConfig(
            r=config.rank,
            lora_alpha=2 * config.rank,
            lora_dropout=0.0,
            target_modules=dense_linears(checkpoint),
        )
        peft.inject_adapter_in_model(adapters, checkpoint.model)
        parameters = [parameter for parameter in checkpoint.model.parameters() if parameter.requires_grad]
        super().__init__(checkpoint, _adamw(parameters, config.learning_rate), config)


def dense_linears(checkpoint: Checkpoint) -> list[str]:
    """Names of the linear layers of the decoder that belong to no memory layer."""
    model = checkpoint.model
    layers = set(decoder_layers(model).modules())
    memories = {part for module in model.modules() if isinstance(module, MemoryLayer) for part in module.modules()}
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module in layers and module not in memories
    ]


def answer_loss(checkpoint: Checkpoint, view: View, batch: TokenRows) -> Tensor:
    """Mean negative log-likelihood of the batch's answer tokens, with gradient to whatever asks for it."""
    checkpoint.context.use(view)
    chosen = batch.answer[:, 1:]
    hidden = checkpoint.model.get_decoder()(input_ids=batch.ids, use_cache=False).last_hidden_state
    logits = checkpoint.model.lm_head(hidden[:, :-1][chosen])
    return F.cross_entropy(logits.float(), batch.ids[:, 1:][chosen])


def _changed(before: Tensor, after: Tensor) -> int:
    """How many rows (·, V) differ."""
    return int((before != after).any(dim=1).sum())


def _whole_table(checkpoint: Checkpoint) -> Tensor:
    table = checkpoint.table
    table.rows = table.rows.float().requires_grad_(True)
    return table.rows


def _adamw(parameters: Iterable[Tensor], learning_rate: float) -> torch.optim.Optimizer:
    trained = [parameter.requires_grad_(True) for parameter in parameters]
    return torch.optim.AdamW(trained, lr=learning_rate, fused=True)
