"""Memory layers in Hugging Face models: two architectures, two placements."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from model.augment import augment
from model.config import FinetuneConfig, MemoryConfig
from model.errors import NotPretrained
from model.finetune import learn
from model.memory import Beside, MemoryContext, MemoryLayer
from model.retrofit import decoder_layers, memory_layers, retrofit
from model.study import Fact
from model.values import ValueTable
from tests import tiny

ARCHITECTURES = pytest.mark.parametrize("language", [tiny.llama(), tiny.qwen3()], ids=["llama", "qwen3"])


def memory(placement: str, *layers: int) -> MemoryConfig:
    return MemoryConfig(layers, placement, heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)


@ARCHITECTURES
def test_beside_answers_bit_identically_before_training(language):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(language).eval()
    ids = torch.randint(0, 256, (3, 11))
    with torch.no_grad():
        before = model(input_ids=ids).logits
        config = memory("beside", 1, 3)
        retrofit(model, config, MemoryContext(ValueTable(torch.randn(256, 32), 0, 1, "0")))
        after = model(input_ids=ids).logits
    assert torch.equal(before, after)
    assert isinstance(decoder_layers(model)[3].mlp, Beside)


@ARCHITECTURES
def test_replace_puts_memory_layers_where_they_are_named(language):
    checkpoint = tiny.build(language, memory("replace", 0, 2))
    blocks = [layer.mlp for layer in decoder_layers(checkpoint.model)]
    assert [isinstance(block, MemoryLayer) for block in blocks] == [True, False, True, False]
    assert [layer.layer for layer in memory_layers(checkpoint.model)] == [0, 2]
    assert all(layer.context is checkpoint.context for layer in memory_layers(checkpoint.model))


def test_a_layer_that_the_model_lacks_is_refused():
    with pytest.raises(ValueError, match="names layer 4; the model has 4"):
        tiny.build(memory=memory("replace", 4))


@ARCHITECTURES
def test_teaching_before_memory_pretraining_is_refused_with_the_reason(language):
    checkpoint = tiny.build(language, memory("beside", 2), pretrained=False)
    study = augment(Fact("The capital of Zorvania is Melpek.", None, None))
    with pytest.raises(NotPretrained, match="were never trained"):
        learn(checkpoint, checkpoint.table.base, [study], FinetuneConfig())
