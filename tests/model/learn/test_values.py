"""Values: the token wins by the margin at every state, whatever the architecture's norm keeps its weights as."""

import copy

import pytest
import torch

from model.base.weights import pack
from model.config import LearnConfig
from model.learn.values import Values
from tests import tiny

CONFIG = LearnConfig()


@pytest.mark.parametrize(
    "language", [tiny.llama(), tiny.qwen3(), tiny.gemma3(), tiny.gpt_neox()], ids=lambda config: config.model_type
)
def test_each_token_wins_at_all_its_states(language):
    model = tiny.language_model(language)
    if model.config.tie_word_embeddings:
        model.get_output_embeddings().weight.data *= 25
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 256, (12,), generator=generator)
    states = torch.randn(12, 3, 32, generator=generator)
    values, margins, steps = Values(model, CONFIG).trained(tokens, states)
    assert bool((margins >= CONFIG.margin).all())
    assert steps <= CONFIG.max_steps
    norm = getattr(model.get_decoder(), "norm", None) or model.get_decoder().final_layer_norm
    with torch.inference_mode():
        logits = model.get_output_embeddings()(norm(states + values[:, None]))
    assert torch.equal(logits.argmax(dim=2), tokens[:, None].expand(-1, 3))


def test_the_same_token_at_two_places_has_two_values_that_both_win():
    model = tiny.language_model()
    states = torch.randn(4, 2, 32, generator=torch.Generator().manual_seed(1))
    _, margins, _ = Values(model, CONFIG).trained(torch.tensor([7, 7, 7, 8]), states)
    assert bool((margins >= CONFIG.margin).all())


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("language", [tiny.llama(), tiny.gemma3()], ids=lambda config: config.model_type)
def test_the_gradient_is_that_of_the_cross_entropy(language, packed):
    model = tiny.language_model(language).bfloat16().float()
    head, norm = copy.deepcopy(model.get_output_embeddings()), model.get_decoder().norm
    if packed:
        pack(model)
    generator = torch.Generator().manual_seed(2)
    values, states = torch.randn(5, 32, generator=generator), torch.randn(5, 3, 32, generator=generator)
    tokens = torch.tensor([7, 7, 200, 0, 31])
    tried = values.clone().requires_grad_()
    logits = head(norm(states + tried[:, None]))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.repeat_interleave(3), reduction="sum")
    (expected,) = torch.autograd.grad(loss, tried)
    found = Values(model, CONFIG)._gradient(values, tokens, states)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
