"""Rivals that change the base's own weights: all of them, adapters beside them, or one matrix.

full    all weights, AdamW
lora    adapters of a rank at all projections, AdamW; Hu et al. 2021, by `peft`
locft   one late down projection, epochs over all facts in small batches, loss on answer and end token: «LocFT-BF»,
        ICLR 2026
All see the same wordings of all facts, in another order in each epoch, until the mean loss of an epoch is low.
"""

import random
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from evaluation.base import Base, Example
from evaluation.rival import wordings
from evaluation.sets import Chat
from model.facts import Fact

_BATCH = 16
_LEARNED = 0.02  # mean loss of an epoch, in nats a token


class Finetuning:
    """A base whose chosen weights go down the loss of the answers.

    which   «full», «lora» or «locft»
    rate    learning rate of AdamW, without weight decay
    epochs  at most
    rank    of the adapters
    depth   of the block whose down projection learns, as a share
    """

    def __init__(
        self, folder: Path, device: str, which: str, rate: float, epochs: int = 12, rank: int = 16, depth: float = 0.9
    ) -> None:
        self._base, self._rate, self._epochs = Base(folder, device), rate, epochs
        self._first = round(depth * len(self._base.model.get_decoder().layers)) - 1 if which == "locft" else 0
        self._weights = list(self._chosen(which, rank))
        self.epochs_run = 0

    def teach(self, facts: Sequence[Fact]) -> None:
        """Epochs over all wordings."""
        examples = [
            self._base.example(question, each.answer) for each in wordings(facts) for question in each.questions
        ]
        optimizer = torch.optim.AdamW(self._weights, lr=self._rate, weight_decay=0.0)
        draw = random.Random(0)
        self._base.model.train()
        with self._base.above(self._first, examples) if self._first else nullcontext():
            for _ in range(self._epochs):
                self.epochs_run += 1
                draw.shuffle(examples)
                if self._epoch(optimizer, examples) < _LEARNED:
                    break
        self._base.model.eval()

    def answers(self, chats: Sequence[Chat], tokens: int) -> list[str]:
        """What the changed model says."""
        return self._base.answers([self._base.prompt(chat) for chat in chats], tokens)

    def scores(self, asked: Sequence[tuple[Chat, str]]) -> list[float]:
        """How likely the changed model is to say it."""
        return self._base.scores([self._base.prompt(chat) for chat, _ in asked], [answer for _, answer in asked])

    def size(self) -> int:
        """Of the weights that moved."""
        return sum(weight.numel() * weight.element_size() for weight in self._weights)

    def _epoch(self, optimizer: torch.optim.Optimizer, examples: Sequence[Example]) -> float:
        total = 0.0
        for start in range(0, len(examples), _BATCH):
            batch = examples[start : start + _BATCH]
            optimizer.zero_grad()
            loss = self._base.loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self._weights, 1.0)
            optimizer.step()
            total += loss.item() * len(batch)
        return total / len(examples)

    def _chosen(self, which: str, rank: int) -> Iterable[nn.Parameter]:
        model = self._base.model
        if which == "lora":
            config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
            self._base.model = get_peft_model(model, config)
            chosen: list[nn.Parameter] = [each for each in self._base.model.parameters() if each.requires_grad]
            return chosen
        parts = {"full": model, "locft": model.get_decoder().layers[self._first].mlp.down_proj}
        if which not in parts:
            raise ValueError(f"which: {which!r}; there are full, lora, locft")
        return [each.requires_grad_() for each in parts[which].parameters()]
