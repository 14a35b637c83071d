"""What a fact is taught from: its exchanges, questions near them, and what the frozen base says of all of these."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.config import LearnConfig
from model.errors import CannotBeAsked, PromptTooLong
from model.facts import Exchange, Fact, Study
from model.learn.demands import demand_of
from model.learn.neighbours import neighbours
from model.learn.passes import Passes, Said
from model.learn.wording import study
from model.memory.demand import Demand
from model.memory.memory import Asked

Write = Callable[[str], str]

_OTHER_STATES = 4  # of the last block, of prompts near a fact, at which its values must win, too


@dataclass(frozen=True, eq=False)
class Part:
    """One exchange of a lesson.

    answer    ids, the end token last
    asked     what its questions ask, in their order
    probe     what its probe asks; None without one
    demand    the words that its first question demands
    beside    what is asked by questions about its subject that were not taught
    others    what is asked by the same question about other subjects, those whose words meet the demand
    kept_out  how many other subjects' questions do not: whatever their states, they open nothing
    states    (L, E, D) behind the last block before each token of the answer: of its questions, and some others
    judged    (L, D) of its probe, of its first question without one: where it is seen whether the view says the answer
    """

    exchange: Exchange
    answer: tuple[int, ...]
    asked: list[Asked]
    probe: Asked | None
    demand: Demand
    beside: list[Asked]
    others: list[Asked]
    kept_out: int
    states: Tensor
    judged: Tensor

    @property
    def wanted(self) -> list[Asked]:
        """All that should open it: its questions, and its probe."""
        return self.asked if self.probe is None else [*self.asked, self.probe]


@dataclass(frozen=True, eq=False)
class Lesson:
    """All that one fact is taught from."""

    fact: Fact
    study: Study
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class _Near:
    """What stands near an exchange: questions beside it, and those about others that its words do not keep out."""

    exchange: Exchange
    demand: Demand
    beside: tuple[str, ...]
    others: tuple[str, ...]
    kept_out: int


class Lessons:
    """Makes lessons of facts; what can be asked of the base is asked in as few passes as possible."""

    def __init__(self, checkpoint: Checkpoint, config: LearnConfig, write: Write | None) -> None:
        self._prompts, self._config, self._write = checkpoint.prompts, config, write
        self._passes, self._sketch = Passes(checkpoint), checkpoint.memory.addressing.sketch

    def of(self, facts: Sequence[Fact], between: Callable[[], None]) -> list[Lesson | str]:
        """A lesson a fact, or a sentence that says why it cannot be taught; `between` is called before each pass."""
        studies = [self._studied(fact) for fact in facts]
        near = [
            [] if isinstance(each, str) else [self._near(exchange) for exchange in each.exchanges] for each in studies
        ]
        texts = [text for few in near for each in few for text in self._texts(each)]
        said = iter(self._passes.said(texts, between))
        return [
            each if isinstance(each, str) else Lesson(fact, each, tuple(self._part(one, said) for one in few))
            for fact, each, few in zip(facts, studies, near, strict=True)
        ]

    def _studied(self, fact: Fact) -> Study | str:
        try:
            studied = study(fact, self._write)
            for exchange in studied.exchanges:
                for question in (*exchange.questions, exchange.probe or ""):
                    self._prompts.question(question)
        except (CannotBeAsked, PromptTooLong) as refusal:
            return str(refusal)
        return next(filter(None, map(self._complaint, studied.exchanges)), studied)

    def _complaint(self, exchange: Exchange) -> str:
        """Why an answer cannot be taught; empty where it can."""
        spelt, limit = self._prompts.spelt(exchange.answer), self._config.answer_tokens
        if spelt != exchange.answer:
            return f"the tokenizer of the base cannot write the answer back: of {exchange.answer!r} comes {spelt!r}"
        count = len(self._prompts.answer(exchange.answer)) - 1
        return f"the answer has {count} tokens; at most {limit} can be taught" if count > limit else ""

    def _texts(self, near: _Near) -> Iterator[tuple[Prompt, tuple[int, ...]]]:
        """The prompts of an exchange, with the ids of the answer where it is to be said, in the order of `_part`."""
        exchange, answer = near.exchange, self._prompts.answer(near.exchange.answer)
        probe = (exchange.probe,) if exchange.probe else ()
        yield from ((self._prompts.question(question), answer) for question in (*exchange.questions, *probe))
        yield from ((self._prompts.question(question), ()) for question in (*near.beside, *near.others))

    def _part(self, near: _Near, said: Iterator[Said]) -> Part:
        exchange, answer = near.exchange, self._prompts.answer(near.exchange.answer)
        own = [next(said) for _ in exchange.questions]
        probe = next(said) if exchange.probe else None
        beside, others = ([next(said) for _ in texts] for texts in (near.beside, near.others))
        states = [each.hidden.expand(len(answer), -1) for each in (*beside, *others)[:_OTHER_STATES]]
        return Part(
            exchange,
            answer,
            asked=[each.asked for each in own],
            probe=None if probe is None else probe.asked,
            demand=near.demand,
            beside=[each.asked for each in beside],
            others=[each.asked for each in others],
            kept_out=near.kept_out,
            states=torch.stack([*(each.hidden for each in own), *states], dim=1),
            judged=(probe or own[0]).hidden,
        )

    def _near(self, exchange: Exchange) -> _Near:
        made = neighbours(exchange)
        demand = demand_of(exchange.questions[0], made.others, self._sketch)
        others = tuple(other for other in made.others if demand.is_met_by(self._sketch.words([other])))
        return _Near(exchange, demand, made.beside, others, len(made.others) - len(others))
