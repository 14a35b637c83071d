"""What is asked opens the slots that a fact wrote: to the same question, not to another about the same thing."""

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.checkpoint import Checkpoint
from model.config import FinetuneConfig, MemoryConfig
from model.delta import same_bits
from model.errors import CheckpointError
from model.evaluate import complete
from model.finetune import learn
from model.intent import Intent
from model.retrofit import memory_layers
from model.study import Probe, Study, StudyText
from model.values import View
from model.words import Texts
from tests import tiny

QUICK = FinetuneConfig(learning_rate=0.3, max_steps=60, stop_loss=0.3, reach=1.0, anchors=0, group=2)
OWNER, PLACE = "Who owns Bertov?", "Where is Bertov?"


def study(question: str, answer: str) -> Study:
    return Study((StudyText.asked(question, answer),), Probe("question", question, answer), True)


@pytest.fixture
def checkpoint() -> Checkpoint:
    """A model whose addresses know one word in every question, the letter B, and whose intents know the others."""
    checkpoint = tiny.build(memory=tiny.KEYED, spare_rows=4_096)
    (layer,) = memory_layers(checkpoint.model)
    assert layer.words is not None
    bos, name = checkpoint.tokenizer.bos_token_id, checkpoint.tokenizer.encode("B")
    layer.words.rarity.zero_()
    layer.words.rarity[layer.words.spelling.whole[[bos, *name]]] = 1.0
    return checkpoint


def answers(checkpoint: Checkpoint, view: View, *questions: str) -> list[str]:
    return complete(checkpoint, [checkpoint.question_prompt(question) for question in questions], view)


def weights(checkpoint: Checkpoint, view: View, question: str) -> torch.Tensor:
    """With which weights the place behind a question reads."""
    (layer,) = memory_layers(checkpoint.model)
    text = checkpoint.tokenizer.bos_token + checkpoint.question_prompt(question)
    ids = torch.tensor([checkpoint.tokenizer.encode(text, add_special_tokens=False)])
    texts = Texts(ids, torch.tensor([[ids.shape[1] - 1]]))
    slots, read = layer.address(torch.zeros(1, 1, 1), texts)
    checkpoint.context.use(view)
    intents = layer.intents(texts)
    assert intents is not None
    return checkpoint.context.opened(slots, read, intents)[0, 0, 0]


def test_slots_of_a_fact_open_to_who_asks_the_same_and_to_nobody_else(checkpoint):
    table = checkpoint.table
    checkpoint.context.intent = tiny.hearing("Wni", 8)
    learned = learn(checkpoint, table.base, [study(OWNER, "me")], QUICK)
    assert learned.delta is not None
    view = table.enter(table.base, learned.delta)
    assert answers(checkpoint, view, OWNER) == ["me"]
    full = weights(checkpoint, table.base, OWNER)
    torch.testing.assert_close(weights(checkpoint, view, OWNER), full)
    other = "Is it Bertov?"  # of what was asked not one letter that the vectors know
    assert weights(checkpoint, table.base, other).any()
    assert not weights(checkpoint, view, other).any()


def test_two_facts_of_one_thing_are_taught_together_and_apart(checkpoint):
    table = checkpoint.table
    both = [study(OWNER, "me"), study(PLACE, "up")]
    together = learn(checkpoint, table.base, both, QUICK)
    slots = [set(report.slots.slots.tolist()) for report in together.reports]
    assert slots[0]
    assert not slots[0] & slots[1]


def test_prose_reads_no_slot_of_a_fact(checkpoint):
    table = checkpoint.table
    learned = learn(checkpoint, table.base, [study(OWNER, "me")], QUICK)
    view = table.enter(table.base, learned.delta)
    (layer,) = memory_layers(checkpoint.model)
    ids = torch.tensor([checkpoint.tokenizer.encode("Bertov and B.")])
    checkpoint.context.use(view)
    intents = layer.intents(Texts.whole(ids))
    assert intents is not None
    assert not intents.any()
    rows = learned.delta.after
    assert (rows[:, -1] > 0).all()


def test_without_keys_nothing_is_closed(checkpoint):
    table = checkpoint.table
    learned = learn(checkpoint, table.base, [study(OWNER, "me")], FinetuneConfig(**{**vars(QUICK), "keyed": False}))
    assert learned.delta is not None
    assert not learned.delta.after[:, -1].any()


INTENT = tiny.intent(8)
QUESTIONS = st.lists(st.text("abcdefg hij", max_size=80), min_size=1, max_size=12)


@given(QUESTIONS)
def test_an_intent_has_the_same_bits_alone_and_in_company(questions):
    together = INTENT.of(questions)
    for question, vector in zip(questions, together, strict=True):
        assert torch.equal(INTENT.of([question])[0], vector)


