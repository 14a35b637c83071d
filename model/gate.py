"""The gate: what a version does to that which was known, at the cost of the layers that bear memory.

Everything below the first memory layer is the same for every version, so the gate's questions and texts pass through
it once; a view then costs its bags and the layers above (see Replay), or only the head at the few positions whose bag
another view had otherwise, where there is no layer above. A question whose known answer is the greedy path is answered;
for the others the answer is generated. Views are told apart by their state hash, so the version that was the candidate
of one job is not measured again as the parent of the next.
Shapes: B rows · T tokens · D width · A asked positions.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.checkpoint import Checkpoint, KnownQuestion
from model.evaluate import Drift, complete, matches, normalise
from model.replay import Replay
from model.study import QUESTION_PROMPT, Study, StudyText
from model.text import encode, pad
from model.values import View

TEXT_TOKENS = 1_024  # of background text: the same texts before and after, so few of them show a rise
_BATCH = 32
_MEASURES_KEPT = 8


@dataclass(frozen=True)
class Measured:
    """What a view knows: for each gate question whether it is answered, and nats a token on background text."""

    answered: tuple[bool, ...]
    nll: float


class _Rows:
    """Rows of about one length, ready to be read through any view; `indices` say which rows they are.

    Asked are the positions before the tokens that are `judged` (B, T).
    """

    def __init__(self, indices: tuple[int, ...], judged: Tensor, replay: Replay) -> None:
        self.indices, self.judged, self._replay = indices, judged, replay
        self._target = replay.batch.ids[judged]  # the token that follows each asked position, (A,)
        self._last: tuple[Tensor, Tensor] | None = None

    def verdicts(self, head: nn.Module, judge: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """What `judge` makes of logits (n, vocabulary) and the tokens (n,) that follow: (A,), by the view in use."""
        bag, verdicts = self._replay.bag(), torch.zeros(len(self._target), device=self._target.device)
        wanted = torch.ones_like(self._target, dtype=torch.bool)
        if self._last is not None and self._replay.is_local:
            verdicts, wanted = self._last[1].clone(), (bag != self._last[0]).any(dim=1)
        if bool(wanted.any()):
            verdicts[wanted] = judge(head(self._replay(bag, wanted)), self._target[wanted])
        self._last = bag, verdicts
        return verdicts


class Gate:
    """Measures views of one checkpoint on its gate questions and on its first texts, up to TEXT_TOKENS tokens.

    It belongs to the thread that runs the model.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._known = checkpoint.measure.gate
        checkpoint.context.use(checkpoint.table.base)
        self._asked = [*_passed(checkpoint, [_path(checkpoint, known) for known in self._known], answers=True)]
        self._read = [*_passed(checkpoint, _texts(checkpoint), answers=False)]
        self._measured: OrderedDict[str, Measured] = OrderedDict()

    def measure(self, view: View) -> Measured:
        """What `view` knows; at once for a state that was measured lately."""
        state = view.state_hash
        if state not in self._measured:
            self._measured[state] = Measured(self._answered(view), self._nll(view))
            if len(self._measured) > _MEASURES_KEPT:
                self._measured.popitem(last=False)
        self._measured.move_to_end(state)
        return self._measured[state]

    def drift(self, before: View, after: View, taught: Sequence[Study] = ()) -> Drift:
        """Compare two views. What `taught` asks is left out: that a question is answered anew is no forgetting."""
        anew = {normalise(question) for study in taught for question in _questions(study)}
        kept = [index for index, known in enumerate(self._known) if normalise(known.question) not in anew]
        old, new = self.measure(before), self.measure(after)
        return Drift(_share(old, kept), _share(new, kept), old.nll, new.nll)

    @torch.inference_mode()
    def _answered(self, view: View) -> tuple[bool, ...]:
        """Which questions are answered: one pass shows where greedy generation would leave the known answer."""
        answered = [False] * len(self._known)
        for rows in self._asked:
            off_path = rows.judged.clone()
            off_path[rows.judged] = self._verdicts(view, rows, _off_path) > 0
            for index, left in zip(rows.indices, off_path.any(dim=1).tolist(), strict=True):
                answered[index] = not left
        left = [index for index, held in enumerate(answered) if not held]
        prompts = [self._checkpoint.question_prompt(self._known[index].question) for index in left]
        for index, said in zip(left, complete(self._checkpoint, prompts, view), strict=True):
            answered[index] = matches(said, self._known[index].answer)
        return tuple(answered)

    @torch.inference_mode()
    def _nll(self, view: View) -> float:
        """Mean nats a token over the texts; 0 when there are none."""
        nats = [self._verdicts(view, rows, _nats) for rows in self._read]
        every = torch.cat(nats) if nats else torch.empty(0)
        return float(every.double().mean()) if len(every) else 0.0

    def _verdicts(self, view: View, rows: _Rows, judge: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        self._checkpoint.context.use(view)
        return rows.verdicts(self._checkpoint.model.lm_head, judge)


def _off_path(logits: Tensor, target: Tensor) -> Tensor:
    return (logits.argmax(dim=-1) != target).float()


def _nats(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), target, reduction="none")


def _questions(study: Study) -> Iterator[str]:
    """The questions that a study teaches to answer, its probe's included."""
    if study.probe.kind == "question":
        yield study.probe.text
    for text in study.texts:
        question, asks, _ = text.text.partition(QUESTION_PROMPT.partition("{question}")[2])
        if asks:
            yield question


def _path(checkpoint: Checkpoint, known: KnownQuestion) -> tuple[list[int], list[bool]]:
    """A question with its known answer, marked, as tokens: the path that greedy generation would take."""
    prompt = checkpoint.question_prompt(known.question)
    text = StudyText(f"{prompt} {known.answer}", ((len(prompt), len(prompt) + 1 + len(known.answer)),))
    return encode(checkpoint.tokenizer, text, checkpoint.model.config.max_position_embeddings)


def _texts(checkpoint: Checkpoint) -> list[tuple[list[int], list[bool]]]:
    rows: list[tuple[list[int], list[bool]]] = []
    left = TEXT_TOKENS
    for text in checkpoint.measure.texts:
        row = encode(checkpoint.tokenizer, StudyText(text, ()), 256)
        left -= len(row[0])
        if rows and left < 0:
            break
        rows.append(row)
    return rows


def _passed(checkpoint: Checkpoint, rows: Sequence[tuple[list[int], list[bool]]], *, answers: bool) -> Iterator[_Rows]:
    """Rows in batches of similar length, passed through the lower layers; judged are their answers, or all tokens."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index][0]))
    for start in range(0, len(order), _BATCH):
        indices = tuple(order[start : start + _BATCH])
        batch = pad([rows[index] for index in indices], checkpoint.tokenizer.pad_token_id).to(checkpoint.model.device)
        judged = batch.answer if answers else batch.real
        judged = judged & (torch.arange(judged.shape[1], device=judged.device) > 0)
        yield _Rows(indices, judged, Replay(checkpoint, batch, judged.roll(-1, dims=1)))


def _share(measured: Measured, kept: Sequence[int]) -> float:
    return sum(measured.answered[index] for index in kept) / max(len(kept), 1)
