"""State hashes: which rows differ from the base, and what is in them, as a sum that changes row by row.

Shapes: S slots · V value width. The hash of a state is the base's fingerprint plus the sum of SHA-256(slot ‖ row)
over the rows that differ from the base, modulo 2^256; a sum, so that a change of few rows costs few hashes.
"""

import hashlib

import torch
from torch import Tensor

MODULUS = 1 << 256
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # a number of as many bytes


def state_hash(fingerprint: str, hash_sum: int) -> str:
    """The hash of a state, in hex: that of its base plus the sum over its rows."""
    return f"{(int(fingerprint, 16) + hash_sum) % MODULUS:064x}"


def hash_step(slots: Tensor, before: Tensor, after: Tensor, base: Tensor) -> int:
    """What replacing rows `before` (S, V) by `after` at `slots` (S,) adds to the sum; `base` has the base's rows."""
    moved = differ(before, after)
    gone, come = moved & differ(before, base), moved & differ(after, base)
    return hash_of_rows(slots[come], after[come]) - hash_of_rows(slots[gone], before[gone])


def hash_of_rows(slots: Tensor, rows: Tensor) -> int:
    """The sum over `rows` (S, V) at `slots` (S,), which differ from the base's."""
    every = (row.tobytes() for row in rows.contiguous().view(torch.uint8).numpy())
    return sum(_row_hash(slot, row) for slot, row in zip(slots.tolist(), every, strict=True))


def differ(a: Tensor, b: Tensor) -> Tensor:
    """Which rows (S, V) of one dtype differ in some bit: (S,)."""
    bits = _BITS[a.element_size()]
    return (a.contiguous().view(bits) != b.contiguous().view(bits)).any(dim=1)


def _row_hash(slot: int, row: bytes) -> int:
    return int.from_bytes(hashlib.sha256(slot.to_bytes(8, "little") + row).digest(), "big")
