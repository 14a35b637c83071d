"""The value table: a store of rows, and versions as views of it.

Shapes: N slots · R spare rows · V value width · P places for views · S slots that a delta changes.
A view maps every slot to a row. The base view is the identity; entering a version copies its parent's view,
puts the new rows into free spare rows and points the changed slots there. A row in use is never overwritten,
so a request that reads one view is untouched by whatever happens to others.
"""

import hashlib
import threading

import torch
from torch import Tensor

from model.delta import Delta, same_bits
from model.errors import SpareRowsExhausted, WrongState

_MODULUS = 1 << 256


class View:
    """One version's map from slots to rows, resident in one place of the table."""

    def __init__(self, place: int, hash_sum: int, fingerprint: str) -> None:
        self.place = place
        self.hash_sum = hash_sum
        self.users = 1
        self._fingerprint = int(fingerprint, 16)

    @property
    def state_hash(self) -> str:
        """Base fingerprint + Σ SHA-256(slot ‖ row) over the rows that differ from the base, mod 2^256, in hex."""
        return f"{(self._fingerprint + self.hash_sum) % _MODULUS:064x}"


class ValueTable:
    """Rows (N + R, V) allocated once, and at most P resident views of them.

    base         (N, V) rows of version 0, in the dtype that the checkpoint says
    spare_rows   R, rows that views other than the base can use
    places       P, views that can be resident at once, the base included
    fingerprint  hex digest of the checkpoint, the start of every state hash
    Methods may be called from any thread; rows and views that are in use never change.
    """

    def __init__(self, base: Tensor, spare_rows: int, places: int, fingerprint: str) -> None:
        self.slots, self.value_width = base.shape
        self.spare_rows = spare_rows
        self.rows = torch.cat([base, base.new_zeros(spare_rows, self.value_width)])
        identity = torch.arange(self.slots, dtype=torch.int32, device=base.device)
        self.views = identity.repeat(places, 1)
        self.base = View(0, 0, fingerprint)
        self._fingerprint = fingerprint
        self._uses = torch.zeros(spare_rows, dtype=torch.int32)
        self._free_places = set(range(1, places))
        self._lock = threading.Lock()

    @property
    def rows_in_use(self) -> int:
        """Spare rows that some view points at."""
        return int((self._uses > 0).sum())

    def read(self, view: View, slots: Tensor) -> Tensor:
        """Rows of `slots` (S,) as `view` sees them: (S, V)."""
        return self.rows[self.views[view.place, slots.to(self.views.device)].long()]

    def enter(self, parent: View, delta: Delta) -> View:
        """The view that `delta` makes of `parent`, with one user: the caller.

        Raises WrongState when the delta was made from other rows, SpareRowsExhausted when the views in use
        leave too few spare rows or no place.
        """
        slots = delta.slots
        if len(slots) and int(slots[-1]) >= self.slots:
            raise WrongState(f"slot {int(slots[-1])} is outside of a table of {self.slots} slots")
        if not same_bits(self.read(parent, slots).cpu(), delta.before):
            raise WrongState("the view's rows are not those that this delta was made from")
        base = self.rows[slots.to(self.rows.device)].cpu()
        changed = (delta.after.view(torch.uint8) != base.view(torch.uint8)).any(dim=1)
        with self._lock:
            target = slots.to(torch.int32)
            target[changed] = (self.slots + self._take_rows(int(changed.sum()))).to(torch.int32)
            place = self._take_place()
            view = View(place, (parent.hash_sum + self._hash_step(delta, base)) % _MODULUS, self._fingerprint)
            self.rows[target[changed].long()] = delta.after[changed].to(self.rows.device)
            self.views[place] = self.views[parent.place]
            self.views[place, slots] = target.to(self.views.device)
            self._uses[self._spare_rows_of(view)] += 1
        return view

    def retain(self, view: View) -> View:
        """Add a user to `view`."""
        with self._lock:
            view.users += 1
        return view

    def release(self, view: View) -> None:
        """Take a user away; the last one gives the view's place and its own rows back."""
        with self._lock:
            view.users -= 1
            if view.users == 0:
                self._uses[self._spare_rows_of(view)] -= 1
                self._free_places.add(view.place)

    def _take_rows(self, count: int) -> Tensor:
        free = (self._uses == 0).nonzero().flatten()
        if len(free) < count:
            raise SpareRowsExhausted(f"the version needs {count} spare rows; {len(free)} of {self.spare_rows} are free")
        return free[:count]

    def _take_place(self) -> int:
        if not self._free_places:
            raise SpareRowsExhausted(f"all {len(self.views)} places hold views in use")
        return self._free_places.pop()

    def _spare_rows_of(self, view: View) -> Tensor:
        rows = self.views[view.place]
        return (rows[rows >= self.slots].cpu() - self.slots).long()

    def _hash_step(self, delta: Delta, base: Tensor) -> int:
        step = 0
        for slot, before, after, original in zip(
            delta.slots.tolist(),
            _row_bytes(delta.before),
            _row_bytes(delta.after),
            _row_bytes(base),
            strict=True,
        ):
            step -= _row_hash(slot, before) if before != original else 0
            step += _row_hash(slot, after) if after != original else 0
        return step


def _row_bytes(rows: Tensor) -> list[bytes]:
    return [row.tobytes() for row in rows.contiguous().view(torch.uint8).numpy()]


def _row_hash(slot: int, row: bytes) -> int:
    return int.from_bytes(hashlib.sha256(slot.to_bytes(8, "little") + row).digest(), "big")
