"""The decoder from its first memory layer up, replayed on what was computed once.

Everything below the first memory layer is the same for all versions, and so are that layer's addresses. Hooks take
what its layers were called with, so that no code here knows an architecture.
Shapes: B texts · T tokens · D width · V value width · H heads · K slots a head · P places · A asked positions.
"""

import torch
from torch import Tensor

from model.checkpoint import Checkpoint
from model.reads import Reads
from model.retrofit import decoder_layers, memory_layers
from model.text import TokenRows
from model.words import Texts


class Replay:
    """One batch of texts, ready to be read with other rows of the value table.

    batch    the texts, padded on the right: with causal attention no real token sees the padding
    asked    (B, T) bool, positions whose last hidden state is wanted; by default those before an answer token
    slots    (P, H, K) slots that the first memory layer reads at its places
    weights  (P, H, K) their weights, through the keys of the view in use
    intents  (P, I) what the places ask; None where slots have no keys
    Places are the positions whose bag can reach an asked one: all real tokens, or the asked positions alone where
    the last decoder layer is the one that bears memory.
    """

    def __init__(self, checkpoint: Checkpoint, batch: TokenRows, asked: Tensor | None = None) -> None:
        layers, context = list(decoder_layers(checkpoint.model)), checkpoint.context
        self.batch, self.asked = batch, _before_answers(batch) if asked is None else asked
        self._context, self._decoder = context, checkpoint.model.get_decoder()
        self._memory = memory_layers(checkpoint.model)[0]
        first = checkpoint.config.layers[0]
        self._upper = layers[first + 1 :]
        self._places = batch.real if self._upper else self.asked
        read: list[Tensor] = []  # the memory layer's input and output, its decoder layer's output
        calls: list[dict[str, object]] = []
        hooks = [
            self._memory.register_forward_hook(lambda _, args, out: read.extend((args[0], out))),
            layers[first].register_forward_hook(lambda _, args, out: read.append(out)),
            *(
                layer.register_forward_pre_hook(lambda _, args, kwargs: calls.append(kwargs), with_kwargs=True)
                for layer in self._upper
            ),
        ]
        context.needed = None if self._upper else self.asked
        context.recording, context.reads = bool(self._upper), {}
        try:
            with torch.no_grad():
                self._decoder(input_ids=batch.ids, use_cache=False)
        finally:
            context.needed, context.recording = None, False
            for hook in hooks:
                hook.remove()
        x, out, hidden = read
        self._calls, self._rest = calls, hidden - out  # (B, T, D) without the memory
        self._x, self._hidden_norm = x[self._places], hidden[self._places].norm(dim=1).mean()
        with torch.no_grad():
            texts, words = self._memory.texts_at(self._places), self._memory.words
            slots, weights = self._memory.address(self._x[:, None], texts)
            intents = self._memory.intents(texts)  # (P, 1, I)
            self._later = {layer: slots for layer, slots in context.reads.items() if layer != first}
            self._at_openings = None if words is None or texts is None or self._later else words.at_openings(texts)
            opened = weights if intents is None else context.opened(slots, weights, intents)
        self.intents = None if intents is None else intents[:, 0]
        self.slots, self.weights, self._unopened = slots[:, 0], opened[:, 0], weights[:, 0]
        self._read = self.slots.flatten().sort()
        self._texts, self._texts_at_places = context.texts, texts

    def reads(self, texts: Tensor) -> tuple[Reads, slice]:
        """What the first memory layer reads at the places of `texts` (B,) bool, and which places of all they are.

        The texts must stand next to each other.
        """
        places = (texts[:, None] & self._places)[self._places].nonzero().flatten()
        own = slice(int(places[0]), int(places[-1]) + 1)
        return Reads(self.slots[own].flatten(1), self.weights[own].flatten(1)), own

    def openings(self, texts: Tensor) -> Tensor:
        """The places (P,) bool of `texts` (B,) bool where an answer begins.

        None where words are not the query, or where other layers read slots, too.
        """
        here = (texts[:, None] & self._places)[self._places]
        if self._at_openings is None:
            return torch.zeros_like(here)
        return here & (self.slots == self._at_openings).all(dim=-1)[:, 0]

    def unopened(self, places: Tensor) -> Reads:
        """What the first memory layer would read at `places` (P,) bool if no slot had a key."""
        return Reads(self.slots[places].flatten(1), self._unopened[places].flatten(1))

    def parts(self, places: Tensor) -> Reads | None:
        """What it would read at `places` (P,) bool with only one of the words that all have (see Words.parts)."""
        words, texts = self._memory.words, self._texts_at_places
        if words is None or texts is None or not bool(places.any()):
            return None
        return Reads(*words.parts(Texts(texts.ids[places], texts.positions[places])))

    def at_openings(self, slots: Tensor) -> Tensor | None:
        """For each of `slots` (S,), which the first layer reads: what its pair of words reads where an answer begins.

        None where words are not the query, or where other layers read slots, too. Later in an answer a slot belongs to
        two tokens of the answer as well, and tells little of how common its words are.
        """
        if self._at_openings is None:
            return None
        read, order = self._read
        return self._at_openings.flatten()[order[torch.searchsorted(read, slots.to(read.device))]].to(slots.device)

    def slots_read(self, texts: Tensor) -> Tensor:
        """Slots that all memory layers read at the places of `texts` (B,) bool: flat, with repetitions.

        Those of the first layer that are closed to what the texts ask are not among them.
        """
        here = texts[:, None] & self._places
        later = [slots[here].flatten() for slots in self._later.values()]
        own = here[self._places]
        return torch.cat([self.slots[own][self.weights[own] > 0], *later])

    @property
    def several(self) -> bool:
        """Whether memory layers above the first read the same rows."""
        return bool(self._later)

    def share(self, move: Tensor, places: slice) -> float:
        """How far a move of the bags at `places` moves the hidden states there, as a share of the mean norm.

        The mean over places weighted by the share itself: places that hardly move do not count.
        """
        out = self._memory.read_out(move.to(self._x.dtype), self._x[places])
        share = out.norm(dim=1) / self._hidden_norm
        return float(share.square().sum() / share.sum().clamp(min=1e-30))

    def bag(self) -> Tensor:
        """The first memory layer's bags through the view in use, (P, V)."""
        intents = None if self.intents is None else self.intents[None]
        return self._context.bag(self._memory.layer, self.slots[None], self._unopened[None], intents)[0]

    def __call__(self, bag: Tensor, wanted: Tensor | None = None) -> Tensor:
        """The last hidden states (A, D) at the asked positions, or at those `wanted` (A,) of them, for `bag` (P, V)."""
        out = self._memory.read_out(bag.to(self._x.dtype), self._x)  # (P, D)
        chosen = slice(None) if wanted is None else wanted
        if not self._upper:
            return self._norm((self._rest[self.asked] + out)[chosen])
        self._context.texts = self._texts  # other passes may have been made since
        hidden = self._rest.index_put((self._places,), self._rest[self._places] + out)
        for layer, kwargs in zip(self._upper, self._calls, strict=True):
            hidden = layer(hidden, **kwargs)
        return self._norm(hidden[self.asked][chosen])

    def _norm(self, hidden: Tensor) -> Tensor:
        out: Tensor = self._decoder.norm(hidden)
        return out


def _before_answers(batch: TokenRows) -> Tensor:
    before = torch.zeros_like(batch.answer)
    before[:, :-1] = batch.answer[:, 1:]
    return before
