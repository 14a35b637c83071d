"""The memory layer: an address, a weighted bag of values, a readout. Knows nothing of versions but their views.

An address is found by product keys from the hidden state, or is made of the words so far (see words.py).

Lample et al. 2019, https://arxiv.org/abs/1907.05242 (product keys, direct readout); Berges et al. 2024,
https://arxiv.org/abs/2412.09764 (one table for all layers, gate).
An address has one slot, or several ways of which one is read (see ways.py); without them the two are the same number.
Shapes: B batch · T tokens · D width · H heads · K addresses read per head · n sub-keys per half, n·n addresses ·
V value width · I intent width · d half-key width · S slots being trained · W ways.
A row is a value (V) and, where slots are opened by what is asked, a key (I) and its threshold, 0 if it has none. The
value of such a row comes on top of the base's, with the slot's weight times 1 + key · intent - threshold, cut to 0 … 1:
it opens to who asks what its fact answers.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.config import MemoryConfig
from model.intent import Intent
from model.lookup import PairLookup
from model.values import ValueTable, View
from model.ways import Ways
from model.words import Texts, Words

_SUM = 0  # torch.embedding_bag's number of the mode


class ChangedRows:
    """A change of rows that is not in the table yet: slots (S,) ascending; change (S, V) is added to their rows."""

    def __init__(self, slots: Tensor, change: Tensor) -> None:
        self.slots, self.change = slots, change

    def times(self, share: float) -> "ChangedRows":
        """A share of the change."""
        return ChangedRows(self.slots, share * self.change)

    def bag(self, slots: Tensor, weights: Tensor) -> Tensor:
        """What the change adds to the bags of reads: slots, weights (P, R) → (P, V)."""
        position = torch.searchsorted(self.slots, slots).clamp(max=len(self.slots) - 1)
        weights = weights * (self.slots[position] == slots)
        return F.embedding_bag(position, self.change, per_sample_weights=weights, mode="sum")


class MemoryContext:
    """What the memory layers of one model share during a forward pass, written by the thread that owns the model.

    intent     what questions ask, which written slots are opened by; None where slots have no keys
    ways       the slots of an address; None where it has one, its own number
    keyed      whether the views in use can have slots with a key
    changed    rows that are being written, in no version yet
    reads      layer → addresses (B, T, H, K) read by it, kept while `recording`
    needed     (B, T) bool, the positions whose output matters where the last layer bears the memory; all when None
    texts      the places of the pass, where words are the query
    continued  those of the next pass, where it goes on with texts that were begun before; else its ids are the texts
    """

    def __init__(self, table: ValueTable, intent: Intent | None = None, ways: Ways | None = None) -> None:
        self.table, self.intent, self._intent_width = table, intent, intent.width if intent else 0
        self._ways = ways
        self._keyed_base = intent is not None and bool(table.rows[: table.base_rows, -1].any())
        self._views: tuple[View, ...] = ()
        self._origins, self._bags, self._reads_of_a_bag = torch.empty(0), torch.empty(0), 0
        self.keyed = False
        self.use(table.base)
        self.changed: ChangedRows | None = None
        self.recording = False
        self.reads: dict[int, Tensor] = {}
        self.needed: Tensor | None = None
        self.texts = Texts.whole(torch.empty(0, 0, dtype=torch.int64))
        self.continued: Texts | None = None

    def use(self, *views: View) -> None:
        """Let sequence b of the next batches read `views[b]`; one view alone serves every sequence.

        Their place is looked up when they change, so that a decode step finds it done.
        """
        device = self.table.rows.device
        if views != self._views or self._origins.device != device:
            places = torch.tensor([view.place for view in views], device=device)
            self._views, self._origins = views, self.table.origins(places).view(-1, 1, 1, 1)
            written = self._keyed_base or any(view is not self.table.base for view in views)
            self.keyed = bool(self._intent_width) and written

    def chosen(
        self, addresses: Tensor, intent: Tensor | None, least: float = 0.0, taken: Tensor | None = None
    ) -> Tensor:
        """The slot of each address (B, T, H, K) that who asks `intent` (B, T, I) reads: (B, T, H, K).

        Ways are written in their order. So of those before the first that nobody has written, nor is about to write as
        those in `taken` (S,), that with the nearest key is read which is open further than `least`; else that first. A
        slot without a key is nearer than any.
        """
        if self._ways is None or intent is None or not (self.keyed or taken is not None):
            return addresses
        at = self._in_use(addresses, self.rows_at(addresses), taken).nonzero()  # (n, 4): most have not one fact
        if not len(at):
            return addresses
        asked = at.unbind(1)
        ways, origins = self._ways.of(addresses[asked]), self._own_origins().flatten()  # (n, W)
        rows = self.table.rows_at(origins[asked[0] % len(origins), None], ways)
        used = self._in_use(ways, rows, taken).cumprod(dim=1).bool()
        readable = used & self.table.is_written(rows)
        near = torch.full(rows.shape, -torch.inf, device=rows.device)
        near[readable] = self._nearness(rows[readable], intent[asked[:2]][readable.nonzero()[:, 0]], least)
        nearest, first = near.max(dim=1), used.sum(dim=1) % ways.shape[1]  # the first way, where all are in use
        way = torch.where(nearest.values > -torch.inf, nearest.indices, first)
        slots = addresses.clone()
        slots[asked] = ways.gather(1, way[:, None])[:, 0]
        return slots

    def _nearness(self, rows: Tensor, intent: Tensor, least: float) -> Tensor:
        """Cosine of keys of rows (n,) and `intent` (n, I); 2 without a key, -inf if open by `least` or less: (n,)."""
        keys = self._keys(rows)
        opened, keyed = self._opened(keys, intent)
        cosine = F.cosine_similarity(keys[:, :-1], intent, dim=1)
        return torch.where(keyed, cosine, 2.0).masked_fill(opened <= least, -torch.inf)

    def before(self, slots: Tensor, addresses: Tensor) -> Tensor:
        """The ways of `addresses` (S,) before `slots` (S,) that the view in use has not written: (n,)."""
        if self._ways is None:
            return slots[:0]
        ways = self._ways.of(addresses)  # (S, W)
        earlier = (ways == slots[:, None]).cumsum(dim=1) == 0
        return ways[earlier & ~self.table.is_written(self.table.rows_at(self._origins.flatten()[:1], ways))]

    def _in_use(self, slots: Tensor, rows: Tensor, taken: Tensor | None) -> Tensor:
        """Which slots with these rows are written, or among those `taken` (S,): bool in their shape."""
        written = self.table.is_written(rows)
        return written if taken is None else written | torch.isin(slots, taken)

    def opened(self, slots: Tensor, weights: Tensor, intent: Tensor) -> Tensor:
        """The weights (B, T, H, K) of reads after what keys let through, asked with `intent` (B, T, I)."""
        if not self.keyed:
            return weights
        openness, _ = self._opened(self._keys(self.rows_at(slots)), intent[:, :, None, None])
        return weights * openness.clamp(0, 1)

    def _opened(self, keys: Tensor, intent: Tensor) -> tuple[Tensor, Tensor]:
        """How far `keys` (…, I + 1) open to `intent` (…, I), to be cut to 0 … 1, and which are keys, bool."""
        reached, threshold = (keys[..., :-1] * intent).sum(dim=-1), keys[..., -1]
        return 1 + reached - threshold, threshold > 0

    def _keys(self, rows: Tensor) -> Tensor:
        """Keys of rows (…) with their thresholds behind them: (…, I + 1)."""
        width = self._intent_width + 1
        return self.table.rows[:, -width:].index_select(0, rows.flatten()).view(*rows.shape, width)

    def rows_at(self, slots: Tensor) -> Tensor:
        """Which row of the table each sequence's view has at its slots: (B, T, H, K) → (B, T, H, K)."""
        return self.table.rows_at(self._own_origins(), slots)

    def _own_origins(self) -> Tensor:
        """Where looking up begins for each sequence, or one for all: (B or 1, 1, 1, 1)."""
        if self.needed is not None and len(self._origins) > 1:  # each needed position stands as a sequence of its own
            return self._origins[self.needed.nonzero()[:, 0]]
        return self._origins

    def bag(self, layer: int, addresses: Tensor, weights: Tensor, intent: Tensor | None = None) -> Tensor:
        """Σ over heads and ranks of weight · value: addresses, weights (B, T, H, K), intent (B, T, I) → (B, T, V)."""
        if self.recording:
            self.reads[layer] = addresses.detach()
        return self.bag_of(self.chosen(addresses, intent), weights, intent)

    def bag_of(self, slots: Tensor, weights: Tensor, intent: Tensor | None = None) -> Tensor:
        """The same of given slots (B, T, H, K)."""
        B, T, H, K = slots.shape
        rows, opened = self.rows_at(slots), weights
        if intent is not None and self.keyed:
            openness, keyed = self._opened(self._keys(rows), intent[:, :, None, None])
            opened = weights * openness.clamp(0, 1)
            rows = torch.cat([rows, self.table.beneath(slots)], dim=-1)
            weights, K = torch.cat([opened, weights * keyed], dim=-1), 2 * K
        rows, weights = rows.view(-1), weights.reshape(-1).to(self.table.rows.dtype)
        # What F.embedding_bag calls, without its checks: they take as long as the bag of one token.
        bag = torch.embedding_bag(self.table.rows, rows, self._begins(B * T, H * K), False, _SUM, False, weights)[0]
        if self._intent_width:
            bag = bag[:, : -(self._intent_width + 1)]
        if self.changed is not None:
            bag = bag + self.changed.bag(slots.reshape(B * T, -1), opened.reshape(B * T, -1).to(bag.dtype))
        return bag.reshape(B, T, bag.shape[-1])

    def _begins(self, bags: int, reads: int) -> Tensor:
        """Where each of so many bags begins in a list of reads: (bags,); kept for the next step, mostly of its size."""
        begins, device = self._bags, self.table.rows.device
        if len(begins) != bags or self._reads_of_a_bag != reads or begins.device != device:
            with torch.inference_mode(False):
                begins = torch.arange(0, bags * reads, reads, dtype=torch.int32, device=device)
            self._bags, self._reads_of_a_bag = begins, reads
        return begins


