"""An answer has the same bits alone and in company: whatever joins, leaves, is cancelled or switched beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.checkpoint import Checkpoint
from model.delta import Delta
from model.engine import Answer, Engine, Sampling
from tests import tiny

VERSIONS = 4


@dataclass(frozen=True)
class Asked:
    prompt: str
    version: int
    sampling: Sampling


class World:
    """A checkpoint with a random tree of versions, and every answer that was ever given alone, by its question."""

    def __init__(self, checkpoint: Checkpoint, words: list[str], slots: torch.Tensor) -> None:
        self.checkpoint, self.words, self._slots = checkpoint, words, slots
        self._alone: dict[tuple[tuple[int, ...], Asked], Answer] = {}

    @contextmanager
    def engine(self, parents: tuple[int, ...], **sizes: int) -> Iterator[Engine]:
        """An engine whose thread is not started: the test takes its turns. Its views are dropped in the end."""
        engine = Engine(self.checkpoint, **sizes)
        for version, parent in enumerate(parents, start=1):
            view = engine.versions.view(parent)
            torch.manual_seed(version)
            slots = self._slots[torch.randperm(len(self._slots))[: len(self._slots) // 2]].sort().values
            before = self.checkpoint.table.read(view, slots)
            engine.prepare(version, parent, Delta(slots, before + torch.randn_like(before) * before.std() * 3))
        try:
            yield engine
        finally:
            engine.stop()
            engine.switch(0)
            for version in range(1, VERSIONS):
                engine.drop(version)

    def alone(self, parents: tuple[int, ...], asked: Asked) -> Answer:
        if (parents, asked) not in self._alone:
            with self.engine(parents, max_batch=1, prefix_tokens=0) as engine:
                generation = engine.submit(asked.prompt, asked.sampling, version=asked.version)
                while not generation.done():
                    engine._turn()
            self._alone[parents, asked] = generation.result()
        return self._alone[parents, asked]


def tiny_world(language=None, memory=tiny.MEMORY) -> World:
    checkpoint = tiny.build(language, memory, spare_rows=2000, places=2 * VERSIONS)
    words = ["a", "what is", "Zubovia", "and then a longer one, of more words than the others", "?\n", "é€"]
    return World(checkpoint, words, torch.arange(checkpoint.table.slots))


def default_world() -> World:
    checkpoint = Checkpoint.load(Path("model/default"), spare_rows=20000, places=2 * VERSIONS)
    words = ["What", "is", "the capital", "of", "Japan", "river", "which city", "?\n", "seven", "Paris"]
    checkpoint.context.use(checkpoint.table.base)
    checkpoint.context.recording = True
    ids = checkpoint.tokenizer(" ".join(words), return_tensors="pt")["input_ids"]
    checkpoint.model(ids)
    checkpoint.context.recording = False
    return World(checkpoint, words, torch.cat([read.flatten() for read in checkpoint.context.reads.values()]).unique())


@pytest.fixture(scope="module", params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


WORLDS = {"llama": tiny_world, "qwen3": lambda: tiny_world(tiny.qwen3(), tiny.WORDS), "default": default_world}


@pytest.fixture(scope="module", params=WORLDS)
def world(request):
    return WORLDS[request.param]()


samplings = st.builds(
    Sampling,
    max_tokens=st.integers(1, 6),
    temperature=st.sampled_from([0.0, 0.0, 1.5]),
    top_p=st.sampled_from([1.0, 0.9]),
    seed=st.integers(-1, 1),
    stop=st.sampled_from([(), ("a",)]),
    logprobs=st.just(2),
)


def play(engine: Engine, draw, questions: list[Asked]) -> list[tuple[Asked, Answer]]:
    """Submit the questions, with switches, cancellations and steps between them as hypothesis draws them."""
    asked, doomed = [], []
    for question in questions:
        asked.append((question, engine.submit(question.prompt, question.sampling, version=question.version)))
        action = draw(st.sampled_from(["step", "step", "join", "switch", "cancel"]))
        if action == "switch":
            engine.switch(draw(st.integers(0, VERSIONS - 1)))
        elif action == "cancel":
            doomed.append(engine.submit(question.prompt, question.sampling))
            doomed[-1].cancel() if draw(st.booleans()) else None
        for _ in range(draw(st.integers(1, 4)) if action != "join" else 0):
            engine._turn()
        if doomed:
            doomed.pop().cancel()
    while not all(generation.done() for _, generation in asked):
        engine._turn()
    engine._turn()
    return [(question, generation.result()) for question, generation in asked]


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_an_answer_is_the_same_alone_and_in_company(world, threads, data):
    parents = data.draw(st.tuples(*[st.integers(0, version) for version in range(VERSIONS - 1)]))
    prompts = st.lists(st.sampled_from(world.words), min_size=1, max_size=12).map(" ".join)
    questions = data.draw(
        st.lists(st.builds(Asked, prompts, st.integers(0, VERSIONS - 1), samplings), min_size=3, max_size=8)
    )
    with world.engine(parents, max_batch=data.draw(st.sampled_from([3, 8])), prefix_tokens=256) as engine:
        answers = play(engine, data.draw, questions)
    assert world.checkpoint.table.rows_in_use == 0, "every view was given back"
    for question, answer in answers:
        assert answer == world.alone(parents, question)
