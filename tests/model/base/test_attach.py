"""The attachment: the base stays what it is to the bit, and what opens changes the place where it is read, alone."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from model.base.attach import Attachment, Place
from model.errors import CheckpointError
from model.memory.delta import Delta
from model.memory.demand import Demand
from model.memory.memory import Memory
from model.memory.rows import Written
from model.memory.stem import longer
from tests import tiny

LANGUAGES = [tiny.llama(), tiny.qwen3(), tiny.gemma3(), tiny.gpt_neox()]
QUESTION = "What is the capital of Zorvania?"


def taught(checkpoint, asked, *, stem=0, size=10.0):
    """A view with one row behind the key `asked`, owned by fact 3."""
    memory = checkpoint.memory
    generator = torch.Generator().manual_seed(1)
    value = size * torch.randn(1, memory.addressing.config.value_width, generator=generator)
    low = torch.tensor([[0.9, 0.9]])
    row = Written(
        value,
        asked.what[None],
        asked.whom[None],
        low,
        torch.tensor([Demand().numbers()]),
        torch.tensor([stem]),
        torch.tensor([3]),
    )
    return memory.table.enter(memory.table.base, Delta(asked.slots[0, :1], memory.layout.pack(row)))


def place_of(checkpoint, prompt, view):
    return Place(0, len(prompt.ids) - 1, view, spoken=checkpoint.memory.addressing.sketch.spoken(prompt.turns))


def asked_by(checkpoint, prompt):
    with checkpoint.attachment.reading([place_of(checkpoint, prompt, checkpoint.table.base)]) as reads:
        checkpoint.model(torch.tensor([prompt.ids]))
    return reads.asked[0]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda config: config.model_type)
def test_without_a_row_the_logits_are_the_base_s_through_prefill_and_decode(language):
    bare = AutoModelForCausalLM.from_config(language)
    checkpoint = tiny.build(language)
    bare.load_state_dict(checkpoint.model.state_dict())
    bare.eval()
    prompt = checkpoint.prompts.question(QUESTION)
    elsewhere = taught(checkpoint, asked_by(checkpoint, checkpoint.prompts.question("Who?")))
    ids = torch.tensor([prompt.ids])
    with torch.inference_mode():
        expected = bare(ids, use_cache=True)
        with checkpoint.attachment.reading([place_of(checkpoint, prompt, elsewhere)]) as reads:
            found = checkpoint.model(ids, use_cache=True)
        assert torch.equal(found.logits, expected.logits)
        assert reads.opened == [None]
        token = expected.logits[:, -1:].argmax(dim=-1)
        later = Place(0, 0, elsewhere, asked=reads.asked[0], stem=longer(0, int(token)))
        expected = bare(token, past_key_values=expected.past_key_values)
        with checkpoint.attachment.reading([later]) as reads:
            found = checkpoint.model(token, past_key_values=found.past_key_values)
        assert torch.equal(found.logits, expected.logits)
        assert reads.opened == [None]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda config: config.model_type)
def test_a_row_that_opens_changes_its_place_alone_and_no_key_or_value_of_attention(language):
    checkpoint = tiny.build(language)
    prompt = checkpoint.prompts.question(QUESTION)
    view = taught(checkpoint, asked_by(checkpoint, prompt))
    ids = torch.tensor([prompt.ids])
    with torch.inference_mode():
        before = checkpoint.model(ids, use_cache=True)
        with checkpoint.attachment.reading([place_of(checkpoint, prompt, view)]) as reads:
            after = checkpoint.model(ids, use_cache=True)
    assert [opened.fact for opened in reads.opened] == [3]
    assert torch.equal(after.logits[:, :-1], before.logits[:, :-1])
    assert not torch.equal(after.logits[:, -1], before.logits[:, -1])
    for mine, theirs in zip(after.past_key_values.layers, before.past_key_values.layers, strict=True):
        assert torch.equal(mine.keys, theirs.keys)
        assert torch.equal(mine.values, theirs.values)


def test_outside_of_a_reading_the_hooks_do_nothing():
    checkpoint = tiny.build()
    prompt = checkpoint.prompts.question(QUESTION)
    view = taught(checkpoint, asked_by(checkpoint, prompt))
    ids = torch.tensor([prompt.ids])
    with torch.inference_mode():
        before = checkpoint.model(ids).logits
        with checkpoint.attachment.reading([place_of(checkpoint, prompt, view)]):
            checkpoint.model(ids)
        assert torch.equal(checkpoint.model(ids).logits, before)


def test_a_base_that_does_not_fit_the_memory_is_refused():
    checkpoint = tiny.build()
    shallow = tiny.llama()
    shallow.num_hidden_layers = 2
    with pytest.raises(CheckpointError, match="layer 3; the base has 2 layers"):
        Attachment(AutoModelForCausalLM.from_config(shallow), checkpoint.memory)
    wide = tiny.llama()
    wide.hidden_size = 64
    with pytest.raises(CheckpointError, match="width 32; the base has 64"):
        Attachment(AutoModelForCausalLM.from_config(wide), Memory(checkpoint.memory.addressing, checkpoint.table))
