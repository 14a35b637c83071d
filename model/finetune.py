"""Sparse memory finetuning: facts in, a delta and a report out.

Lin et al. 2025, https://arxiv.org/abs/2510.15103. For each fact the slots with the highest TF-IDF are chosen, and
their rows become a parameter of their own: nothing else can move, whatever the optimizer, and the trained rows are
the delta. Everything below the first memory layer is frozen, so its output is computed once per fact.
Shapes: B texts · T tokens · D width · S chosen slots · V value width · N slots.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from model import access
from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.delta import Delta
from model.errors import NotPretrained
from model.evaluate import complete, matches
from model.memory import TrainableRows
from model.retrofit import decoder_layers
from model.study import Probe, Study
from model.text import TokenRows, encode, pad
from model.tfidf import inverse_document_frequency, score, top_t
from model.values import View

_TEXT_LIMIT = 256


@dataclass(frozen=True)
class SlotUse:
    """A slot chosen for a fact: its TF-IDF score and how often the fact's texts read it."""

    slot: int
    score: float
    count: int


@dataclass(frozen=True)
class FactReport:
    """How one fact went: `probe_answer` is what the model said on the held-out probe, at its best attempt.

    loss is the mean answer loss in nats a token before the last step.
    """

    learned: bool
    reason: str
    steps: int
    loss: float
    seconds: float
    slots: tuple[SlotUse, ...]
    probe: Probe
    probe_answer: str


@dataclass(frozen=True)
class Learned:
    """What a job changed: `delta` is None when no fact was learned."""

    delta: Delta | None
    state_hash: str
    reports: tuple[FactReport, ...]


class UpperLayers:
    """The decoder from its first memory layer up, replayed on an input that was computed once.

    ids (B, T), padded on the right: with causal attention no real token sees the padding. A pre-hook takes what
    each upper layer was called with, so that no code here knows an architecture. `reads` are the slots (B, T, H, K)
    that the one full pass read, per memory layer.
    """

    def __init__(self, checkpoint: Checkpoint, ids: Tensor) -> None:
        decoder = checkpoint.model.get_decoder()
        self._layers = list(decoder_layers(checkpoint.model))[checkpoint.config.layers[0] :]
        self._norm = decoder.norm
        self._calls: list[tuple[tuple[Tensor, ...], dict[str, object]]] = []
        hooks = [
            layer.register_forward_pre_hook(
                lambda _, args, kwargs: self._calls.append((args, kwargs)), with_kwargs=True
            )
            for layer in self._layers
        ]
        context = checkpoint.context
        context.recording, context.reads = True, {}
        try:
            with torch.no_grad():
                decoder(input_ids=ids, use_cache=False)
        finally:
            context.recording = False
            for hook in hooks:
                hook.remove()
        self.reads = context.reads

    def __call__(self) -> Tensor:
        """The last hidden state (B, T, D), with gradient to the rows being trained."""
        hidden = self._calls[0][0][0]
        for layer, (_, kwargs) in zip(self._layers, self._calls, strict=True):
            hidden = layer(hidden, **kwargs)
        out: Tensor = self._norm(hidden)
        return out


