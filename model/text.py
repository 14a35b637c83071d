"""Texts into token rows: encoding with answer masks, and padding. B rows · T tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from model.study import StudyText


@dataclass(frozen=True)
class TokenRows:
    """A padded batch.

    ids     (B, T) int64, padded on the right
    real    (B, T) bool, False on padding
    answer  (B, T) bool, tokens that carry loss (the answer and the end of the text)
    """

    ids: Tensor
    real: Tensor
    answer: Tensor

    def to(self, device: torch.device) -> "TokenRows":
        """The same on `device`."""
        return TokenRows(self.ids.to(device), self.real.to(device), self.answer.to(device))


def encode(tokenizer: PreTrainedTokenizerBase, text: StudyText, limit: int) -> tuple[list[int], list[bool]]:
    """Token ids of one text between its start and end tokens, and which of them carry loss; cut at `limit`."""
    encoded = tokenizer(text.text, return_offsets_mapping=True, add_special_tokens=False)
    answer = [any(start < high and end > low for low, high in text.spans) for start, end in encoded["offset_mapping"]]
    end = tokenizer.eos_token_id
    ends_with_answer = bool(text.spans) and text.spans[-1][1] >= len(text.text.rstrip(".!?\"»' "))
    ids = [*start_tokens(tokenizer), *encoded["input_ids"], end]
    marks = [*([False] * len(start_tokens(tokenizer))), *answer, ends_with_answer]
    return ids[:limit], marks[:limit]


def start_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens that open every text: the tokenizer's beginning of sequence, if it has one."""
    return [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]


def pad(rows: Sequence[tuple[list[int], list[bool]]], padding: int) -> TokenRows:
    """Rows of different lengths as one batch."""
    T = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), T), padding, dtype=torch.int64)
    real, answer = torch.zeros(len(rows), T, dtype=torch.bool), torch.zeros(len(rows), T, dtype=torch.bool)
    for index, (tokens, marks) in enumerate(rows):
        ids[index, : len(tokens)] = torch.tensor(tokens)
        real[index, : len(tokens)] = True
        answer[index, : len(marks)] = torch.tensor(marks)
    return TokenRows(ids, real, answer)
