"""Facts that are taught together: the passes are shared, and every fact has its own writing.

Shapes: F facts · B texts · A positions before an answer token · P places (see Replay) · V value width.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.delta import Delta
from model.evaluate import complete, matches
from model.memory import ChangedRows
from model.precision import quick
from model.reads import Held, Reads, joined, nearest_of
from model.replay import FactPlaces, Replay
from model.study import Probe, Study
from model.text import pad
from model.values import View
from model.writing import SlotUses, Writing, choose_slots, distinct, held_still, key_of

EncodedTexts = list[tuple[list[int], list[bool]]]  # see text.encode

_POSITIONS = 256  # whose logits are computed together
_CLOSED_TO_ALL = 2.0  # a threshold that nobody reaches without a key
_ROUNDS = 3  # of training to a lower loss, for facts whose probe is not answered


@dataclass(frozen=True)
class FactReport:
    """How one fact went: `probe_answer` is what the model said on the held-out probe, at its best attempt.

    loss is the mean answer loss in nats a token; seconds are the fact's share of those of its group.
    """

    learned: bool
    reason: str
    steps: int
    loss: float
    seconds: float
    slots: SlotUses
    probe: Probe
    probe_answer: str


class Group:
    """Facts that are taught together on one view: every one has its own Writing, and they share the passes.

    rows  the encoded study texts of each fact, at least one
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        view: View,
        studies: Sequence[Study],
        rows: Sequence[EncodedTexts],
        config: FinetuneConfig,
        held: Held,
    ) -> None:
        self._begun = time.monotonic()
        self._checkpoint, self._view, self._studies, self._config = checkpoint, view, studies, config
        batch = pad([row for own in rows for row in own], checkpoint.tokenizer.pad_token_id)
        batch = batch.to(checkpoint.table.rows.device)
        fact = torch.arange(len(studies)).repeat_interleave(torch.tensor(list(map(len, rows))))  # (B,)
        fact = fact.to(batch.ids.device)
        checkpoint.context.use(view)
        self._replay = Replay(checkpoint, batch)
        self._fact = fact[:, None].expand_as(batch.real)[self._replay.asked]  # (A,)
        self._target = batch.ids.roll(-1, dims=1)[self._replay.asked]  # (A,)
        self._tokens = torch.bincount(self._fact, minlength=len(studies))
        self._writings: list[Writing] = []
        self._refused: dict[int, str] = {}
        for index in range(len(studies)):
            taken = self._taken()
            places = self._replay.fact(fact == index, taken)
            share = distinct(checkpoint, places)
            if share < config.distinct:
                self._refused[index] = (
                    f"its words are too common to tell it from other facts: {share:.0%} of what it reads is rare, "
                    f"and {config.distinct:.0%} must be; name what it is about in full"
                )
            self._writings.append(self._writing(places, taken, held))
        with torch.no_grad():
            self._bag = self._replay.bag_to_write()
        self._loss = torch.full((len(studies),), torch.inf)
        self._rate = torch.full((len(studies),), float(config.learning_rate))
        self._steps = [0] * len(studies)
        self._said = [""] * len(studies)
        self._learned: set[int] = set()

    def teach(self) -> list[FactReport]:
        """Train until every probe is answered or the steps are used up; one report a fact."""
        missing, stop = set(range(len(self._studies))) - set(self._refused), self._config.stop_loss
        unsettled = False  # whether an answer may have changed since it was given
        for _ in range(_ROUNDS):
            self._train(missing, stop)
            self._learned |= self._answered(missing)
            missing -= self._learned
            stop /= 4
            if not missing or all(self._steps[fact] >= self._config.max_steps for fact in missing):
                break
            unsettled = True
        unsettled |= bool(missing)
        while unsettled and not self._config.keep_unlearned:
            undone = self._learned - self._answered(self._learned)
            self._learned -= undone
            unsettled = bool(undone)
        seconds = (time.monotonic() - self._begun) / len(self._studies)
        return [self._report(fact, seconds) for fact in range(len(self._studies))]

    def delta(self) -> Delta | None:
        """The change of the facts that were learned; None when there are none."""
        every = range(len(self._studies))
        return self._delta(every if self._config.keep_unlearned else sorted(self._learned))

    def _taken(self) -> Tensor:
        """Slots that facts of the group are the first to write: each has one key, so no other may write them."""
        others = (writing for fact, writing in enumerate(self._writings) if fact not in self._refused)
        first = [writing.slots for writing in others if writing.key is not None]
        return torch.cat(first) if first else torch.empty(0, dtype=torch.int64, device=self._fact.device)

    def _writing(self, places: FactPlaces, taken: Tensor, held: Held) -> Writing:
        """A writing of the fact that stands at `places`, while what background and earlier facts read is held still."""
        checkpoint, config = self._checkpoint, self._config
        background, device = checkpoint.held, places.slots.device
        key, weights = None if places.intents is None or not config.keyed else key_of(places.intents), places.weights
        if places.intents is not None and key is not None:  # places that ask nothing will find the slots closed
            weights = weights * places.intents.any(dim=1, keepdim=True)
        uses = choose_slots(checkpoint, places, taken if key is not None else taken[:0], config)
        slots = uses.slots.to(device)
        addresses = places.addresses_of(slots)
        reads, by_address = Reads(places.slots, weights), Reads(places.addresses, weights)
        volume = background.volume(addresses.cpu(), checkpoint.config.addresses)
        volume = volume.maximum(background.volume(places.at_openings_of(slots).cpu(), checkpoint.config.addresses))
        cost = (1 + config.volume * volume).to(device)
        firm = parts = weights.new_empty(0, len(slots))
        if config.anchors:
            read, written = nearest_of([(background, addresses.cpu()), (held, slots.cpu())], config.anchors)
            still = [held_still(read.to(device), by_address, addresses), held_still(written.to(device), reads, slots)]
            if len(read) or len(written):
                firm = torch.cat([*still, background.common(addresses.cpu()).to(device)[None]])
                parts = self._replay.parts(places).on(addresses)
        return Writing(uses, addresses, reads, places.own, firm, parts, cost, checkpoint.config.value_width, key)

    def _train(self, facts: set[int], stop: float) -> None:
        """Steps on `facts` until the loss of each is at most `stop`, or its steps are used up."""
        config = self._config
        open_ = {fact for fact in facts if self._steps[fact] < config.max_steps}
        while open_:
            gradient = self._look(open_)
            open_ = {fact for fact in open_ if self._loss[fact] > stop or self._steps[fact] == 0}
            for fact in open_:
                self._step(fact, gradient[self._writings[fact].places])
                self._steps[fact] += 1
            open_ = {fact for fact in open_ if self._steps[fact] < config.max_steps}

    def _look(self, facts: set[int]) -> Tensor:
        """Set the losses of `facts`; returns their gradient by the bags, (P, V)."""
        wanted = torch.isin(self._fact, torch.tensor(sorted(facts), device=self._fact.device))
        reach = self._config.reach
        bag = (self._bag + reach * torch.cat([writing.bag() for writing in self._writings])).requires_grad_()
        context = self._checkpoint.context
        context.use(self._view)  # a probe may have been asked of another
        context.changed = self._changed().times(reach) if self._replay.several else None
        try:
            hidden = self._replay(bag, wanted)
        finally:
            context.changed = None
        share = 1 / self._tokens[self._fact[wanted]]
        losses, by_hidden = _losses(self._checkpoint.model.lm_head, hidden.detach(), self._target[wanted], share)
        (gradient,) = torch.autograd.grad(hidden, bag, by_hidden)
        mean = losses.new_zeros(len(self._studies)).index_add(0, self._fact[wanted], losses)
        for fact in facts:
            self._rate[fact] /= 2 if mean[fact] > self._loss[fact] else 1  # the last step went too far
            self._loss[fact] = mean[fact]
        return gradient

    def _step(self, fact: int, gradient: Tensor) -> None:
        """One step along `gradient` (P, V): of a set length, or in proportion to the gradient."""
        writing, size = self._writings[fact], float(self._rate[fact])
        if self._config.optimizer == "relative":
            moved = self._config.reach * writing.moved(gradient)
            size /= max(self._replay.share(moved, writing.places), 1e-30)
        writing.step(gradient, size)

    def _answered(self, facts: set[int]) -> set[int]:
        """Those of `facts` whose probe is answered on a view with what is learned and `facts`: as it is served."""
        order = sorted(facts)
        delta = self._delta(sorted(self._learned | facts))
        if delta is None:
            return set()
        said = _ask(self._checkpoint, self._view, delta, [self._studies[fact].probe for fact in order])
        for fact, answer in zip(order, said, strict=True):
            self._said[fact] = answer
        return {fact for fact in order if matches(self._said[fact], self._studies[fact].probe.answer)}

    def _changed(self, facts: Iterable[int] | None = None) -> ChangedRows:
        """The changes of `facts`, of all by default, as one: what several write to a slot adds up."""
        writings = self._writings if facts is None else [self._writings[fact] for fact in facts]
        slots, position = torch.unique(torch.cat([writing.slots for writing in writings]), return_inverse=True)
        changes = torch.cat([writing.change() for writing in writings])
        return ChangedRows(slots, changes.new_zeros(len(slots), changes.shape[1]).index_add(0, position, changes))

    def _delta(self, facts: Sequence[int]) -> Delta | None:
        if not facts:
            return None
        changed, width = self._changed(facts), self._checkpoint.config.value_width
        before = self._checkpoint.table.read(self._view, changed.slots)
        base = self._checkpoint.table.rows[self._checkpoint.table.beneath(changed.slots)]
        unwritten = (before == base).all(dim=1)
        after = before.clone()
        after[:, :width] = (before[:, :width].float() + changed.change).to(before.dtype)
        for writing in (self._writings[fact] for fact in facts):
            if writing.key is not None:  # what is written first under a key stands for itself, on top of the base
                first = torch.isin(changed.slots, writing.slots) & unwritten
                after[first, :width] = changed.change[first].to(before.dtype)
                after[first, width:] = writing.key.to(before.dtype)
        slots, after = self._without_gaps(changed.slots, after, facts)
        reads = joined(self._writings[fact].reads.to("cpu") for fact in facts)
        return Delta(slots.cpu(), _in_16_bits(after).cpu(), reads)

    def _without_gaps(self, slots: Tensor, after: Tensor, facts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """`slots` with their rows `after`, and closed rows for ways left free by facts that are not among `facts`.

        Whoever looks for a way stops at the first that is free, so there must be none before one that is written.
        """
        context, used = self._checkpoint.context, [self._writings[fact] for fact in facts]
        context.use(self._view)  # a probe may have been asked of another
        free = torch.cat([context.before(one.slots, one.addresses) for one in used])
        free = torch.unique(free[~torch.isin(free, slots)])
        closed = after.new_zeros(len(free), after.shape[1])
        closed[:, -1] = _CLOSED_TO_ALL
        slots, order = torch.cat([slots, free]).sort()
        return slots, torch.cat([after, closed])[order]

    def _report(self, fact: int, seconds: float) -> FactReport:
        learned, probe, said = fact in self._learned, self._studies[fact].probe, self._said[fact]
        steps, loss, uses = self._steps[fact], float(self._loss[fact]), self._writings[fact].uses
        missed = f"after {steps} steps the model says {said!r} to the probe, not {probe.answer!r}"
        reason = "" if learned else self._refused.get(fact, missed)
        return FactReport(learned, reason, steps, loss, seconds, uses, probe, said)


def _ask(checkpoint: Checkpoint, view: View, change: Delta, probes: Sequence[Probe]) -> list[str]:
    """What `view` with `change` answers: the very path on which it would be served."""
    candidate = checkpoint.table.enter(view, change)
    try:
        return complete(checkpoint, [checkpoint.probe_prompt(probe.kind, probe.text) for probe in probes], candidate)
    finally:
        checkpoint.table.release(candidate)


def _losses(head: nn.Module, hidden: Tensor, target: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropies of `target` (A,) after `hidden` (A, D), times `share` (A,), and their gradient by `hidden`.

    A few positions at a time: their logits stay in the processor's cache.
    """
    dtype, device = quick(hidden.device), hidden.device.type
    losses, gradients = [], []
    for few, wanted, weight in zip(*(torch.split(each, _POSITIONS) for each in (hidden, target, share)), strict=True):
        few.requires_grad_()
        with torch.autocast(device, dtype, enabled=dtype != few.dtype):
            logits = head(few)
        loss = weight * F.cross_entropy(logits.float(), wanted, reduction="none")
        gradients += torch.autograd.grad(loss.sum(), few)
        losses.append(loss.detach())
    return torch.cat(losses), torch.cat(gradients)


def _in_16_bits(rows: Tensor) -> Tensor:
    """Rows (S, V) as versions keep them: every version is kept, and a change needs no more bits."""
    limit = torch.finfo(torch.float16).max
    return rows.clamp(-limit, limit).half() if rows.dtype == torch.float32 else rows
