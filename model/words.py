"""Addresses made of words: which pairs of rare words a text has so far, and how far its answer has got.

A question in other words has most of its rare words in common with the one that was taught, and what a small decoder
makes of it has not. So a memory layer can be addressed by the words themselves: of the words so far the rarest are
taken in pairs, and every pair has an address. Two questions have addresses in common as far as they have pairs of words
in common, weighted by inverse document frequency. Pairs that many questions have are left to TF-IDF. A word counts as a
whole, however rare the pieces that it is cut into (see spelling.py), and once it has ended.
Shapes: B batch · T tokens · L tokens of a text · R pairs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.spelling import OPENER, Spelling

_RAREST = 7  # words that are paired, the one that opens every text among them
PAIRS = _RAREST * (_RAREST + 1) // 2
_NAMING = 0.7  # rarity from which on a word can be all of a name
_ASKED = 0.95  # rarity below which a word was in any of the questions that rarity was measured in
RARITIES = 1 << 18  # of words, by the remainders of their numbers


@dataclass(frozen=True)
class Texts:
    """Places in texts: ids (B, L) of whole texts, and the positions (B, T) in them up to which words count."""

    ids: Tensor
    positions: Tensor

    @classmethod
    def whole(cls, ids: Tensor) -> "Texts":
        """Every position of texts (B, T)."""
        return cls(ids, torch.arange(ids.shape[1], device=ids.device).expand_as(ids))

    def at(self, places: Tensor) -> "Texts":
        """The P positions where `places` (B, T) is True, each as a text of its own: T = 1."""
        return Texts(self.ids[places.nonzero()[:, 0]], self.positions[places][:, None])


class Words(nn.Module):
    """The addresses (B, T, R) that places of texts read, and their weights (B, T, R), of norm 1, or 0 without a word.

    rarity   (RARITIES,) how rare words are, by the remainders of their numbers, at most 1 and hardly two alike. What
             opens every text counts as the rarest word, so that each word also stands for itself
    opening  (vocabulary,) bool, tokens behind which an answer begins: there all questions of the same words meet,
             whatever their order; elsewhere the last two tokens have a part in every address
    """

    rarity: Tensor
    opening: Tensor
    _first: Tensor
    _second: Tensor

    def __init__(self, vocabulary: int, addresses: int) -> None:
        super().__init__()
        self._addresses = addresses
        self.spelling = Spelling(vocabulary)
        self.register_buffer("rarity", torch.linspace(0.5, 1.0, RARITIES))
        self.register_buffer("opening", torch.zeros(vocabulary, dtype=torch.bool))
        first, second = torch.triu_indices(_RAREST, _RAREST)
        self.register_buffer("_first", first, persistent=False)
        self.register_buffer("_second", second, persistent=False)

    def forward(self, texts: Texts) -> tuple[Tensor, Tensor]:
        """Addresses and weights of every place."""
        return self._read(texts, self._place(texts))

    def at_openings(self, texts: Texts) -> Tensor:
        """The addresses of the pairs of every place where an answer begins: (B, T, R), in the order of `forward`."""
        return self._read(texts, torch.zeros_like(texts.positions))[0]

    def parts(self, texts: Texts) -> tuple[Tensor, Tensor]:
        """What `texts` (B, 1) would read if of the words that all of them have only one was said: two of (n · B, R).

        Each of these words in turn that may be a name of its own that the base was asked of; none without another.
        """
        words, weights = (found[:, 0] for found in self._rarest(texts))  # (B, _RAREST)
        every = words[0, (weights[0] > 0) & (words[0] != OPENER)]
        every = every[((words == every[:, None, None]) & (weights > 0)).any(dim=2).all(dim=1)]
        rarity = self.rarity[every % RARITIES]
        alone = every[(rarity > _NAMING) & (rarity < _ASKED)] if len(every) > 1 else every[:0]  # (n,)
        left = weights * ~(torch.isin(words, every) & (words != alone[:, None, None]))  # (n, B, _RAREST)
        addresses, both = self._pairs(words.expand_as(left), left, words.new_zeros(left.shape[:2]))
        return addresses.flatten(0, 1), both.flatten(0, 1)

    def _read(self, texts: Texts, place: Tensor) -> tuple[Tensor, Tensor]:
        return self._pairs(*self._rarest(texts), place)

    def _pairs(self, words: Tensor, weights: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Addresses and weights of all pairs of weighted words (…, _RAREST) at numbered places (…): two of (…, R)."""
        one, other = words[..., self._first], words[..., self._second]
        addresses = hashed(torch.minimum(one, other), torch.maximum(one, other), place[..., None])
        both = weights[..., self._first] * weights[..., self._second]
        addresses = torch.where(both > 0, addresses, addresses[..., :1])  # one that is there anyway, of fewer pairs
        addresses = addresses * both.any(dim=-1, keepdim=True)  # the first one, where there is none
        return addresses % self._addresses, both / both.norm(dim=-1, keepdim=True).clamp(min=1e-12)

    def _rarest(self, texts: Texts) -> tuple[Tensor, Tensor]:
        """The rarest words before each place, and their rarity, 0 where there are fewer: two of (B, T, _RAREST).

        Of the 2 · _RAREST rarest, repeated ones included, so a text that repeats them often has fewer.
        """
        L = texts.ids.shape[1]
        order = torch.arange(L, device=texts.ids.device)
        numbers, ended = self.spelling(texts.ids)
        before = order < texts.positions[:, :, None]
        weights = (self.rarity[numbers % RARITIES] * (ended & (numbers > 0)))[:, None] * before  # (B, T, L)
        weights = F.pad(weights, (0, max(2 * _RAREST - L, 0)))
        best = weights.topk(2 * _RAREST, dim=-1)
        words = numbers[:, None].expand(-1, before.shape[1], -1)
        words = words.gather(2, best.indices.clamp(max=L - 1))
        again = (words[..., :, None] == words[..., None, :]).tril(-1).any(dim=-1)
        distinct = best.values.masked_fill(again, 0.0).topk(_RAREST, dim=-1)
        return words.gather(2, distinct.indices), distinct.values

    def asked_until(self, texts: Texts) -> Tensor:
        """Where the question that a place answers ends, (B, T): its last opening, -1 without one."""
        order = torch.arange(texts.ids.shape[1], device=texts.ids.device)
        openings = torch.where(self.opening[texts.ids], order, -1)  # (B, L)
        return openings.cummax(dim=1).values.gather(1, texts.positions)

    def _place(self, texts: Texts) -> Tensor:
        """A number for the last two tokens of each place, 0 where an answer begins: (B, T)."""
        last = texts.ids.gather(1, texts.positions)
        before = texts.ids.gather(1, (texts.positions - 1).clamp(min=0))
        return (1 + last * len(self.opening) + before).masked_fill(self.opening[last], 0)


def hashed(*numbers: Tensor) -> Tensor:
    """One number of several, each at least 0; evenly spread below 2³¹, the same on every machine."""
    mixed = torch.zeros((), dtype=torch.int64, device=numbers[0].device)
    for number in numbers:
        mixed = (mixed * 31 + number) % 2_147_483_647  # a prime
        mixed = mixed * 1_103_515_245 % 2_147_483_647
        mixed = mixed ^ (mixed >> 15)
    return mixed
