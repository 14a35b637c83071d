"""Teacher.learn: the facts of a job, one behind the other on one view, and what became of each of them.

1. lesson      a fact as questions with an answer, questions near them, and what the frozen base says of all of these
2. keys        from where on each question's query opens rows: above what was not taught, below other wordings
3. values      what makes the head say each token of the answer
4. change      rows, in slots that are nobody else's; facts that this one corrects lose theirs
5. asked       all facts of a group on the view with all of their rows, as it would be served
A fact that misses leaves no row. Only rows that are written here can move: they are the delta.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from model.base.checkpoint import Checkpoint
from model.config import LearnConfig
from model.facts import Fact, Probe
from model.learn.change import FactChange
from model.learn.choose import SlotUses, document_frequency
from model.learn.keys import Key, keys_of, taken_over
from model.learn.lesson import Lesson, Lessons, Part, Write
from model.learn.probing import Expected, Prober
from model.learn.values import Values
from model.memory.delta import Delta
from model.memory.memory import Looked
from model.memory.table import View
from model.memory.traffic import Traffic

_UNTELLABLE = "its question cannot be told from questions that were not taught; name what it is about in full"


@dataclass(frozen=True)
class FactReport:
    """What became of a fact.

    probe       the question that was put to the new view, and what the view said to it
    replaces    facts whose keys open to its questions: their rows are gone
    slots       its own rows' slots
    steps       that its values took; `margin` is by how many nats the least of its tokens wins
    neighbours  questions near it that were not taught: how many were asked, how many are answered from it all the same
    unread      parts of the statement that nothing teaches
    """

    learned: bool
    reason: str
    probe: Probe
    probe_answer: str = ""
    replaces: tuple[int, ...] = ()
    slots: SlotUses = field(default_factory=SlotUses)
    steps: int = 0
    margin: float = 0.0
    seconds: float = 0.0
    neighbours: dict[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Learned:
    """What a job changed: `delta` is None when no fact was learned."""

    delta: Delta | None
    state_hash: str
    reports: tuple[FactReport, ...]


class Teacher:
    """Teaches facts to views of one checkpoint. It belongs to the thread that runs the model.

    write   another model that words facts besides, or None
    prober  asks views of the same checkpoint
    """

    def __init__(self, checkpoint: Checkpoint, config: LearnConfig = LearnConfig(), write: Write | None = None) -> None:
        self._checkpoint, self._config = checkpoint, config
        self._table, self._memory = checkpoint.table, checkpoint.memory
        self._lessons = Lessons(checkpoint, config, write)
        self._values = Values(checkpoint.model, config)
        self.prober = Prober(checkpoint, self._values)

    def learn(
        self,
        view: View,
        facts: Sequence[Fact],
        on_progress: Callable[[int], None] | None = None,
        traffic: Traffic = Traffic(),
    ) -> Learned:
        """Teach `facts` on top of `view`; a later one that is asked what an earlier one is asked takes its place.

        on_progress  called at least once a pass of the base with the number of facts done; what it raises ends the
                     learning
        traffic      what callers' questions read: rows go elsewhere where they can
        Raises SpareRowsExhausted when the table has no room for the rows.
        """
        background, weight = self._memory.addressing.background, self._config.traffic_weight
        self._frequency = document_frequency(background, traffic, weight)
        current, deltas, reports = self._table.retain(view), list[Delta](), list[FactReport]()
        try:
            for start in range(0, len(facts), self._config.group):
                few = facts[start : start + self._config.group]
                later, own, delta = self._group(current, few, partial(_tell, on_progress, len(reports)))
                self._table.release(current)
                current = later
                reports += own
                deltas += [] if delta is None else [delta]
                _tell(on_progress, len(reports))
            return Learned(Delta.path(deltas) if deltas else None, current.state_hash, tuple(reports))
        finally:
            self._table.release(current)

    def _group(
        self, view: View, facts: Sequence[Fact], between: Callable[[], None]
    ) -> tuple[View, list[FactReport], Delta | None]:
        """Facts written one behind the other and asked together; again without those that miss, until none does.

        Returns the view that they lead to, which the caller has to release; `between` is called between passes.
        """
        began = time.monotonic()
        made = self._lessons.of(facts, between)
        lessons = [_Attempt(fact, lesson) for fact, lesson in zip(facts, made, strict=True)]
        while True:
            between()
            later, delta = self._written(view, lessons)
            missed = self._missed(later, lessons)
            if not missed:
                break
            self._table.release(later)
        seconds = (time.monotonic() - began) / len(facts)
        return later, [each.finished(seconds) for each in lessons], delta

    def _written(self, view: View, attempts: "Sequence[_Attempt]") -> tuple[View, Delta | None]:
        """The view with the rows of all attempts that have not failed, one behind the other, and its delta."""
        current, deltas = self._table.retain(view), list[Delta]()
        for attempt in attempts:
            if not attempt.report.reason:
                delta = self._change(current, attempt)
                if delta is not None:
                    later = self._table.enter(current, delta)
                    self._table.release(current)
                    current = later
                    deltas.append(delta)
        return current, Delta.path(deltas) if deltas else None

    def _change(self, view: View, attempt: "_Attempt") -> Delta | None:
        """The rows of one fact on top of a view; None, with the reason in its report, where it cannot be written."""
        written = [(part, list(self._keys(part, attempt))) for part in attempt.parts]
        every = [key for _, keys in written for key in keys]
        replaced = self._replaced(view, attempt.fact, every)
        change = FactChange(self._memory, view, attempt.fact, replaced, self._frequency, self._config)
        written[0][1].extend(taken_over(written[0][1], self._memory, view, replaced))
        for part, keys in written:
            values, margin, steps = attempt.values(part, self._values)
            if margin <= 0:
                attempt.miss(part, f"a token of {part.exchange.answer!r} does not win after {steps} steps")
            elif not all(change.write(key, part.answer, values) for key in keys):
                attempt.miss(part, "every slot that its question reads belongs to another fact")
        if attempt.report.reason:
            return None
        attempt.report = replace(
            attempt.report,
            replaces=tuple(replaced),
            slots=SlotUses.joined(change.uses),
            neighbours=_neighbours(written),
        )
        return change.delta()

    def _keys(self, part: Part, attempt: "_Attempt") -> Iterator[Key]:
        return keys_of(part, self._memory.addressing, self._config, with_probe=attempt.with_probe)

    def _replaced(self, view: View, fact: int, keys: Sequence[Key]) -> list[int]:
        """Facts that are asked what this one is asked: the keys of either would open to the other's question."""
        opened = self._memory.read([Looked(key.asked, view) for key in keys])
        mutual = {
            each.fact
            for key, each in zip(keys, opened, strict=True)
            if each is not None
            and bool((each.near.cpu() >= key.thresholds).all())
            and key.demand.is_asked_in(each.demand.sentence, key.asked.words)
        }
        return sorted(mutual - {fact})

    def _missed(self, view: View, attempts: "Sequence[_Attempt]") -> bool:
        """Whether some of what was written is not found or not said. What a later one replaces has no rows."""
        going = [attempt for attempt in attempts if not attempt.report.reason]
        replaced = {fact for attempt in going for fact in attempt.report.replaces}
        for attempt in going:
            if attempt.fact in replaced:
                attempt.report = replace(attempt.report, learned=True, slots=SlotUses())
        standing = [attempt for attempt in going if attempt.fact not in replaced]
        return self._closed(view, standing) or self._unsaid(view, standing)

    def _closed(self, view: View, attempts: "Sequence[_Attempt]") -> bool:
        """Whether a question that should open a fact does not. One that was to be held out gets a key for it."""
        wanted = [(attempt, part, asked) for attempt in attempts for part in attempt.parts for asked in part.wanted]
        found = self._memory.read([Looked(asked, view) for _, _, asked in wanted])
        closed = False
        for (attempt, part, asked), opened in zip(wanted, found, strict=True):
            if opened is None or opened.fact != attempt.fact:
                closed = True
                if asked is part.probe and not attempt.with_probe:
                    attempt.with_probe = True
                else:
                    attempt.miss(
                        part, _UNTELLABLE if opened is None else f"fact {opened.fact} is nearer to its question"
                    )
        return closed

    def _unsaid(self, view: View, attempts: "Sequence[_Attempt]") -> bool:
        """Whether a probe has another answer than the one that was taught; all are asked."""
        wanted = [(attempt, part) for attempt in attempts for part in attempt.parts]
        unsaid = False
        expected = [Expected(part.probe or part.asked[0], part.answer, part.judged) for _, part in wanted]
        for (attempt, part), told in zip(wanted, self.prober.told(view, expected), strict=True):
            text = self._checkpoint.prompts.text(told.ids)
            if part is attempt.parts[0]:
                attempt.report = replace(attempt.report, learned=True, probe_answer=text)
            if told.ids != part.answer:
                unsaid = True
                attempt.miss(part, f"the model says {text!r} to its probe, not {part.exchange.answer!r}")
        return unsaid


