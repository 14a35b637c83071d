"""Which words a text has: whole ones, by their letters, whatever tokens they are cut into.

A name that is rare is cut into pieces, and the pieces are those of other names. So a word's number is a polynomial of
its bytes in lower case, which is put together from those of its tokens and does not depend on where they are cut. A
token that is an inflected word by itself counts as its base; one that is cut, as it is spelt.
Shapes: B texts · L tokens.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.wordings.grammar import lemma

_PRIME = 2_147_483_647
_BASE = 1_000_003
_DISTANCES = (1, 2, 4, 8)  # over which tokens are put together: words have their last 16
OPENER = 1  # number of the token that opens every text


def number_of(word: str | bytes) -> int:
    """The number of a word in lower case: below the prime, 0 for none."""
    number = 0
    for byte in word.encode() if isinstance(word, str) else word:
        number = (number * _BASE + byte) % _PRIME
    return number


class Spelling(nn.Module):
    """The numbers of the words of texts.

    spelt   (vocabulary,) int64, number of a token's letters and digits
    shift   (vocabulary,) int64, by which what stands before a token in its word is multiplied
    whole   (vocabulary,) int64, number of the base form of a token that is a word of its own; 0: no word
    starts  (vocabulary,) bool, tokens that never go on with a word
    closes  (vocabulary,) bool, tokens that no token goes on with
    """

    spelt: Tensor
    shift: Tensor
    whole: Tensor
    starts: Tensor
    closes: Tensor

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.register_buffer("spelt", torch.arange(1, vocabulary + 1))
        self.register_buffer("shift", torch.ones(vocabulary, dtype=torch.int64))
        self.register_buffer("whole", torch.arange(1, vocabulary + 1))
        self.register_buffer("starts", torch.ones(vocabulary, dtype=torch.bool))
        self.register_buffer("closes", torch.ones(vocabulary, dtype=torch.bool))

    def tell(self, tokens: Sequence[bytes], opener: int) -> None:
        """Set everything from what each token of the vocabulary stands for; `opener` opens every text.

        A byte of a character that tokens share counts as a letter.
        """
        letters, begin, end = zip(*map(_spelt, tokens), strict=True)
        words = {bare for token, bare in zip(tokens, letters, strict=True) if token.lower() == b" " + bare}
        self.spelt.copy_(torch.tensor(list(map(number_of, letters))))
        self.shift.copy_(torch.tensor([pow(_BASE, len(bare), _PRIME) for bare in letters]))
        self.whole.copy_(torch.tensor([number_of(_base_form(bare, words)) for bare in letters]))
        self.starts.copy_(~torch.tensor(begin))
        self.closes.copy_(~torch.tensor(end))
        self.whole[opener], self.starts[opener], self.closes[opener] = OPENER, True, True

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Of tokens (B, L): the number of each one's word as far as it has got, and whether the next one ends it."""
        goes_on = ~self.starts[ids] & F.pad(~self.closes[ids], (1, -1))
        number, shift = self.spelt[ids], self.shift[ids] * goes_on
        for distance in _DISTANCES:
            if distance < ids.shape[1]:
                number = (F.pad(number, (distance, -distance)) * shift + number) % _PRIME
                shift = F.pad(shift, (distance, -distance)) * shift % _PRIME
        return torch.where(goes_on, number, self.whole[ids]), ~F.pad(goes_on, (-1, 1))


def _spelt(token: bytes) -> tuple[bytes, bool, bool]:
    """Letters and digits in lower case, and whether the token begins and ends with one."""
    try:
        characters = [(character.encode(), character.isalnum()) for character in token.decode().lower()]
    except UnicodeDecodeError:
        characters = [(bytes([byte]), byte > 127 or chr(byte).isalnum()) for byte in token.lower()]
    letters = b"".join(encoded for encoded, is_letter in characters if is_letter)
    return letters, characters[0][1], characters[-1][1]


def _base_form(word: bytes, words: set[bytes]) -> bytes:
    """What a token that is a word counts as: one that is inflected as its base, if that is a token, too."""
    base = lemma(word.decode(errors="replace")).encode()
    return base if word in words and base in words else word
