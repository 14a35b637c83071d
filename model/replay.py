"""The decoder from its first memory layer up, replayed on what was computed once.

Everything below the first memory layer is the same for all versions, and so are that layer's addresses. Hooks take
what its layers were called with, so that no code here knows an architecture.
Shapes: B texts · T tokens · D width · V value width · H heads · K slots a head · P places · A asked positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.checkpoint import Checkpoint
from model.reads import Reads
from model.retrofit import decoder_layers, memory_layers
from model.text import TokenRows
from model.words import Texts

_TOGETHER = 64  # texts in a pass, where no layer lies above the memory
_AGAIN = 0.9  # how far the key of a slot must be open at least for it to be written again, instead of another way


class Replay:
    """One batch of texts, ready to be read with other rows of the value table.

    batch      the texts, padded on the right: with causal attention no real token sees the padding
    asked      (B, T) bool, positions whose last hidden state is wanted; by default those before an answer token
    addresses  (P, H, K) addresses that the first memory layer reads at its places
    weights    (P, H, K) their weights, whatever keys let through
    intents    (P, I) what the places ask; None where slots have no keys
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
        self._calls: list[dict[str, object]] = []
        with torch.no_grad():
            self._x, self._rest = self._passed(layers[first])
            self._texts, words = Texts.whole(batch.ids), self._memory.words
            texts = None if words is None else self._texts.at(self._places)
            addresses, weights = self._memory.address(self._x[:, None], texts)
            intents = self._memory.intents(texts)  # (P, 1, I)
            self.intents = None if intents is None else intents[:, 0]
            self.addresses, self.weights = addresses[:, 0], weights[:, 0]
            self._at_openings = None if words is None or texts is None or self._later else words.at_openings(texts)
            here = self._rest[self._places] if self._upper else self._rest
            hidden = here + self._memory.read_out(self.bag().to(self._x.dtype), self._x)
            self._hidden_norm = hidden.norm(dim=1).mean()
        self._slots, self._texts_at_places = self.addresses.clone(), texts

    def _passed(self, bearer: nn.Module) -> tuple[Tensor, Tensor]:
        """Input of the first memory layer at the places, (P, D), and hidden states behind `bearer` without its output.

        The latter are (B, T, D), or (P, D) where no layer lies above: then texts of about one length pass together,
        for little padding.
        """
        read: list[Tensor] = []  # the memory layer's input and output, its decoder layer's output
        hooks = [
            self._memory.register_forward_hook(lambda _, args, out: read.extend((args[0], out))),
            bearer.register_forward_hook(lambda _, args, out: read.append(out)),
            *(
                layer.register_forward_pre_hook(lambda _, args, kwargs: self._calls.append(kwargs), with_kwargs=True)
                for layer in self._upper
            ),
        ]
        lengths = self.batch.real.sum(dim=1)
        every = torch.arange(len(lengths), device=lengths.device)
        context, xs, rests, order = self._context, [], [], []
        number = self._places.flatten().cumsum(0).view_as(self._places)
        context.recording, context.reads = bool(self._upper), {}
        try:
            for rows in (every,) if self._upper else torch.split(lengths.argsort(), _TOGETHER):
                width = int(lengths[rows].max())
                places = self._places[rows, :width]
                context.needed = None if self._upper else torch.zeros_like(places)
                read.clear()
                self._decoder(input_ids=self.batch.ids[rows, :width], use_cache=False)
                x, out, hidden = read
                xs.append(x[places])
                rests.append(hidden - out if self._upper else hidden[places])
                order.append(number[rows, :width][places])
        finally:
            context.needed, context.recording = None, False
            for hook in hooks:
                hook.remove()
        self._later = {layer: slots for layer, slots in context.reads.items() if layer != self._memory.layer}
        if self._upper:
            return xs[0], rests[0]
        back = torch.cat(order).argsort()
        return torch.cat(xs)[back], torch.cat(rests)[back]

    def fact(self, texts: Tensor, taken: Tensor | None = None) -> "FactPlaces":
        """The places of one fact's texts (B,) bool, which stand next to each other, and where it is to be written.

        taken  slots (S,) that are about to be written by others
        """
        here = texts[:, None] & self._places
        places = here[self._places].nonzero().flatten()
        own = slice(int(places[0]), int(places[-1]) + 1)
        addresses, weights = self.addresses[own, None], self.weights[own, None]
        intents = None if self.intents is None else self.intents[own, None]
        slots = self._context.chosen(addresses, None if intents is None else _on_the_whole(intents), _AGAIN, taken)
        opened = weights if intents is None else self._context.opened(slots, weights, intents)
        self._slots[own] = slots[:, 0]
        later = [read[here].flatten() for read in self._later.values()]
        return FactPlaces(
            own,
            addresses.flatten(1),
            slots.flatten(1),
            weights.flatten(1),
            opened.flatten(1),
            None if intents is None else intents[:, 0],
            None if self._at_openings is None else self._at_openings[own, 0],
            later,
        )

    def parts(self, fact: "FactPlaces") -> Reads:
        """What a fact's openings would read, by address, with only one of the words that all have (see Words.parts)."""
        words, texts = self._memory.words, self._texts_at_places
        if words is None or texts is None or not bool(fact.openings.any()):
            return Reads(fact.addresses[:0], fact.weights[:0])
        own = fact.own
        return Reads(*words.parts(Texts(texts.ids[own][fact.openings], texts.positions[own][fact.openings])))

    @property
    def is_local(self) -> bool:
        """Whether a bag reaches no other position than its own: no layer lies above."""
        return not self._upper

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
        return self._context.bag(self._memory.layer, self.addresses[None], self.weights[None], intents)[0]

    def bag_to_write(self) -> Tensor:
        """The same of the slots where facts are to be written (see `fact`), (P, V)."""
        intents = None if self.intents is None else self.intents[None]
        return self._context.bag_of(self._slots[None], self.weights[None], intents)[0]

    def __call__(self, bag: Tensor, wanted: Tensor | None = None) -> Tensor:
        """The last hidden states (A, D) at the asked positions, or at those `wanted` (A,) of them, for `bag` (P, V)."""
        out = self._memory.read_out(bag.to(self._x.dtype), self._x)  # (P, D)
        chosen = slice(None) if wanted is None else wanted
        if not self._upper:
            return self._norm((self._rest + out)[chosen])
        self._context.texts = self._texts  # other passes may have been made since
        hidden = self._rest.index_put((self._places,), self._rest[self._places] + out)
        for layer, kwargs in zip(self._upper, self._calls, strict=True):
            hidden = layer(hidden, **kwargs)
        return self._norm(hidden[self.asked][chosen])

    def _norm(self, hidden: Tensor) -> Tensor:
        out: Tensor = self._decoder.norm(hidden)
        return out


