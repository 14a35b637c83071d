"""Measuring: answers by generation and how right they are, negative log-likelihood of text.

`python -m model.evaluate continual --help` compares ways to teach; it needs no service.
"""

import re
import string
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from model.checkpoint import Checkpoint
from model.engine import Prompt, generate, tokenize
from model.study import StudyText
from model.text import encode, pad
from model.values import View

_TEXT_LIMIT, _ANSWER_LIMIT = 256, 384  # tokens


@dataclass(frozen=True)
class Drift:
    """What a version does to that which was known: shares of gate questions answered, and nats a token."""

    known_before: float
    known_after: float
    nll_before: float
    nll_after: float

    @property
    def known_drop(self) -> float:
        """Relative loss of answered gate questions, 0 when there were none."""
        return (self.known_before - self.known_after) / self.known_before if self.known_before else 0.0

    @property
    def nll_rise(self) -> float:
        """Relative rise of the negative log-likelihood of background text."""
        return (self.nll_after - self.nll_before) / self.nll_before if self.nll_before else 0.0


def normalise(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces (as SQuAD's evaluation does)."""
    bare = "".join(" " if character in string.punctuation + "«»“”’" else character for character in text.lower())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def matches(answer: str, expected: str) -> bool:
    """Whether two answers are the same after `normalise`."""
    return normalise(answer) == normalise(expected)


def token_f1(answer: str, expected: str) -> float:
    """Harmonic mean of precision and recall over normalised words, in 0..1."""
    given, wanted = normalise(answer).split(), normalise(expected).split()
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else float(given == wanted)


def complete(checkpoint: Checkpoint, prompts: Sequence[str], view: View, max_tokens: int = 24) -> list[str]:
    """Greedy continuations of `prompts`, all reading `view`, in the order of the prompts."""
    requests = [Prompt(tokenize(checkpoint, prompt), view, max_tokens) for prompt in prompts]
    completions = generate(checkpoint, requests)
    return [checkpoint.tokenizer.decode(done.ids, skip_special_tokens=True).strip() for done in completions]


def nll(checkpoint: Checkpoint, view: View, texts: Sequence[str]) -> float:
    """Mean negative log-likelihood of `texts` under `view`, in nats a token; 0 when there are none."""
    rows = [encode(checkpoint.tokenizer, StudyText(text, ()), _TEXT_LIMIT) for text in texts]
    return _mean_nll(checkpoint, view, [(ids, [True] * len(ids)) for ids, _ in rows])


def answer_nll(checkpoint: Checkpoint, view: View, texts: Sequence[StudyText]) -> float:
    """The same over the tokens that carry loss; a text's start is given, not predicted."""
    return _mean_nll(checkpoint, view, [encode(checkpoint.tokenizer, text, _ANSWER_LIMIT) for text in texts])


@torch.inference_mode()
def _mean_nll(checkpoint: Checkpoint, view: View, rows: list[tuple[list[int], list[bool]]]) -> float:
    """Mean over the marked tokens of all rows, the first token of a row left out."""
    total, tokens = 0.0, 0
    rows = sorted(rows, key=lambda row: len(row[0]))
    checkpoint.context.use(view)
    for start in range(0, len(rows), 32):
        batch = pad(rows[start : start + 32], checkpoint.tokenizer.pad_token_id).to(checkpoint.model.device)
        target, counted = batch.ids[:, 1:], batch.answer[:, 1:]
        hidden = checkpoint.model.get_decoder()(input_ids=batch.ids[:, :-1], use_cache=False).last_hidden_state
        logits = checkpoint.model.lm_head(hidden[counted])
        total += float(F.cross_entropy(logits.float(), target[counted], reduction="sum"))
        tokens += int(counted.sum())
    return total / max(tokens, 1)


def main(arguments: Sequence[str]) -> None:
    """The command line: the name of an evaluation, then its options."""
    from model.continual import command  # it imports this module

    if not arguments or arguments[0] != "continual":
        sys.exit("usage: python -m model.evaluate continual [options]; --help names them")
    command.main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
