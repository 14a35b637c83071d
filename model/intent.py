"""What a question asks, whatever it asks it of: the sum of learned vectors of its words and of neighbouring words.

Two questions that ask the same of different things have near vectors (see contrast.py for how they are learned).
Shapes: B batch · T places · L tokens of a text · I intent width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.words import hashed

_NEIGHBOURS = 16_384  # vectors that pairs of neighbouring words share


class Intent(nn.Module):
    """Unit vectors (B, T, I) of what places of texts ask; 0 at places that belong to no question.

    words       (vocabulary, I) vectors of words
    neighbours  (_NEIGHBOURS, I) vectors of two words next to each other, by hash
    mean        (I,) of the sums over questions, taken away from each
    """

    words: Tensor
    neighbours: Tensor
    mean: Tensor

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.register_buffer("words", torch.zeros(vocabulary, width))
        self.register_buffer("neighbours", torch.zeros(_NEIGHBOURS, width))
        self.register_buffer("mean", torch.zeros(width))

    def forward(self, words: Tensor, asks: Tensor) -> Tensor:
        """Of the words (B, L) of texts, those where `asks` (B, T, L) is True: (B, T, I)."""
        B, T, L = asks.shape
        tokens, weights = words[:, None].expand(B, T, L).reshape(B * T, L), asks.reshape(B * T, L).float()
        summed = summed_vectors(self.words, self.neighbours, tokens, weights)
        vectors = F.normalize(summed - self.mean, dim=1) * weights.amax(dim=1, keepdim=True)
        return vectors.view(B, T, -1)


def summed_vectors(words: Tensor, neighbours: Tensor, tokens: Tensor, weights: Tensor) -> Tensor:
    """The vectors of tokens (P, L) with weights (P, L), and of neighbours that both have one, summed: (P, I)."""
    pairs = hashed(tokens, F.pad(tokens[:, 1:], (0, 1))) % len(neighbours)
    both = weights * F.pad(weights[:, 1:], (0, 1))
    return F.embedding_bag(tokens, words, per_sample_weights=weights, mode="sum") + F.embedding_bag(
        pairs, neighbours, per_sample_weights=both, mode="sum"
    )
