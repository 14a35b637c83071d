"""Values: the token wins by the margin at every state, whatever the architecture's norm keeps its weights as."""

import pytest
import torch

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
