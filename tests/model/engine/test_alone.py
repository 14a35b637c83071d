"""An answer has the same bits alone and in company: whatever joins, leaves, is cancelled or switched beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.base.checkpoint import Checkpoint
from model.base.weights import pack
from model.engine import Answer, Engine, Sampling
from tests import tiny
from tests.model.engine.taught import taught

VERSIONS = 4


@dataclass(frozen=True)
class Asked:
    prompt: str
    version: int
    sampling: Sampling


class World:
    """A checkpoint with a random tree of versions, and every answer that was ever given alone, by its question."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        prompts = checkpoint.prompts
        said = ["Lisbon", "no", "10.0.0.1"]
        self._deltas = [
            taught(
                checkpoint,
                [(3 * version + n, prompts.question(WORDS[n]), f"{word} {version}") for n, word in enumerate(said)],
            )
            for version in range(1, VERSIONS)
        ]
        self._alone: dict[tuple[tuple[int, ...], Asked], Answer] = {}

    @contextmanager
    def engine(self, parents: tuple[int, ...], **sizes: int) -> Iterator[Engine]:
        """An engine whose thread is not started: the test takes its turns. Its views are dropped in the end."""
        engine = Engine(self.checkpoint, **sizes)
        for version, (parent, delta) in enumerate(zip(parents, self._deltas, strict=True), start=1):
            engine.prepare(version, parent, delta)
        try:
            yield engine
        finally:
            engine.stop()
            engine.switch(0)
            for version in range(1, VERSIONS):
                engine.drop(version)

    def submit(self, engine: Engine, asked: Asked, **options):
        return engine.submit(self.checkpoint.prompts.question(asked.prompt), asked.sampling, **options)

    def alone(self, parents: tuple[int, ...], asked: Asked) -> Answer:
        if (parents, asked) not in self._alone:
            with self.engine(parents, max_batch=1) as engine:
                generation = self.submit(engine, asked, version=asked.version)
                while not generation.done():
                    engine._turn()
            self._alone[parents, asked] = generation.result()
        return self._alone[parents, asked]


WORDS = ["a", "what is", "Zubovia", "and then a longer one, of more words than the others", "?\n", "é€"]
LANGUAGES = {"llama": tiny.llama, "qwen3": tiny.qwen3, "gpt_neox": tiny.gpt_neox}


@pytest.fixture(scope="module", params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=LANGUAGES)
def world(request):
    checkpoint = tiny.build(LANGUAGES[request.param](), spare_rows=4096, places=2 * VERSIONS)
    pack(checkpoint.model)
    return World(checkpoint)


samplings = st.builds(
    Sampling,
    max_tokens=st.integers(1, 6),
    temperature=st.sampled_from([0.0, 0.0, 1.5]),
    top_p=st.sampled_from([1.0, 0.9]),
    seed=st.integers(-1, 1),
    stop=st.sampled_from([(), ("a",)]),
    logprobs=st.just(2),
)


def play(world: World, engine: Engine, draw, questions: list[Asked]) -> list[tuple[Asked, Answer]]:
    """Submit the questions, with switches, cancellations and steps between them as hypothesis draws them."""
    asked, doomed = [], []
    for question in questions:
        asked.append((question, world.submit(engine, question, version=question.version)))
        action = draw(st.sampled_from(["step", "step", "join", "switch", "cancel"]))
        if action == "switch":
            engine.switch(draw(st.integers(0, VERSIONS - 1)))
        elif action == "cancel":
            doomed.append(world.submit(engine, question))
            doomed[-1].cancel() if draw(st.booleans()) else None
        for _ in range(draw(st.integers(1, 4)) if action != "join" else 0):
            engine._turn()
        if doomed:
            doomed.pop().cancel()
    while not all(generation.done() for _, generation in asked):
        engine._turn()
    engine._turn()
    return [(question, generation.result()) for question, generation in asked]


@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_an_answer_is_the_same_alone_and_in_company(world, threads, data):
    parents = data.draw(st.tuples(*[st.integers(0, version) for version in range(VERSIONS - 1)]))
    prompts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
    questions = data.draw(
        st.lists(st.builds(Asked, prompts, st.integers(0, VERSIONS - 1), samplings), min_size=3, max_size=8)
    )
    sizes = {"max_batch": data.draw(st.sampled_from([3, 8])), "cache_tokens": data.draw(st.sampled_from([512, 4096]))}
    with world.engine(parents, **sizes) as engine:
        answers = play(world, engine, data.draw, questions)
    assert world.checkpoint.table.room().rows == 0, "every view was given back"
    for question, answer in answers:
        assert answer == world.alone(parents, question)
