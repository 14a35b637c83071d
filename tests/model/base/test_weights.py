"""Packed weights: the model's own numbers, in products whose rows do not change each other."""

import pytest
import torch
from torch import nn

from model.base.weights import KeptEmbedding, PackedLinear, filled, filling, head_rows, pack, power_of_two
from tests import tiny


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("behind", "bias"), [(96, True), (33, False)])
def test_a_row_has_the_same_bits_among_however_many(threads, behind, bias):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(0)
        layer = PackedLinear(nn.Linear(72, behind, bias=bias).requires_grad_(False))
        rows = torch.randn(filled(200), 72)
        alone = torch.cat([layer(rows[n : n + 4]) for n in range(0, len(rows), 4)])[: len(rows)]
        for count in (*range(1, 40), 64, 100, 128, 151, 200):
            assert torch.equal(layer(rows[: filled(count)])[:count], alone[:count])
    finally:
        torch.set_num_threads(before)


def test_weights_that_were_bfloat16_keep_their_numbers():
    torch.manual_seed(0)
    plain = nn.Linear(64, 96).bfloat16().float().requires_grad_(False)
    layer, rows = PackedLinear(plain), torch.randn(8, 64)
    assert torch.equal(layer.weight, plain.weight)
    torch.testing.assert_close(layer(rows), plain(rows), atol=1e-5, rtol=1e-5)


def test_a_packed_layer_has_a_gradient_where_one_is_asked_for():
    layer = PackedLinear(nn.Linear(8, 4).requires_grad_(False))
    rows = torch.randn(3, 8, requires_grad=True)
    layer(rows).sum().backward()
    torch.testing.assert_close(rows.grad, layer.weight.sum(dim=0).expand(3, 8))


def test_a_model_is_packed_once_and_in_float32_alone():
    model, half = tiny.language_model(), tiny.language_model().bfloat16()
    pack(model)
    packed = model.get_output_embeddings()
    pack(model)
    pack(half)
    assert type(packed) is PackedLinear
    assert model.get_output_embeddings() is packed
    assert type(half.get_output_embeddings()) is nn.Linear
    assert filling(model) is filled
    assert filling(half) is power_of_two


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_embeddings_are_kept_in_the_fewest_bits_that_hold_them_and_look_up_the_same_numbers(kind):
    torch.manual_seed(0)
    plain = nn.Embedding(40, 8).to(kind).float().requires_grad_(False)
    kept, ids = KeptEmbedding(plain), torch.tensor([[0, 39, 7], [7, 7, 1]])
    assert kept.rows.dtype == kind
    assert torch.equal(kept(ids), plain(ids))
    assert torch.equal(kept.weight, plain.weight)


@pytest.mark.parametrize("language", [tiny.llama(), tiny.qwen3(), tiny.gemma3()], ids=lambda config: config.model_type)
def test_a_packed_model_says_what_the_plain_one_says_and_computes_in_its_type(language):
    plain, packed = (tiny.language_model(language).bfloat16().float() for _ in range(2))
    pack(packed)
    ids = torch.tensor([[5, 9, 200, 3, 17]])
    with torch.inference_mode():
        torch.testing.assert_close(packed(ids).logits, plain(ids).logits, atol=1e-3, rtol=1e-3)
    assert (packed.dtype, packed.device) == (torch.float32, torch.device("cpu"))


@pytest.mark.parametrize("language", [tiny.llama(), tiny.qwen3()], ids=lambda config: config.model_type)
def test_the_rows_of_a_head_are_those_it_multiplies_with_and_shared_where_it_shares_them(language):
    model = tiny.language_model(language).bfloat16().float()
    weight = model.get_output_embeddings().weight.detach().clone()
    pack(model)
    rows = head_rows(model)
    assert torch.equal(rows.float(), weight)
    shared = rows.data_ptr() == getattr(model.get_input_embeddings(), "rows", rows[:0]).data_ptr()
    assert shared == language.tie_word_embeddings


def test_numbers_of_rows_of_plain_products_are_powers_of_two_from_four():
    assert [power_of_two(count) for count in (1, 3, 4, 5, 8, 9, 33)] == [4, 4, 4, 8, 8, 16, 64]
