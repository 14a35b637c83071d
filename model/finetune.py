"""Sparse memory finetuning: facts in, a delta and a report out.

Lin et al. 2025, https://arxiv.org/abs/2510.15103: for each fact the slots with the highest TF-IDF are chosen, and
nothing but their rows can move. How they move is ours: see writing.py.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.delta import Delta
from model.engine import tokenize
from model.errors import NotPretrained
from model.evaluate import complete, matches
from model.group import EncodedTexts, FactReport, Group
from model.reads import Held
from model.retrofit import memory_layers
from model.study import Study
from model.text import encode, pad
from model.values import View
from model.words import Texts
from model.writing import SlotUses

TEXT_LIMIT = 256  # tokens of a study text
_AHEAD = 16  # groups whose questions are read at once


@dataclass(frozen=True)
class Learned:
    """What a job changed: `delta` is None when no fact was learned."""

    delta: Delta | None
    state_hash: str
    reports: tuple[FactReport, ...]


def learn(
    checkpoint: Checkpoint,
    view: View,
    studies: Sequence[Study],
    config: FinetuneConfig,
    *,
    held: Held | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Learned:
    """Teach `studies` on top of `view`, `config.group` of them together; a fact that misses leaves no change.

    held         what earlier facts read, which is held still like the checkpoint's background
    on_progress  called with the number of facts done; what it raises ends the learning
    Raises NotPretrained for a model whose memory was never trained.
    """
    if not checkpoint.pretrained:
        raise NotPretrained(
            f"the memory layers of {checkpoint.folder} were never trained, so their slots mean nothing yet; "
            "pretrain them before facts are taught"
        )
    held = Held() if held is None else held
    rows = [encoded_texts(checkpoint, study, config) for study in studies]
    teachable = [study for study, own in zip(studies, rows, strict=True) if own]
    encoded = [own for own in rows if own]
    current, changes, reports = checkpoint.table.retain(view), list[Delta](), list[FactReport]()
    try:
        groups = list(grouped(teachable, config.group))
        for number, together in enumerate(groups):
            done = len(reports)
            if number % _AHEAD == 0:
                ahead = done + sum(map(len, groups[number : number + _AHEAD]))
                _read_questions(checkpoint, encoded[done:ahead], teachable[done:ahead])
            group = Group(checkpoint, current, together, encoded[done : done + len(together)], config, held)
            reports += group.teach()
            change = group.delta()
            if change is not None:
                held = held if change.reads is None else held.adding(change.reads)
                changes.append(change)
                parent, current = current, checkpoint.table.enter(current, change)
                checkpoint.table.release(parent)
            if on_progress is not None:
                on_progress(len(reports))
        if len(groups) > 1:
            reports = _asked_again(checkpoint, current, reports)
        taught = iter(reports)
        every = [next(taught) if own else _unteachable(study) for study, own in zip(studies, rows, strict=True)]
        return Learned(Delta.path(changes) if changes else None, current.state_hash, tuple(every))
    finally:
        checkpoint.table.release(current)


def _read_questions(checkpoint: Checkpoint, rows: Sequence[EncodedTexts], studies: Sequence[Study]) -> None:
    """Read what all texts and probes ask: a few large passes of the encoder cost less than many small ones."""
    if checkpoint.context.intent is None:
        return
    prompts = (checkpoint.probe_prompt(study.probe.kind, study.probe.text) for study in studies)
    ids = [*(ids for own in rows for ids, _ in own), *(tokenize(checkpoint, prompt) for prompt in prompts)]
    batch = pad([(one, []) for one in ids], checkpoint.tokenizer.pad_token_id).to(checkpoint.model.device)
    last = batch.real.sum(dim=1, keepdim=True) - 1
    memory_layers(checkpoint.model)[0].intents(Texts(batch.ids, last))


def encoded_texts(checkpoint: Checkpoint, study: Study, config: FinetuneConfig) -> EncodedTexts:
    """Token rows of the study texts that have an answer within TEXT_LIMIT tokens (see text.encode).

    Where words are the query, a text that tells is read elsewhere than a question: it is left out if any asks.
    """
    texts = study.texts[: config.texts]
    if checkpoint.config.query == "words":
        texts = tuple(text for text in texts if text.question) or texts
    rows = [encode(checkpoint.tokenizer, text, TEXT_LIMIT) for text in texts]
    return [(ids, marks) for ids, marks in rows if any(marks[1:])]


def _unteachable(study: Study) -> FactReport:
    reason = f"no text of the fact has its answer within {TEXT_LIMIT} tokens"
    return FactReport(False, reason, 0, math.inf, 0.0, SlotUses.none(), study.probe, "")


def grouped(studies: Sequence[Study], size: int) -> Iterator[list[Study]]:
    """Studies in order, at most `size` together, and never two that teach the same words: there the later one wins."""
    group: list[Study] = []
    taught: set[str] = set()
    for study in studies:
        words = {text.text[: text.spans[0][0]] for text in study.texts if text.spans}
        if group and (len(group) == size or words & taught):
            yield group
            group, taught = [], set()
        group.append(study)
        taught |= words
    if group:
        yield group


def _asked_again(checkpoint: Checkpoint, view: View, reports: Sequence[FactReport]) -> list[FactReport]:
    """The reports after all groups are written: what a later group took away again is not learned.

    Its rows stay as they are: later facts were learned on top of them.
    """
    prompts = [checkpoint.probe_prompt(report.probe.kind, report.probe.text) for report in reports]
    said = complete(checkpoint, prompts, view)
    return [
        report
        if not report.learned or matches(answer, report.probe.answer)
        else replace(report, learned=False, probe_answer=answer, reason=f"a later fact of the job made it {answer!r}")
        for report, answer in zip(reports, said, strict=True)
    ]