def learn(
    checkpoint: Checkpoint,
    view: View,
    studies: Sequence[Study],
    config: FinetuneConfig,
    *,
    owners: Tensor | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Learned:
    """Teach `studies` one after another on top of `view`; a fact that misses leaves no change.

    owners       (N,) how many earlier facts own each slot; they are protected (config.protection)
    on_progress  called with the number of facts done; what it raises ends the learning
    Raises NotPretrained for a model whose memory was never trained.
    """
    if not checkpoint.pretrained:
        raise NotPretrained(
            f"the memory layers of {checkpoint.folder} were never trained, so their slots mean nothing yet; "
            "pretrain them before facts are taught"
        )
    owned = torch.zeros(checkpoint.table.slots) if owners is None else owners.float().clone()
    current, delta, reports = checkpoint.table.retain(view), None, []
    try:
        for done, study in enumerate(studies, start=1):
            change, report = learn_fact(checkpoint, current, study, config, owned)
            if change is not None:
                owned[change.slots] += 1
                delta = change if delta is None else delta.then(change)
                parent, current = current, checkpoint.table.enter(current, change)
                checkpoint.table.release(parent)
            reports.append(report)
            if on_progress is not None:
                on_progress(done)
        return Learned(delta, current.state_hash, tuple(reports))
    finally:
        checkpoint.table.release(current)


def learn_fact(
    checkpoint: Checkpoint, view: View, study: Study, config: FinetuneConfig, owners: Tensor
) -> tuple[Delta | None, FactReport]:
    """Teach one fact: choose slots, train their rows, stop when the held-out probe is answered."""
    begun = time.monotonic()
    tokenizer = checkpoint.tokenizer
    batch = pad([encode(tokenizer, text, _TEXT_LIMIT) for text in study.texts], tokenizer.pad_token_id)
    checkpoint.context.use(view)
    upper = UpperLayers(checkpoint, batch.ids)
    slots = choose_slots(checkpoint, upper, batch, config, owners)
    rows = TrainableRows(checkpoint.table, view, torch.tensor([use.slot for use in slots], dtype=torch.int64))
    optimizer = _optimizer(rows, config)
    threshold, loss, said = config.stop_loss, float("inf"), ""
    for step in range(1, config.max_steps + 1):
        loss = row_step(checkpoint, upper, rows, batch, optimizer, view)
        if loss > threshold and step < config.max_steps:
            continue
        change = _change(checkpoint, view, rows)
        said = _ask(checkpoint, view, change, study.probe)
        if matches(said, study.probe.answer):
            seconds = time.monotonic() - begun
            return change, FactReport(True, "", step, loss, seconds, slots, study.probe, said)
        threshold = min(threshold, loss) / 2
    reason = f"after {config.max_steps} steps the model says {said!r} to the probe, not {study.probe.answer!r}"
    seconds = time.monotonic() - begun
    return None, FactReport(False, reason, config.max_steps, loss, seconds, slots, study.probe, said)


def choose_slots(
    checkpoint: Checkpoint, upper: UpperLayers, batch: TokenRows, config: FinetuneConfig, owners: Tensor
) -> tuple[SlotUse, ...]:
    """The top-t slots of a fact by TF-IDF over the slots that its texts read, ascending by slot."""
    slots, counts = access.count(upper.reads.values(), batch.real)
    background = checkpoint.background
    idf = inverse_document_frequency(background.counts[slots], background.batches, owners[slots], config.protection)
    scores = score(counts, idf, config.idf_power)
    chosen = top_t(slots, scores, config.top_t).sort().values
    return tuple(SlotUse(int(slots[index]), float(scores[index]), int(counts[index])) for index in chosen.tolist())


def _optimizer(rows: TrainableRows, config: FinetuneConfig) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD([rows.values], lr=config.learning_rate)
    return torch.optim.Adam([rows.values], lr=config.learning_rate)


def row_step(
    checkpoint: Checkpoint,
    upper: UpperLayers,
    rows: TrainableRows,
    batch: TokenRows,
    optimizer: torch.optim.Optimizer,
    view: View,
) -> float:
    """One optimizer step on the chosen rows alone; returns the mean answer loss before it, in nats a token."""
    context = checkpoint.context
    context.use(view)
    context.trainable = rows
    try:
        chosen = batch.answer[:, 1:]
        logits = checkpoint.model.lm_head(upper()[:, :-1][chosen])  # the head only where there is loss
        loss = F.cross_entropy(logits.float(), batch.ids[:, 1:][chosen])
        torch.autograd.backward(loss)
    finally:
        context.trainable = None
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def _change(checkpoint: Checkpoint, view: View, rows: TrainableRows) -> Delta:
    before = checkpoint.table.read(view, rows.slots).cpu()
    return Delta(rows.slots.cpu(), before, rows.values.detach().to(before.dtype).cpu())


def _ask(checkpoint: Checkpoint, view: View, change: Delta, probe: Probe) -> str:
    """What a view with `change` answers: the very path on which it would be served."""
    candidate = checkpoint.table.enter(view, change)
    try:
        text = checkpoint.question_prompt(probe.text) if probe.kind == "question" else probe.text
        return complete(checkpoint, [text], candidate)[0]
    finally:
        checkpoint.table.release(candidate)
