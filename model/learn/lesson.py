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
from model.learn.neighbours import neighbours
from model.learn.passes import Passes, Said
from model.learn.wording import study
from model.memory.memory import Asked

Write = Callable[[str], str]

_OTHER_STATES = 4  # of the last block, of prompts near a fact, at which its values must win, too


@dataclass(frozen=True, eq=False)
class Part:
    """One exchange of a lesson.

    answer    ids, the end token last
    asked     what its questions ask, in their order
    probe     what its probe asks; None without one
    beside    what is asked by questions about its subject that were not taught
    others    what is asked by the same questions about other subjects
    states    (L, E, D) behind the last block before each token of the answer: of its questions, and some others
    """

    exchange: Exchange
    answer: tuple[int, ...]
    asked: list[Asked]
    probe: Asked | None
    beside: list[Asked]
    others: list[Asked]
    states: Tensor

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


class Lessons:
    """Makes lessons of facts; what can be asked of the base is asked in as few passes as possible."""

    def __init__(self, checkpoint: Checkpoint, config: LearnConfig, write: Write | None) -> None:
        self._prompts, self._config, self._write = checkpoint.prompts, config, write
        self._passes = Passes(checkpoint)

    def of(self, facts: Sequence[Fact]) -> list[Lesson | str]:
        """A lesson a fact, or a sentence that says why it cannot be taught."""
        studies = [self._studied(fact) for fact in facts]
        texts = [text for each in studies if not isinstance(each, str) for text in self._texts(each)]
        said = iter(self._passes.said(texts))
        return [
            each if isinstance(each, str) else Lesson(fact, each, tuple(self._parts(each, said)))
            for fact, each in zip(facts, studies, strict=True)
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

    def _texts(self, studied: Study) -> Iterator[tuple[Prompt, tuple[int, ...]]]:
        """The prompts of a study, with the ids of the answer where a key is made, in the order of `_parts`."""
        for exchange in studied.exchanges:
            answer = self._prompts.answer(exchange.answer)
            yield from ((self._prompts.question(question), answer) for question in exchange.questions)
            made, probe = neighbours(exchange), (exchange.probe,) if exchange.probe else ()
            yield from ((self._prompts.question(question), ()) for question in (*probe, *made.beside, *made.others))

    def _parts(self, studied: Study, said: Iterator[Said]) -> Iterator[Part]:
        for exchange in studied.exchanges:
            own = [next(said) for _ in exchange.questions]
            probe = next(said).asked if exchange.probe else None
            made = neighbours(exchange)
            count = len(made.beside)
            near = [next(said) for _ in (*made.beside, *made.others)]
            answer = self._prompts.answer(exchange.answer)
            others = [each.hidden.expand(len(answer), -1) for each in near[:_OTHER_STATES]]
            states = torch.stack([*(each.hidden for each in own), *others], dim=1)
            asked, untaught = [each.asked for each in own], [each.asked for each in near]
            yield Part(exchange, answer, asked, probe, untaught[:count], untaught[count:], states)