def _on_the_whole(intents: Tensor) -> Tensor:
    """What places (p, 1, I) ask on average, for each of them: a fact has one way of an address for all wordings."""
    asking = intents[intents.any(dim=2)]  # (n, I)
    mean = F.normalize(asking.mean(dim=0), dim=0) if len(asking) else intents.new_zeros(intents.shape[2])
    return mean.expand_as(intents)


@dataclass(frozen=True, eq=False)
class FactPlaces:
    """What the first memory layer reads at the p places of one fact's texts, R reads each; and where they stand.

    own          which places of the replay they are
    addresses    (p, R) addresses that they read
    slots        (p, R) the slot of each that is to be written
    unopened     (p, R) weights of the reads
    weights      (p, R) weights through the keys of the view in use
    intents      (p, I) what the places ask; None where slots have no keys
    at_openings  (p, R) what the same words read where an answer begins; None where words are not the query
    later        addresses that later memory layers read, each (n,); they are slots, as there are no ways then
    """

    own: slice
    addresses: Tensor
    slots: Tensor
    unopened: Tensor
    weights: Tensor
    intents: Tensor | None
    at_openings: Tensor | None
    later: Sequence[Tensor]

    @property
    def openings(self) -> Tensor:
        """Where an answer begins: (p,) bool; nowhere if words are not the query, or other layers read slots, too."""
        if self.at_openings is None:
            return torch.zeros(len(self.addresses), dtype=torch.bool, device=self.addresses.device)
        return (self.addresses == self.at_openings).all(dim=1)

    @property
    def slots_read(self) -> Tensor:
        """Slots that all memory layers read, flat, with repetitions; without those of the first that are closed."""
        return torch.cat([self.slots[self.weights > 0], *self.later])

    def addresses_of(self, slots: Tensor) -> Tensor:
        """The address that each of `slots` (S,) is read by; itself where later memory layers read it: (S,)."""
        return slots if self.later else self._beside(slots, self.addresses)

    def at_openings_of(self, slots: Tensor) -> Tensor:
        """For each of `slots` (S,): what its pair of words reads where an answer begins; its address if none is known.

        Later in an answer a slot belongs to two tokens of the answer as well, and tells little of how common its words
        are.
        """
        return self.addresses_of(slots) if self.at_openings is None else self._beside(slots, self.at_openings)

    def _beside(self, slots: Tensor, numbers: Tensor) -> Tensor:
        """Of `numbers` (p, R) those that stand where `slots` (S,) are read: (S,)."""
        read, order = self.slots.flatten().sort()
        return numbers.flatten()[order[torch.searchsorted(read, slots)]]


def _before_answers(batch: TokenRows) -> Tensor:
    before = torch.zeros_like(batch.answer)
    before[:, :-1] = batch.answer[:, 1:]
    return before
