"""The value table: a store of rows, and versions as views of it.

Shapes: N slots · R spare rows · W width of a row · P places for views · S slots that a delta changes · G pages of a
view.
A view maps every slot to a row, in pages. The base has one row, of zeros, and in its view every slot points at it.
Entering a version shares its parent's pages, copies those that the delta touches, puts the new rows into free spare
rows and points the changed slots there. A row in use is never overwritten, nor is a page, so a request that reads one
view is untouched by whatever happens to others.
A small table's view is one page, because that is quickest to read. In a large one pages have PAGE slots: what a version
costs grows with what it changes; of N it sees its G = N / PAGE pages.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.errors import SpareRowsExhausted, WrongState
from model.memory.delta import Delta
from model.memory.free_list import FreeList
from model.memory.rows import DTYPE
from model.memory.state_hash import MODULUS, differ, hash_of_rows, hash_step, state_hash

FLAT = 1 << 18  # slots up to which a view is one page
PAGE = 1 << 8  # slots of a page in larger tables
# Where rests are asked for, work on many rows is cut into pieces: between two of them a thread that serves gets the
# interpreter, and no piece is large enough for torch to spread it over threads, which would take its processors.
_PIECE_BYTES = 1 << 16
_LARGE_BYTES = 1 << 24  # of a piece otherwise: what is computed beside the rows of a long history stays small


class View:
    """One version's map from slots to rows, resident in one place of the table."""

    def __init__(self, place: int, hash_sum: int, fingerprint: str) -> None:
        self.place = place
        self.hash_sum = hash_sum
        self.users = 1
        self._fingerprint = fingerprint

    @property
    def state_hash(self) -> str:
        """Base fingerprint + Σ SHA-256(slot ‖ row) over the rows that differ from the base, mod 2^256, in hex."""
        return state_hash(self._fingerprint, self.hash_sum)


@dataclass(frozen=True, eq=False)
class Draft:
    """A view to be: what `delta` makes of `parent`; `changed` (S,) tells which of its rows differ from the base's."""

    parent: View
    delta: Delta
    changed: Tensor
    hash_sum: int
    fingerprint: str

    @property
    def state_hash(self) -> str:
        """That of the view to be."""
        return state_hash(self.fingerprint, self.hash_sum)


@dataclass(frozen=True)
class Room:
    """What views use of the table: spare rows, pages (the base's included), places."""

    rows: int
    spare_rows: int
    pages: int
    all_pages: int
    places: int
    all_places: int


