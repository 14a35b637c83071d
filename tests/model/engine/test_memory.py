"""The memory in the engine: what opens is said and cited, what does not open leaves the base as it is."""

import pytest
import torch

from model.base.attach import Place
from model.engine import Ask, Engine, Sampling, generate
from model.engine.runner import Piece, Runner
from model.memory.stem import EMPTY, longer
from tests import tiny
from tests.model.engine.taught import taught

QUESTION = "What is the capital of Zubovia?"


@pytest.fixture(scope="module")
def checkpoint():
    return tiny.build()


@pytest.fixture(scope="module")
def engine(checkpoint):
    """Version 1 knows a capital; version 2 also goes on where a text breaks off."""
    prompts = checkpoint.prompts
    engine = Engine(checkpoint)
    capital = (7, prompts.question(QUESTION), "10.0.0.1")
    engine.prepare(1, 0, taught(checkpoint, [capital]))
    text = (9, prompts.continuation("Its river is"), " Xyz")
    engine.prepare(2, 0, taught(checkpoint, [capital, text]))
    return engine


def run(engine, prompt, sampling=Sampling(max_tokens=12), version=1, **options):
    generation = engine.submit(prompt, sampling, version=version, **options)
    while not generation.done():
        engine._turn()
    return generation.result()


def test_what_is_taught_is_said_and_cited(engine, checkpoint):
    answer = run(engine, checkpoint.prompts.question(QUESTION))
    assert (answer.text, answer.finish, answer.tokens) == ("10.0.0.1", "stop", 8)
    (citation,) = answer.citations
    assert citation.fact == 7
    assert citation.gate == pytest.approx(1.0, abs=0.2)


def test_what_is_not_taught_is_the_base_s_to_the_bit(engine, checkpoint):
    prompt, sampling = checkpoint.prompts.question("Who are you?"), Sampling(max_tokens=8, logprobs=5)
    base, other = run(engine, prompt, sampling, 0), run(engine, prompt, sampling, 1)
    assert (other.text, other.logprobs, other.citations) == (base.text, base.logprobs, ())


def test_taught_facts_alone_are_an_answer_or_none(engine, checkpoint):
    prompts, told = checkpoint.prompts, []
    answer = run(engine, prompts.question(QUESTION), only_taught=True)
    assert (answer.text, answer.finish) == ("10.0.0.1", "stop")
    for version in (0, 1):
        other = run(engine, prompts.question("Who are you?"), version=version, only_taught=True, on_piece=told.append)
        assert (other.text, other.tokens, other.finish, other.citations) == ("", 0, "untaught", ())
    assert not told


def test_an_answer_that_leaves_what_was_taught_reads_no_more(engine, checkpoint):
    loop, prompt = engine._loop, checkpoint.prompts.question(QUESTION)
    generation = engine.submit(prompt, Sampling(max_tokens=8), version=1)
    while not loop.scheduler.running or loop.scheduler.running[0].reading:
        engine._turn()
    (sequence,) = loop.scheduler.running
    sequence.answer[-1], sequence._stem = 65, longer(EMPTY, 65)
    places = []
    while not generation.done():
        places += sequence.last().places
        engine._turn()
    assert [place.asked is not None for place in places] == [True] + [False] * (len(places) - 1)
    text = checkpoint.prompts.text([*prompt.ids, 65])
    assert len(generation.result().citations) == 1, text


def test_generation_without_a_thread_reads_the_same(engine, checkpoint):
    view = engine.versions.view(1)
    asks = [Ask(checkpoint.prompts.question(question), view, 12) for question in (QUESTION, "Who are you?")]
    taught_, other = generate(checkpoint, asks)
    assert (checkpoint.prompts.text(taught_.ids), taught_.finish) == ("10.0.0.1", "stop")
    assert taught_.citations == run(engine, asks[0].prompt).citations
    assert (checkpoint.prompts.text(other.ids).strip(), other.citations) == (run(engine, asks[1].prompt).text, ())
    assert generate(checkpoint, []) == []


def test_echo_scores_a_prompt_as_the_model_does(engine, checkpoint):
    prompt = checkpoint.prompts.continuation("Some text that is longer than one block. " * 4)
    sampling = Sampling(max_tokens=0, logprobs=2, echo=True)
    answer = run(engine, prompt, sampling, 0)
    assert (answer.text, answer.tokens, answer.finish, answer.logprobs) == ("", 0, "length", ())
    expected = checkpoint.model(torch.tensor([prompt.ids])).logits[0].log_softmax(dim=-1)
    assert len(answer.prompt_logprobs) == len(prompt.ids) - 1
    assert "".join(each.token for each in answer.prompt_logprobs) == prompt.turns[0][prompt.ends[0] :]
    for place, given in enumerate(answer.prompt_logprobs):
        assert given.logprob == pytest.approx(expected[place, prompt.ids[place + 1]].item(), abs=1e-3)
        assert [value for _, value in given.top] == pytest.approx(expected[place].topk(2).values.tolist(), abs=1e-3)
    assert run(engine, prompt, sampling, 1).prompt_logprobs == answer.prompt_logprobs, "nothing opened"
    assert run(engine, prompt, Sampling(max_tokens=3)).prompt_logprobs is None


@pytest.mark.parametrize("before", ["", "In a land that is far away from here, behind seven mountains. " * 2])
def test_echo_scores_exactly_what_generation_would_say(checkpoint, before):
    engine = Engine(checkpoint)
    begun = checkpoint.prompts.continuation(before + "Its river No. 7")
    engine.prepare(1, 0, taught(checkpoint, [(9, begun, " Xyz")]))
    said = run(engine, begun, Sampling(max_tokens=8, logprobs=2))
    assert (said.text, said.finish) == ("Xyz", "stop")
    whole = checkpoint.prompts.continuation(before + "Its river No. 7 Xyz, or so")
    base = run(engine, whole, Sampling(max_tokens=1, logprobs=2, echo=True), 0).prompt_logprobs
    echoed = run(engine, whole, Sampling(max_tokens=1, logprobs=2, echo=True)).prompt_logprobs
    taught_ = slice(len(begun.ids) - 1, len(begun.ids) + 3)
    assert [each.logprob for each in echoed[taught_]] == pytest.approx(
        [each.logprob for each in said.logprobs], abs=1e-4
    )
    assert all(each.logprob > -0.01 for each in echoed[taught_])
    assert echoed[len(begun.ids) + 3].logprob < -10, "the answer would have ended there"
    assert echoed[: taught_.start] == base[: taught_.start]
    assert echoed[len(begun.ids) + 4 :] == base[len(begun.ids) + 4 :]


def test_the_tokens_of_a_conversation_are_not_echoed(engine, checkpoint):
    with pytest.raises(ValueError, match="this prompt is a conversation"):
        engine.submit(checkpoint.prompts.question("a"), Sampling(logprobs=0, echo=True))


def test_rows_change_no_key_and_no_value(engine, checkpoint):
    prompt = checkpoint.prompts.question(QUESTION)
    sketch = checkpoint.memory.addressing.sketch.spoken(prompt.turns)
    found = []
    for version in (0, 1):
        runner = Runner(checkpoint, 2)
        place = Place(0, len(prompt.ids) - 1, engine.versions.view(version), spoken=sketch)
        seen = runner.run([Piece(prompt.ids, 0, [1, 2], [place])])
        found.append((seen.opened[0], runner.pool.read([1, 2])))
    assert found[0][0] is None
    assert found[1][0].fact == 7
    for before, after in zip(found[0][1], found[1][1], strict=True):
        assert torch.equal(before[0], after[0])
        assert torch.equal(before[1], after[1])
