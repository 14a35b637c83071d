"""Ours, as the service runs it: jobs of facts on one view behind another, answers by the engine's own loop."""

from collections.abc import Sequence
from pathlib import Path

import torch

from evaluation.base import chat_prompt
from evaluation.sets import Chat
from model.base.attach import last_norm
from model.base.checkpoint import Checkpoint
from model.evaluate import complete
from model.facts import Fact
from model.learn.job import Teacher
from model.learn.passes import Passes
from model.learn.probing import Expected

_JOB = 100


class Ours:
    """A memory beside the base."""

    def __init__(self, folder: Path, device: str, memory: Path) -> None:
        self._checkpoint = Checkpoint.load(str(folder), memory, device=device)
        self._teacher = Teacher(self._checkpoint)
        self._view, self._bytes = self._checkpoint.table.base, 0
        self.refused: list[tuple[int, str]] = []

    def teach(self, facts: Sequence[Fact]) -> None:
        """In jobs of 100."""
        for start in range(0, len(facts), _JOB):
            few = facts[start : start + _JOB]
            learned = self._teacher.learn(self._view, few)
            if learned.delta is not None:
                self._view = self._checkpoint.table.enter(self._view, learned.delta)
                self._bytes += learned.delta.nbytes
            self.refused += [
                (fact.id, each.reason) for fact, each in zip(few, learned.reports, strict=True) if not each.learned
            ]

    def answers(self, chats: Sequence[Chat], tokens: int) -> list[str]:
        """What the newest version says."""
        prompts = [chat_prompt(self._checkpoint.prompts, chat) for chat in chats]
        return complete(self._checkpoint, prompts, self._view, tokens)

    @torch.inference_mode()
    def scores(self, asked: Sequence[tuple[Chat, str]]) -> list[float]:
        """How likely the newest version is to say it: states of the base with the rows that open there."""
        prompts, model = self._checkpoint.prompts, self._checkpoint.model
        texts = [(chat_prompt(prompts, chat), prompts.answer(answer)) for chat, answer in asked]
        found = []
        for (_, ids), said in zip(texts, Passes(self._checkpoint).said(texts), strict=True):
            states, _ = self._teacher.prober.states(self._view, [Expected(said.asked, ids, said.hidden)])
            logits = model.get_output_embeddings()(last_norm(model)(states)).float()
            likely = logits.log_softmax(dim=1).gather(1, torch.tensor(ids, device=logits.device)[:, None])
            found.append(float(likely[:-1].mean()))
        return found

    def size(self) -> int:
        """Of the deltas."""
        return self._bytes