class ValueTable:
    """Rows (1 + R, W) allocated once, and at most P resident views of them.

    slots        N
    width        W, width of a row
    spare_rows   R, rows that views other than the base can use
    places       P, views that can be resident at once, the base included
    fingerprint  hex digest of base and memory folder, the start of every state hash
    page         slots of a page, a power of two; chosen by the number of slots when it is left out
    Methods may be called from any thread; rows and pages that are in use never change. `retain` and `release`
    take an instant, whatever is built meanwhile: rows are written before anybody can see them, under no lock,
    and what a last user leaves is given back by whoever next needs room.
    """

    def __init__(
        self, slots: int, width: int, spare_rows: int, places: int, fingerprint: str, *, page: int | None = None
    ) -> None:
        self.slots, self.width, self.spare_rows = slots, width, spare_rows
        self.rows = torch.empty(1 + spare_rows, width, dtype=DTYPE)  # memory is taken as it is written
        self.rows[0] = 0
        if page is None:
            page = PAGE if slots > FLAT else 1 << (slots - 1).bit_length()
        self._bits = page.bit_length() - 1
        G = -(-slots // page)
        # Even P views that share no page fit in; memory is touched only where a page is written.
        self._pages = torch.empty(1 + (places - 1) * G, page, dtype=torch.int32)
        self._pages[0] = 0  # the base's one page, which it sees G times
        self._page_of = torch.zeros(places, G, dtype=torch.int64)  # where it begins
        self._page_users = torch.zeros(len(self._pages), dtype=torch.int32)  # views that hold a page
        self._page_users[0] = 1
        self._row_users = torch.zeros(spare_rows, dtype=torch.int32)  # slots of pages that point at a spare row
        self._free_pages, self._free_rows = FreeList(1, len(self._pages)), FreeList(0, spare_rows)
        self._free_places = set(range(1, places))
        self.base = View(0, 0, fingerprint)
        self._fingerprint = fingerprint
        self._left: list[View] = []  # views without users whose room nobody has claimed back yet
        self._room = threading.Lock()  # over free rows, pages and places, and over who uses them
        self._users = threading.Lock()  # over users of views, and `_left`; held for an instant only

    def room(self) -> Room:
        """How much of the table is in use, and how much there is."""
        with self._room:
            self._claim_back()
            return Room(
                rows=self.spare_rows - len(self._free_rows),
                spare_rows=self.spare_rows,
                pages=len(self._pages) - len(self._free_pages),
                all_pages=len(self._pages),
                places=len(self._page_of) - len(self._free_places),
                all_places=len(self._page_of),
            )

    def to(self, device: torch.device) -> None:
        """Move rows and views; nothing may read them meanwhile."""
        self.rows, self._pages, self._page_of = (
            tensor.to(device) for tensor in (self.rows, self._pages, self._page_of)
        )

    def origins(self, places: Tensor) -> Tensor:
        """Where looking up in the views of `places` begins, in their shape; good while the views are in use."""
        G = self._page_of.shape[1]
        return places * G if G > 1 else self._page_of[places, 0]

    def rows_at(self, origins: Tensor, slots: Tensor) -> Tensor:
        """Which rows views see at `slots`, by their `origins`; the two broadcast to the shape of the result, int32."""
        page_of, pages = self._page_of, self._pages
        if slots.device.type == "cpu":  # NumPy looks up in half of torch's time, and this happens at every step
            found = _looked_up(origins.numpy(), slots.numpy(), page_of.numpy(), pages.numpy(), self._bits)
            return torch.from_numpy(found)
        rows: Tensor = _looked_up(origins, slots, page_of, pages, self._bits)
        return rows

    def locate(self, places: Tensor, slots: Tensor) -> Tensor:
        """Which rows the views in `places` see at `slots`; the two broadcast to the shape of the result, int32."""
        return self.rows_at(self.origins(places), slots)

    def read(self, view: View, slots: Tensor) -> Tensor:
        """Rows of `slots` (S,) as `view` sees them: (S, W)."""
        return self.rows[self.rows_of(view, slots)]

    def changed_slots(self, view: View) -> Tensor:
        """Slots at which `view` sees other rows than the base, ascending: (S,) int64."""
        begins = self._page_of[view.place]
        own = (begins != self._page_of[self.base.place]).nonzero()[:, 0]
        page, offset = (self._pages[begins[own] >> self._bits] >= 1).nonzero().unbind(1)
        return ((own[page] << self._bits) + offset).cpu()

    def state_of(self, view: View, rest: Callable[[], None] | None = None) -> str:
        """The state hash of the rows that `view` sees now, computed anew: the view's own unless they are damaged."""
        slots = self.changed_slots(view)
        total = 0
        for piece in self._pieces(len(slots), rest):
            total += hash_of_rows(slots[piece], self.read(view, slots[piece]).cpu())
        return state_hash(self._fingerprint, total)

    def enter(self, parent: View, delta: Delta) -> View:
        """The view that `delta` makes of `parent`, with one user: the caller.

        Raises WrongState for slots or rows that do not fit into the table, SpareRowsExhausted when the views in use
        leave too few spare rows or no place.
        """
        return self.settle(self.draft(parent, delta))

    def draft(self, parent: View, delta: Delta, rest: Callable[[], None] | None = None) -> Draft:
        """Hash the view that `delta` makes of `parent`, which the caller uses; it takes no room yet.

        rest  called between short pieces of work, so that who serves meanwhile waits for none of them
        Raises WrongState for slots or rows that do not fit into the table.
        """
        self._refuse_unfit(delta)
        changed = torch.zeros(len(delta.slots), dtype=torch.bool)
        total = parent.hash_sum
        for piece in self._pieces(len(changed), rest):
            slots, after = delta.slots[piece], delta.rows[delta.which[piece]].to(self.rows.dtype)
            before, base = self.read(parent, slots).cpu(), self.read(self.base, slots).cpu()
            changed[piece] = differ(after, base)
            total += hash_step(slots, before, after, base)
        return Draft(parent, delta, changed, total % MODULUS, self._fingerprint)

    def settle(self, draft: Draft, rest: Callable[[], None] | None = None) -> View:
        """The view of a draft, with one user: the caller. Its parent must have had a user all the time.

        Raises SpareRowsExhausted when the views in use leave too few spare rows or no place; the draft stays good.
        """
        slots, changed, delta = draft.delta.slots, draft.changed, draft.delta
        touched, position = torch.unique(slots >> self._bits, return_inverse=True)
        used, which = torch.unique(delta.which[changed], return_inverse=True)
        with self._taking(draft, len(used), len(touched)) as (view, taken, own):
            target = torch.zeros_like(slots)  # what does not differ from the base has its row
            target[changed] = taken[which]
            for piece in self._pieces(len(used), rest):
                self.rows[taken[piece].to(self.rows.device)] = delta.rows[used[piece]].to(self.rows)
            begins = self._page_of[draft.parent.place].to("cpu", copy=True)
            pages = self._pages[(begins[touched] >> self._bits).to(self._pages.device)].cpu()  # a copy, (touched, page)
            pages[position, slots & ((1 << self._bits) - 1)] = target.int()
            self._pages[own.to(self._pages.device)] = pages.to(self._pages.device)
            begins[touched] = own << self._bits
            self._page_of[view.place] = begins.to(self._page_of.device)
        with self._room:
            self._page_users[begins >> self._bits] += 1  # once for a page that stands in a view more than once
            rows = self._spare_rows_of(own)
            self._row_users.index_add_(0, rows, torch.ones_like(rows, dtype=torch.int32))
        return view

    @contextmanager
    def _taking(self, draft: Draft, count: int, pages: int) -> Iterator[tuple[View, Tensor, Tensor]]:
        """A view for a draft with `count` rows and its own pages, which nobody can see yet; given back if it fails."""
        with self._room:
            self._claim_back()
            self._refuse_without_room(count)
            view = View(self._free_places.pop(), draft.hash_sum, self._fingerprint)
            taken, own = self._free_rows.take(count), self._free_pages.take(pages)
        try:
            yield view, 1 + taken, own
        except BaseException:
            with self._room:
                self._free_rows.give(taken)
                self._free_pages.give(own)
                self._free_places.add(view.place)
            raise

    def retain(self, view: View) -> View:
        """Add a user to `view`, which must have one."""
        with self._users:
            view.users += 1
        return view

    def release(self, view: View) -> None:
        """Take a user away; the last one leaves the view's place, its own pages and its own rows to others."""
        with self._users:
            view.users -= 1
            if view.users == 0:
                self._left.append(view)

    def _claim_back(self) -> None:
        """Give back what views without users held."""
        with self._users:
            left, self._left = self._left, []
        for view in left:
            pages = self._page_of[view.place].cpu() >> self._bits
            self._page_users[pages] -= 1
            pages = pages[self._page_users[pages] == 0]
            rows = self._spare_rows_of(pages)
            self._row_users.index_add_(0, rows, -torch.ones_like(rows, dtype=torch.int32))
            rows = torch.unique(rows)
            self._free_rows.give(rows[self._row_users[rows] == 0])
            self._free_pages.give(pages)
            self._free_places.add(view.place)

    def _refuse_unfit(self, delta: Delta) -> None:
        """Refuse slots that are not there, and rows of another width or with more bits than the table has."""
        (_, width), kind = delta.rows.shape, delta.rows.dtype
        if len(delta.slots) and int(delta.slots[-1]) >= self.slots:
            raise WrongState(f"slot {int(delta.slots[-1])} is outside of a table of {self.slots} slots")
        if width != self.width or torch.promote_types(kind, self.rows.dtype) != self.rows.dtype:
            own = f"width {self.width} in {self.rows.dtype}"
            raise WrongState(f"rows of width {width} in {kind} do not fit into a table of {own}")

    def _refuse_without_room(self, count: int) -> None:
        free = len(self._free_rows)
        if free < count:
            raise SpareRowsExhausted(f"the version needs {count} spare rows; {free} of {self.spare_rows} are free")
        if not self._free_places:
            raise SpareRowsExhausted(f"all {len(self._page_of)} places hold views in use")

    def rows_of(self, view: View, slots: Tensor) -> Tensor:
        """Which rows `view` has at `slots` (S,): (S,) int32."""
        place = torch.tensor(view.place, device=self.rows.device)
        return self.locate(place, slots.to(self.rows.device))

    def _spare_rows_of(self, pages: Tensor) -> Tensor:
        """Spare rows, counted from 0, that `pages` point at."""
        rows = self._pages[pages.to(self._pages.device)].cpu()
        return rows.masked_select(rows >= 1).long() - 1

    def _pieces(self, count: int, rest: Callable[[], None] | None) -> Iterator[slice]:
        """`count` rows in pieces, short ones with a rest after each but the last where rests are asked for."""
        size = max(1, (_LARGE_BYTES if rest is None else _PIECE_BYTES) // self.rows[0].nbytes)
        for start in range(0, count, size):
            yield slice(start, start + size)
            if rest is not None and start + size < count:
                rest()


def _looked_up(origins: Any, slots: Any, page_of: Any, pages: Any, bits: int) -> Any:
    """What the pages have at `slots`: all of them tensors, or all of them arrays."""
    if page_of.shape[1] > 1:
        origins = page_of.take((slots >> bits) + origins)
        slots = slots & ((1 << bits) - 1)
    return pages.take(slots + origins)
