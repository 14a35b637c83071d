"""Learns the vectors of `Intent`: wordings of one question come near each other, other questions do not.

Contrastive learning with the other questions of a batch as negatives (InfoNCE, van den Oord et al. 2018,
https://arxiv.org/abs/1807.03748). Names are exchanged in every wording, so that they cannot be what two have in common.
Shapes: B questions a batch · L tokens · I intent width.
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast

from model.corpus import Corpus, Saying
from model.intent import Intent, summed_vectors
from model.study import QUESTION_PROMPT

_NAME = re.compile(r"(?<=[\w,'’] )[A-Z0-9][\w'’.&/-]*(?:(?: of the| of| and| the|) [A-Z0-9][\w'’.&/-]*)*")
_WORDINGS_WITH_NAMES = 3  # in whose first questions names are looked for
_LONGEST_NAME = 40
_EXCHANGED = 0.95
_RESTYLED = 0.5
_UNHEARD = 0.1  # of the tokens
_SHARPNESS = 10.0  # one over the temperature
_ANSWERS = 0.3  # weight of the loss between questions and answers
_ANSWER_TOKENS = 12
_QUESTION_TOKENS = 40


@dataclass(frozen=True)
class ContrastConfig:
    """The schedule: steps on batches of so many questions."""

    steps: int = 200
    batch: int = 512
    learning_rate: float = 1e-2
    seed: int = 0


@dataclass(frozen=True)
class _Asked:
    """The questions of a saying, its answer, and the names in them."""

    questions: tuple[str, ...]
    answer: str
    names: tuple[str, ...]


class Contrast:
    """Trains the vectors of an Intent on the questions of a corpus."""

    def __init__(
        self, intent: Intent, word: Tensor, tokenizer: PreTrainedTokenizerFast, corpus: Corpus, config: ContrastConfig
    ) -> None:
        self._intent, self._word, self._tokenizer, self._config = intent, word, tokenizer, config
        self._restyling, self._rng = corpus.restyling, random.Random(config.seed)
        self._asked = [_asked(saying) for saying in _sayings(corpus) if len(saying.asked) > 1]
        self._names = [asked.names[0] for asked in self._asked if asked.names and len(asked.names[0]) < _LONGEST_NAME]

    def train(self) -> float:
        """Set the vectors of the Intent; returns the loss of the last step."""
        config, width = self._config, self._intent.words.shape[1]
        torch.manual_seed(config.seed)
        words = (torch.randn_like(self._intent.words) * 0.02).requires_grad_()
        neighbours = (torch.randn_like(self._intent.neighbours) * 0.02).requires_grad_()
        answers = (torch.randn(len(self._word), width) * 0.05).requires_grad_()
        optimizer = torch.optim.AdamW([words, neighbours, answers], weight_decay=0.02)
        value = 0.0
        for step in range(config.steps):
            left = 1 - step / config.steps
            optimizer.param_groups[0]["lr"] = config.learning_rate * min(left, (step + 1) / 50)
            asked = self._rng.sample(self._asked, min(config.batch, len(self._asked)))
            one, other = (self._vectors(words, neighbours, asked, unheard=_UNHEARD) for _ in range(2))
            said = F.normalize(self._answers(answers, asked), dim=1)
            loss = _contrast(F.normalize(one, dim=1), F.normalize(other, dim=1))
            loss = loss + _ANSWERS * _contrast(F.normalize(one, dim=1), said)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            value = float(loss.detach())
        with torch.no_grad():
            asked = self._rng.sample(self._asked, min(4 * config.batch, len(self._asked)))
            self._intent.mean.copy_(self._vectors(words, neighbours, asked, unheard=0.0).mean(dim=0))
            self._intent.words.copy_(words)
            self._intent.neighbours.copy_(neighbours)
        return value

    def _vectors(self, words: Tensor, neighbours: Tensor, asked: Sequence[_Asked], unheard: float) -> Tensor:
        """The sums of a wording of each question, with other names: (B, I)."""
        tokenizer = self._tokenizer
        prompts = [QUESTION_PROMPT.format(question=self._wording(one)) for one in asked]
        rows = [ids[-_QUESTION_TOKENS:] for ids in tokenizer(prompts, add_special_tokens=False)["input_ids"]]
        rows = [[tokenizer.bos_token_id, *ids] for ids in rows]
        L = max(map(len, rows))
        ids = torch.tensor([row + [0] * (L - len(row)) for row in rows])
        heard = torch.tensor([[self._rng.random() >= unheard for _ in row] + [False] * (L - len(row)) for row in rows])
        return summed_vectors(words, neighbours, self._word[ids], heard.float())

    def _wording(self, asked: _Asked) -> str:
        """One of the questions, restyled or not, about something else."""
        question = self._rng.choice(asked.questions)
        if self._rng.random() < _RESTYLED:
            question = self._restyling.question(question, self._rng)
        for name in asked.names:
            if self._rng.random() < _EXCHANGED:
                other = self._rng.choice(self._names)
                question = re.sub(re.escape(name), other, question, flags=re.IGNORECASE)
        return question

    def _answers(self, vectors: Tensor, asked: Sequence[_Asked]) -> Tensor:
        """The mean vector of the tokens of each answer: (B, I)."""
        rows = self._tokenizer([f" {one.answer}" for one in asked], add_special_tokens=False)["input_ids"]
        cut = [row[:_ANSWER_TOKENS] for row in rows]
        begins = torch.tensor([0, *map(len, cut)]).cumsum(0)[:-1]
        return F.embedding_bag(torch.tensor([token for row in cut for token in row]), vectors, begins, mode="mean")


def _sayings(corpus: Corpus) -> Iterable[Saying]:
    """A quarter of the known facts and a third of the tables', as they have few relations; all of open text."""
    return (*corpus.facts[::4], *corpus.templated[::3], *corpus.open)


def _asked(saying: Saying) -> _Asked:
    questions = tuple(text.question for text in saying.asked)
    found = {name for question in questions[:_WORDINGS_WITH_NAMES] for name in _NAME.findall(question)}
    names = {name.rstrip(".'’").removesuffix("'s").removesuffix("’s") for name in found}
    ordered = sorted((name for name in names if len(name) > 1), key=lambda name: (-len(name), name))
    return _Asked(questions, saying.answer, tuple(ordered))


def _contrast(one: Tensor, other: Tensor) -> Tensor:
    """InfoNCE of unit vectors (B, I), both ways."""
    scores, own = _SHARPNESS * one @ other.T, torch.arange(len(one))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2
