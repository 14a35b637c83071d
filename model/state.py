"""State hashes: which rows differ from the base, and what is in them, as a sum that changes row by row.

Shapes: S slots · V value width. The hash of a state is the base's fingerprint plus the sum of SHA-256(slot ‖ row)
over the rows that differ from the base, modulo 2^256; a sum, so that a change of few rows costs few hashes.
"""

import hashlib

import torch
from torch import Tensor

MODULUS = 1 << 256


def state_hash(fingerprint: str, hash_sum: int) -> str:
    """The hash of a state, in hex: that of its base plus the sum over its rows."""
    return f"{(int(fingerprint, 16) + hash_sum) % MODULUS:064x}"


def hash_step(slots: Tensor, before: Tensor, after: Tensor, base: Tensor) -> int:
    """What replacing rows `before` (S, V) by `after` at `slots` (S,) adds to the sum; `base` has the base's rows."""
    step = 0
    rows = zip(slots.tolist(), _bytes(before), _bytes(after), _bytes(base), strict=True)
    for slot, old, new, original in rows:
        if old != new:
            step -= _row_hash(slot, old) if old != original else 0
            step += _row_hash(slot, new) if new != original else 0
    return step


def hash_of_rows(slots: Tensor, rows: Tensor) -> int:
    """The sum over `rows` (S, V) at `slots` (S,), which differ from the base's."""
    return sum(_row_hash(slot, row) for slot, row in zip(slots.tolist(), _bytes(rows), strict=True))


def _bytes(rows: Tensor) -> list[bytes]:
    return [row.tobytes() for row in rows.contiguous().view(torch.uint8).numpy()]


def _row_hash(slot: int, row: bytes) -> int:
    return int.from_bytes(hashlib.sha256(slot.to_bytes(8, "little") + row).digest(), "big")
