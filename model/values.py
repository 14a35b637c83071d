"""The value table: a store of rows, and versions as views of it.

Shapes: N slots · R spare rows · V value width · P places for views · S slots that a delta changes · G pages of a view.
A view maps every slot to a row, in pages of PAGE slots. The base view is the identity; entering a version shares its
parent's pages, copies those that the delta touches, puts the new rows into free spare rows and points the changed slots
there. A row in use is never overwritten, nor is a page, so a request that reads one view is untouched by whatever
happens to others. What a version costs grows with what it changes; of N it sees its G = N / PAGE page numbers.
"""

import hashlib
import threading

import torch
from torch import Tensor

from model.delta import Delta, same_bits
from model.errors import SpareRowsExhausted, WrongState

_BITS = 8
PAGE = 1 << _BITS  # slots
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
    Methods may be called from any thread; rows and pages that are in use never change.
    """

    def __init__(self, base: Tensor, spare_rows: int, places: int, fingerprint: str) -> None:
        self.slots, self.value_width = base.shape
        self.spare_rows = spare_rows
        self.rows = torch.cat([base, base.new_zeros(spare_rows, self.value_width)])
        G = -(-self.slots // PAGE)
        # Even P views that share no page fit in; memory is touched only where a page is written.
        self._pages = torch.empty(places * G, PAGE, dtype=torch.int32, device=base.device)
        identity = torch.arange(G * PAGE, dtype=torch.int32, device=base.device)
        self._pages[:G] = identity.clamp(max=self.slots - 1).view(G, PAGE)
        self._page_of = torch.arange(G, device=base.device).repeat(places, 1)  # (P, G)
        self._page_users = torch.zeros(places * G, dtype=torch.int32)  # views that hold a page
        self._page_users[:G] = 1
        self._row_users = torch.zeros(spare_rows, dtype=torch.int32)  # pages that point at a spare row
        self._free_pages, self._free_rows = _Free(G, places * G), _Free(0, spare_rows)
        self._free_places = set(range(1, places))
        self.base = View(0, 0, fingerprint)
        self._fingerprint = fingerprint
        self._lock = threading.Lock()

    @property
    def rows_in_use(self) -> int:
        """Spare rows that some view points at."""
        return self.spare_rows - len(self._free_rows)

    @property
    def pages_in_use(self) -> int:
        """Pages that some view has, the base's included."""
        return len(self._pages) - len(self._free_pages)

    def to(self, device: torch.device) -> None:
        """Move rows and views; nothing may read them meanwhile."""
        self.rows, self._pages, self._page_of = (
            tensor.to(device) for tensor in (self.rows, self._pages, self._page_of)
        )

    def locate(self, places: Tensor, slots: Tensor) -> Tensor:
        """Which rows the views in `places` see at `slots`; the two broadcast to the shape of the result, int32."""
        G = self._page_of.shape[1]
        page = self._page_of.take((slots >> _BITS) + places * G)
        return self._pages.take((page << _BITS) + (slots & (PAGE - 1)))

    def read(self, view: View, slots: Tensor) -> Tensor:
        """Rows of `slots` (S,) as `view` sees them: (S, V)."""
        place = torch.tensor(view.place, device=self.rows.device)
        return self.rows[self.locate(place, slots.to(self.rows.device))]

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
        step = self._hash_step(delta, base)
        with self._lock:
            self._refuse_without_room(int(changed.sum()))
            view = View(self._free_places.pop(), (parent.hash_sum + step) % _MODULUS, self._fingerprint)
            target = slots.clone()
            target[changed] = self.slots + self._free_rows.take(int(changed.sum()))
            self.rows[target[changed].to(self.rows.device)] = delta.after[changed].to(self.rows.device)
            self._share_pages(parent, view, slots, target)
        return view

    def retain(self, view: View) -> View:
        """Add a user to `view`."""
        with self._lock:
            view.users += 1
        return view

    def release(self, view: View) -> None:
        """Take a user away; the last one gives the view's place, its own pages and its own rows back."""
        with self._lock:
            view.users -= 1
            if view.users == 0:
                pages = self._page_of[view.place].cpu()
                self._page_users[pages] -= 1
                pages = pages[self._page_users[pages] == 0]
                rows = self._spare_rows_of(pages)
                self._row_users[rows] -= 1
                self._free_rows.give(rows[self._row_users[rows] == 0])
                self._free_pages.give(pages)
                self._free_places.add(view.place)

    def _refuse_without_room(self, count: int) -> None:
        free = len(self._free_rows)
        if free < count:
            raise SpareRowsExhausted(f"the version needs {count} spare rows; {free} of {self.spare_rows} are free")
        if not self._free_places:
            raise SpareRowsExhausted(f"all {len(self._page_of)} places hold views in use")

    def _share_pages(self, parent: View, view: View, slots: Tensor, target: Tensor) -> None:
        """Give `view` its parent's pages, and copies of those in which its `slots` (S,) shall have rows `target`."""
        touched, position = torch.unique(slots >> _BITS, return_inverse=True)
        own = self._free_pages.take(len(touched))
        pages = self._pages[self._page_of[parent.place, touched]]  # a copy, (touched, PAGE)
        pages[position, slots & (PAGE - 1)] = target.to(pages)
        self._pages[own] = pages
        numbers = self._page_of[parent.place].clone()
        numbers[touched] = own.to(numbers.device)
        self._page_of[view.place] = numbers
        self._page_users[numbers.cpu()] += 1  # no page stands twice in a view, nor does a row
        self._row_users[self._spare_rows_of(own)] += 1

    def _spare_rows_of(self, pages: Tensor) -> Tensor:
        """Spare rows, counted from 0, that `pages` point at."""
        rows = self._pages[pages.to(self._pages.device)].cpu()
        return rows.masked_select(rows >= self.slots).long() - self.slots

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


class _Free:
    """Numbers from `first` up to below `end` that are free; the last given back is the first taken."""

    def __init__(self, first: int, end: int) -> None:
        self._numbers = torch.arange(first, end).flip(0)
        self._count = end - first

    def __len__(self) -> int:
        return self._count

    def take(self, count: int) -> Tensor:
        """`count` of them, of which there must be as many."""
        self._count -= count
        return self._numbers[self._count : self._count + count].clone()

    def give(self, numbers: Tensor) -> None:
        """Give back what was taken."""
        self._numbers[self._count : self._count + len(numbers)] = numbers
        self._count += len(numbers)


def _row_bytes(rows: Tensor) -> list[bytes]:
    return [row.tobytes() for row in rows.contiguous().view(torch.uint8).numpy()]


def _row_hash(slot: int, row: bytes) -> int:
    return int.from_bytes(hashlib.sha256(slot.to_bytes(8, "little") + row).digest(), "big")
