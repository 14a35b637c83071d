"""What questions of clients read is counted where answers begin, once an address, and taken once."""

import torch

from model.engine import Sampling
from model.memory.traffic import Traffic
from tests.model.engine.asking import change, question


def answered(engine, text: str, client: str = "1", version: int | None = 1, sampling: Sampling = Sampling(4)) -> None:
    engine.submit(question(engine, text), sampling, version=version, client=client).result(30)


def addresses_of(engine, text: str) -> set[int]:
    """What the memory says that a question reads."""
    answered(engine, text)
    return set(engine.take_traffic().reads)


def test_each_question_counts_once_at_each_of_its_addresses(engine):
    engine.prepare(1, 0, change(engine, 1))
    one, other = addresses_of(engine, "a?"), addresses_of(engine, "what is the river of Melpek?")
    config = engine.checkpoint.memory.addressing.config
    assert 0 < len(one) <= config.reads
    assert one != other
    for text in ("a?", "a?", "what is the river of Melpek?"):
        answered(engine, text)
    taken = engine.take_traffic()
    assert taken.queries == 3
    assert taken.reads == {address: 2 * (address in one) + (address in other) for address in one | other}
    assert engine.take_traffic() == Traffic()


def test_what_is_counted_is_what_the_place_reads(engine):
    engine.prepare(1, 0, change(engine, 1))
    checkpoint, seen = engine.checkpoint, []
    ask = checkpoint.memory.ask

    def seeing(*given):
        asked = ask(*given)
        seen.extend(asked)
        return asked

    checkpoint.memory.ask = seeing
    answered(engine, "a?")
    (asked,) = seen
    ways = checkpoint.memory.addressing.config.ways
    assert sorted(engine.take_traffic().reads) == torch.unique(asked.slots // ways).tolist()


def test_the_service_s_own_probes_and_the_base_s_answers_are_no_traffic(engine):
    engine.prepare(1, 0, change(engine, 1))
    answered(engine, "a?", client="")
    answered(engine, "a?", version=0)
    assert engine.take_traffic() == Traffic()


def test_a_prompt_whose_own_tokens_are_scored_counts_once(engine):
    engine.prepare(1, 0, change(engine, 1))
    prompt = engine.checkpoint.prompts.continuation("the river of Melpek")
    engine.submit(prompt, Sampling(1, echo=True, logprobs=0), version=1, client="1").result(30)
    assert engine.take_traffic().queries == 1
