"""What a row holds: a value, what opens it (a key, two thresholds, words), the stem that it stands behind, its owner.

Shapes: R rows · D value width · A width of what is asked · B width of whom it is about, its sketch included.
A row is float16 and (D + A + B + 118) wide. Stem and owner are numbers of 44 bits, kept as four digits below 2048, all
of which float16 holds exactly; the words that it demands are numbers, too, of two digits each. A row that nobody has
written is all zeros: it has no owner, and nothing opens it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.config import MemoryConfig
from model.memory.demand import WIDTH

LAYOUT = 3  # counted up whenever rows come to mean something else; those of another are not read
DTYPE = torch.float16
_DIGITS, _BITS = 4, 11
_WORD_DIGITS = 2
MAX_NUMBER = (1 << _DIGITS * _BITS) - 1
_MASK = (1 << _BITS) - 1
_SHIFTS = tuple(_BITS * digit for digit in range(_DIGITS))


def digits(numbers: Tensor, count: int = _DIGITS) -> Tensor:
    """Numbers (…,) int64, from 0 to MAX_NUMBER, as digits (…, count)."""
    return torch.stack([(numbers >> shift) & _MASK for shift in _SHIFTS[:count]], dim=-1)


def numbers(digits: Tensor) -> Tensor:
    """Digits (…, n) as numbers (…,) int64."""
    each = digits.long()
    shifts = torch.tensor(_SHIFTS[: each.shape[-1]], device=each.device)
    return (each << shifts).sum(dim=-1)


@dataclass(frozen=True)
class Written:
    """Rows taken apart.

    values      (R, D) float32
    what, whom  (R, A), (R, B) float32, the halves of the keys
    thresholds  (R, 2) float32, of what and of whom
    demands     (R, demand.WIDTH) int64, which words must be asked, as `Demand` reads them
    stems       (R,) int64
    owners      (R,) int64, ids of facts; 0 where nobody has written
    """

    values: Tensor
    what: Tensor
    whom: Tensor
    thresholds: Tensor
    demands: Tensor
    stems: Tensor
    owners: Tensor

    def __len__(self) -> int:
        return len(self.owners)

    def __getitem__(self, which: Tensor) -> "Written":
        parts = (self.values, self.what, self.whom, self.thresholds, self.demands, self.stems, self.owners)
        return Written(*(part[which] for part in parts))

    @staticmethod
    def joined(parts: "Sequence[Written]") -> "Written":
        """Rows of at least one part, one behind the other."""
        fields = ("values", "what", "whom", "thresholds", "demands", "stems", "owners")
        return Written(*(torch.cat([getattr(part, name) for part in parts]) for name in fields))


class RowLayout:
    """Where the parts of a row stand, for one shape of memory."""

    def __init__(self, config: MemoryConfig) -> None:
        self._widths = (config.value_width, config.what_width, config.whom_width + config.sketch_width, 2)
        self.width = sum(self._widths) + WIDTH * _WORD_DIGITS + 2 * _DIGITS

    def pack(self, written: Written) -> Tensor:
        """Rows (R, width) float16, thresholds rounded up: what was closed stays closed."""
        thresholds = written.thresholds.to(DTYPE)
        low = thresholds.float() < written.thresholds
        thresholds = torch.where(low, torch.nextafter(thresholds, torch.full_like(thresholds, torch.inf)), thresholds)
        limit = torch.finfo(DTYPE).max
        parts = [written.values.clamp(-limit, limit), written.what, written.whom, thresholds]
        parts += [digits(written.demands, _WORD_DIGITS).flatten(1), digits(written.stems), digits(written.owners)]
        return torch.cat([part.to(DTYPE) for part in parts], dim=1)

    def unpack(self, rows: Tensor) -> Written:
        """Rows (R, width), taken apart."""
        *parts, words, stems, owners = torch.split(rows, [*self._widths, WIDTH * _WORD_DIGITS, _DIGITS, _DIGITS], dim=1)
        values, what, whom, thresholds = (part.float() for part in parts)
        demands = numbers(words.reshape(-1, WIDTH, _WORD_DIGITS))
        return Written(values, what, whom, thresholds, demands, numbers(stems), numbers(owners))

    def opening(self, rows: Tensor, which: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Keys and thresholds alone of those rows: (S, A), (S, B), (S, 2) float32."""
        D, A, B, _ = self._widths
        what, whom, thresholds = torch.split(rows[:, D : D + A + B + 2][which].float(), [A, B, 2], dim=1)
        return what, whom, thresholds

    def owners(self, rows: Tensor, which: Tensor) -> Tensor:
        """The owners of those of rows (R, width) whose numbers `which` (S,) tells: (S,) int64, 0 where nobody wrote."""
        return numbers(rows[:, -_DIGITS:][which])

    def stems(self, rows: Tensor, which: Tensor) -> Tensor:
        """The stems of those of rows (R, width) whose numbers `which` (S,) tells: (S,) int64."""
        return numbers(rows[:, -2 * _DIGITS : -_DIGITS][which])