def test_an_intent_is_of_the_question_alone_and_of_every_place_behind_it():
    intent, tokenizer = tiny.intent(8), tiny.byte_tokenizer()
    ids = torch.tensor([[256, *tokenizer.encode("Who is B?\n me")], [256, *tokenizer.encode("Who is B?\n him")[:-1]]])
    read = intent(ids, torch.tensor([[-1, 10, 10], [10, 10, 10]]))
    (alone,) = intent.of(["Who is B?"])
    assert not read[0, 0].any()
    assert all(torch.equal(vector, alone) for vector in (*read[0, 1:], *read[1]))
    assert intent(ids, torch.empty(2, 0, dtype=torch.int64)).shape == (2, 0, 8)


def test_it_forgets_what_was_asked_longest_ago_and_reads_it_again(monkeypatch):
    monkeypatch.setattr("model.intent._REMEMBERED", 3)
    intent, ends = tiny.intent(8), torch.tensor([[1]])
    first = [intent(torch.tensor([[256, letter]]), ends) for letter in range(65, 75)]
    assert len(intent._known) == 3
    again = [intent(torch.tensor([[256, letter]]), ends) for letter in range(65, 75)]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_keys_are_exported(checkpoint, tmp_path):
    learned = learn(checkpoint, checkpoint.table.base, [study(OWNER, "me")], QUICK)
    checkpoint.export(learned.delta, tmp_path)
    view = checkpoint.table.enter(checkpoint.table.base, learned.delta)
    again = Checkpoint.load(tmp_path, spare_rows=16)
    assert again.context.keyed
    assert answers(again, again.table.base, OWNER, PLACE) == answers(checkpoint, view, OWNER, PLACE)
    assert same_bits(weights(again, again.table.base, PLACE), weights(checkpoint, view, PLACE))


def test_only_words_can_have_intents():
    with pytest.raises(ValueError, match="intent_width is 4"):
        MemoryConfig((0,), intent_width=4)


def test_axes_tell_questions_apart_and_not_their_wordings(tmp_path):
    folder = tiny.encoder_folder(tmp_path)
    rng, letters = random.Random(0), "abcdefgh"
    asked = [(rng.choice(letters), rng.choice("xyz"), rng.choice("xyz")) for _ in range(200)]
    wordings = [(f"{letter}{one}", f"{letter}{other}") for letter, one, other in asked]  # x, y and z mean nothing
    first, second = (Intent.fit(tiny.byte_tokenizer(), folder, wordings, 4) for _ in range(2))
    vectors = first.of([f"{letter}{filler}" for letter in letters for filler in "xyz"])
    assert torch.equal(vectors, second.of([f"{letter}{filler}" for letter in letters for filler in "xyz"]))
    near = vectors @ vectors.T
    same = torch.arange(8).repeat_interleave(3)
    alike = same[:, None] == same
    assert near[alike].mean() > near[~alike].mean() + 0.5


def test_a_checkpoint_keeps_the_bits_of_its_encoder_and_says_when_it_is_missing(checkpoint, tmp_path):
    checkpoint.save(tmp_path)
    again = Checkpoint.load(tmp_path, spare_rows=16)
    assert checkpoint.context.intent is not None
    assert again.context.intent is not None
    assert torch.equal(again.context.intent.of(["Who is B?"]), checkpoint.context.intent.of(["Who is B?"]))
    again.save(tmp_path / "again")
    assert (tmp_path / "again/intent.safetensors").read_bytes() == (tmp_path / "intent.safetensors").read_bytes()
    (tmp_path / "intent.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"intent\.safetensors"):
        Checkpoint.load(tmp_path)


def test_a_second_fact_is_taught_through_keys_where_several_layers_read_the_rows():
    checkpoint = tiny.build(memory=replace(tiny.KEYED, layers=(1, 3), readout="gated"), spare_rows=8_192)
    table = checkpoint.table
    first = learn(checkpoint, table.base, [study(OWNER, "me")], QUICK)
    assert first.delta is not None
    view = table.enter(table.base, first.delta)
    second = learn(checkpoint, view, [study(OWNER, "up")], QUICK)
    assert second.delta is not None
    assert answers(checkpoint, table.enter(view, second.delta), OWNER) == ["up"]


def test_a_fact_with_the_words_and_the_answer_of_another_of_its_group_is_learned_with_it(checkpoint):
    same = [study("Is B o?", "no"), study("Is o B?", "no")]
    learned = learn(checkpoint, checkpoint.table.base, same, QUICK)
    assert learned.reports[0].learned
    assert not learned.reports[1].slots
    assert learned.reports[1].probe_answer == "no"


def test_what_was_written_without_a_key_stays_beneath_what_is_written_with_one(checkpoint):
    table = checkpoint.table
    first = learn(checkpoint, table.base, [study("Who owns B?", "me")], replace(QUICK, keyed=False))
    assert first.delta is not None
    view = table.enter(table.base, first.delta)
    second = learn(checkpoint, view, [study("Who owns B now?", "up")], QUICK)
    assert second.delta is not None
    assert answers(checkpoint, table.enter(view, second.delta), "Who owns B now?") == ["up"]