class _Attempt:
    """A fact on its way.

    parts       exchanges that it is taught by; one that misses is left out, but not the first, without which it fails
    with_probe  whether its probes need keys, too: then no question is held out
    """

    def __init__(self, fact: Fact, lesson: Lesson | str) -> None:
        self.fact, self.parts, self.with_probe = fact.id, list[Part](), False
        self._trained: dict[int, tuple[torch.Tensor, float, int]] = {}
        if isinstance(lesson, str):
            probe = Probe(fact.question or fact.statement or "", fact.answer or "", held_out=False)
            self.report = FactReport(False, lesson, probe)
        else:
            self.parts += lesson.parts
            first = lesson.parts[0].exchange
            probe = Probe(first.probe or first.questions[0], first.answer, held_out=first.probe is not None)
            self.report = FactReport(False, "", probe, unread=lesson.study.unread, note=lesson.study.note)

    def values(self, part: Part, values: Values) -> tuple[torch.Tensor, float, int]:
        """The values of a part, trained once; by how many nats the least of its tokens wins; the steps it took."""
        if id(part) not in self._trained:
            tokens = torch.tensor(part.answer, device=part.states.device)
            trained, margins, steps = values.trained(tokens, part.states)
            self._trained[id(part)] = trained, float(margins.min()), steps
            least = min(margin for _, margin, _ in self._trained.values())
            total = sum(count for _, _, count in self._trained.values())
            self.report = replace(self.report, margin=least, steps=total)
        return self._trained[id(part)]

    def miss(self, part: Part, reason: str) -> None:
        """A part is not learned: the fact is not if it is the first, else what it would have taught is unread."""
        if part is self.parts[0]:
            self.report = replace(self.report, learned=False, reason=reason, replaces=(), slots=SlotUses())
        elif part in self.parts:
            self.parts.remove(part)
            self.report = replace(self.report, unread=(*self.report.unread, part.exchange.questions[0]))

    def finished(self, seconds: float) -> FactReport:
        """What became of it."""
        held_out = self.report.probe.held_out and not self.with_probe
        return replace(self.report, probe=replace(self.report.probe, held_out=held_out), seconds=seconds)


def _tell(on_progress: Callable[[int], None] | None, done: int) -> None:
    if on_progress is not None:
        on_progress(done)


def _neighbours(written: "Sequence[tuple[Part, list[Key]]]") -> dict[str, int]:
    """Of the questions near a fact that were not taught: how many there are, and how many open one of its keys."""
    near = [(asked, keys) for part, keys in written for asked in (*part.beside, *part.others)]
    open_ = sum(any(key.opens_to(asked) for key in keys) for asked, keys in near)
    return {"asked": len(near) + sum(part.kept_out for part, _ in written), "open": open_}