class MemoryLayer(nn.Module):
    """out = W_out( bag ⊙ silu(W_gate x) ), or gain ⊙ bag where the readout is direct; x (B, T, D) → (B, T, D).

    Addressing runs in fp32 with autocast off: in bf16 a worker and an engine would read different slots.
    """

    def __init__(
        self, config: MemoryConfig, layer: int, width: int, context: MemoryContext, vocabulary: int = 0
    ) -> None:
        super().__init__()
        H, n, d, V = config.heads, config.sub_keys, config.key_width, config.value_width
        self.config, self.layer, self.context = config, layer, context
        self.words = Words(vocabulary, config.addresses) if config.query == "words" else None
        if config.query == "hidden":
            self.query = nn.Linear(width, H * 2 * d, bias=False)
            self.query_gain = nn.Parameter(torch.ones(H, 2, d))
            self.keys = nn.Parameter(torch.empty(H, 2, n, d).uniform_(-(d**-0.5), d**-0.5))
            nn.init.xavier_uniform_(self.query.weight)
            self._lookup = PairLookup(config.sub_keys, config.top_k)
            self._unit_keys: tuple[tuple[int, int], Tensor] | None = None  # of frozen keys: which they were, normalised
        if config.readout == "gated":
            self.gate = nn.Linear(width, V, bias=False)
            self.out = nn.Linear(V, width, bias=False)
            if config.placement == "beside":
                nn.init.zeros_(self.out.weight)  # a retrofitted model answers as before
        else:
            if width != V:
                raise ValueError(f"MemoryConfig.value_width is {V}; a direct readout needs the model's width, {width}")
            self.gain = nn.Parameter(torch.ones(V))

    def half_queries(self, x: Tensor) -> Tensor:
        """Both halves of each head's query, normalised: x (B, T, D) → (B, T, H, 2, d)."""
        query = F.linear(x.float(), self.query.weight.float())
        query = query.view(*x.shape[:2], self.config.heads, 2, self.config.key_width)
        return F.rms_norm(query, (self.config.key_width,))

    def half_scores(self, x: Tensor) -> Tensor:
        """Scores of the half-keys: x (B, T, D) → (H, 2, B·T, n)."""
        H, n, d = self.config.heads, self.config.sub_keys, self.config.key_width
        queries = (self.half_queries(x) * self.query_gain.float()).view(-1, H * 2, d)  # (B·T, 2H, d)
        return torch.bmm(queries.transpose(0, 1), self._half_keys()).view(H, 2, -1, n)

    def _half_keys(self) -> Tensor:
        """The half-keys, normalised: (2H, d, n). Frozen ones are normalised once, until their weights change."""
        if self.keys.requires_grad or self.keys.is_inference():  # the latter do not tell when they change
            return _normalised(self.keys)
        which = (self.keys.data_ptr(), self.keys._version)
        if self._unit_keys is None or self._unit_keys[0] != which:
            with torch.inference_mode(False):  # a tensor made in inference mode could bear no gradient of others later
                self._unit_keys = which, _normalised(self.keys)
        return self._unit_keys[1]

    def address(self, x: Tensor, texts: Texts | None = None) -> tuple[Tensor, Tensor]:
        """The addresses that x (B, T, D) reads, and their weights, per head: two of (B, T, H, K).

        Asked by the hidden state these are the K best of all n·n, with softmax weights. Asked by words, x is at
        the places of `texts`, those of the pass by default.
        """
        if self.words is not None:
            addresses, weights = self.words(self.context.texts if texts is None else texts)
            return addresses[:, :, None], weights[:, :, None]
        if torch.is_autocast_enabled(x.device.type):  # to enter `autocast` at each step costs as much as a product
            with torch.autocast(x.device.type, enabled=False):
                return self.address(x, texts)
        addresses, scores = self._lookup(self.half_scores(x))
        shape = (*x.shape[:2], *addresses.shape[1:])
        return addresses.view(shape), scores.softmax(dim=-1).view(shape)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output, (B, T, D) → (B, T, D); zeros at positions that are not needed."""
        needed = self.context.needed
        if needed is None:
            return self.read(x)
        read = self.read(x[needed][:, None], self.texts_at(needed))[:, 0]
        out = read.new_zeros(x.shape)
        out[needed] = read
        return out

    def texts_at(self, places: Tensor) -> Texts | None:
        """What is asked at the P positions of the pass where `places` (B, T) is True; None where x alone asks."""
        return None if self.words is None else self.context.texts.at(places)

    def read(self, x: Tensor, texts: Texts | None = None) -> Tensor:
        """The layer's output, (B, T, D) → (B, T, D); for `texts` see `address`."""
        addresses, weights = self.address(x, texts)
        intent = self.intents(texts) if self.context.keyed else None
        bag = self.context.bag(self.layer, addresses, weights, intent).to(x.dtype)  # (B, T, V)
        return self.read_out(bag, x)

    def intents(self, texts: Texts | None = None) -> Tensor | None:
        """What the places of `texts`, by default of the pass, ask: (B, T, I); None where keys do not count."""
        if self.context.intent is None or self.words is None:
            return None
        texts = self.context.texts if texts is None else texts
        return self.context.intent(texts.ids, self.words.asked_until(texts))

    def read_out(self, bag: Tensor, x: Tensor) -> Tensor:
        """What a bag (B, T, V) adds at positions with input x (B, T, D): linear in the bag."""
        if self.config.readout == "direct":
            return bag * self.gain
        out: Tensor = self.out(bag * F.silu(self.gate(x)))
        return out


def _normalised(keys: Tensor) -> Tensor:
    """Half-keys (H, 2, n, d) of length 1, as a product with queries wants them: (2H, d, n)."""
    return F.normalize(keys.float(), dim=-1).flatten(0, 1).transpose(1, 2)


class Beside(nn.Module):
    """A feed-forward block with a memory layer beside it: block(x) + memory(x)."""

    def __init__(self, block: nn.Module, memory: MemoryLayer) -> None:
        super().__init__()
        self.block, self.memory = block, memory

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both, (B, T, D) → (B, T, D)."""
        out: Tensor = self.block(x) + self.memory(x)
        return out
