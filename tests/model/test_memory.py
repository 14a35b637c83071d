"""The memory layer: exact product-key lookup, one table for all layers, a view per sequence."""

import pytest
import torch
from torch.nn import functional as F

from model.config import MemoryConfig
from model.delta import Delta
from model.memory import ChangedRows, MemoryContext, MemoryLayer
from model.values import ValueTable

CONFIG = MemoryConfig(layers=(0, 1), heads=3, top_k=7, sub_keys=12, key_width=8, value_width=10)
WIDTH = 24


def layers(count: int = 1, places: int = 4) -> tuple[MemoryContext, list[MemoryLayer]]:
    torch.manual_seed(0)
    table = ValueTable(torch.randn(CONFIG.slots, CONFIG.value_width), 64, places, "0")
    context = MemoryContext(table)
    context.use(table.base)
    return context, [MemoryLayer(CONFIG, layer, WIDTH, context) for layer in range(count)]


def every_score(layer: MemoryLayer, x: torch.Tensor) -> torch.Tensor:
    """Scores of all N slots for each token and head, straight from the definition."""
    query = layer.query(x).view(*x.shape[:2], CONFIG.heads, 2, CONFIG.key_width)
    query = query / query.pow(2).mean(-1, keepdim=True).add(torch.finfo(torch.float32).eps).sqrt()
    query = query * layer.query_gain
    keys = layer.keys / layer.keys.norm(dim=-1, keepdim=True)
    first = torch.einsum("bthd,hnd->bthn", query[..., 0, :], keys[:, 0])
    second = torch.einsum("bthd,hnd->bthn", query[..., 1, :], keys[:, 1])
    return (first[..., :, None] + second[..., None, :]).flatten(-2)


def test_lookup_equals_brute_force_over_all_slots():
    _, (layer,) = layers()
    layer.query_gain.data.uniform_(0.5, 2.0)
    x = torch.randn(5, 9, WIDTH)
    slots, weights = layer.address(x)
    best, winners = every_score(layer, x).topk(CONFIG.top_k, dim=-1)
    assert torch.equal(slots.sort(-1).values, winners.sort(-1).values)
    assert torch.allclose(weights.sort(-1).values, best.softmax(-1).sort(-1).values, atol=1e-6)


def test_forward_is_the_gated_bag_of_the_definition():
    context, (layer,) = layers()
    x = torch.randn(2, 3, WIDTH)
    slots, weights = layer.address(x)
    bag = (context.table.rows[slots] * weights[..., None]).sum(dim=(2, 3))
    expected = layer.out(bag * F.silu(layer.gate(x)))
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_addresses_are_the_same_under_autocast():
    _, (layer,) = layers()
    x = torch.randn(4, 6, WIDTH)
    plain = layer.address(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = layer.address(x)
    assert torch.equal(plain[0], cast[0])
    assert torch.equal(plain[1], cast[1])


def test_all_layers_share_one_table_that_no_module_owns():
    context, (first, second) = layers(2)
    assert first.context is second.context is context
    owned = [tensor.data_ptr() for layer in (first, second) for tensor in layer.state_dict().values()]
    assert context.table.rows.data_ptr() not in owned


def test_two_models_in_one_process_share_nothing():
    _, (layer,) = layers()
    other, _ = layers()
    x = torch.randn(1, 2, WIDTH)
    before = layer(x)
    other.table.rows.zero_()
    assert torch.equal(layer(x), before)


def test_each_sequence_of_a_batch_reads_its_own_view():
    context, (layer,) = layers()
    table = context.table
    slots = torch.arange(60)
    changed = table.enter(table.base, Delta(slots, torch.randn(60, CONFIG.value_width)))
    x = torch.randn(1, 5, WIDTH).repeat(4, 1, 1)
    alone = []
    for view in (table.base, changed):
        context.use(view)
        alone.append(layer(x))
    context.use(table.base, changed, changed, table.base)
    mixed = layer(x)
    assert not torch.equal(alone[0][0], alone[1][0])
    for row, view in enumerate((0, 1, 1, 0)):
        assert torch.equal(mixed[row], alone[view][row])


def test_changed_rows_are_read_as_if_they_were_in_the_table():
    context, (layer,) = layers()
    table, x = context.table, torch.randn(3, 4, WIDTH)
    slots = layer.address(x)[0].unique()[:5]
    change = torch.randn(5, CONFIG.value_width)
    context.changed = ChangedRows(slots, change)
    beside = layer(x)
    context.changed = None
    context.use(table.enter(table.base, Delta(slots, table.read(table.base, slots) + change)))
    torch.testing.assert_close(beside, layer(x), rtol=1e-4, atol=1e-5)


def test_only_needed_positions_are_computed_and_they_are_the_same():
    context, (layer,) = layers()
    x = torch.randn(3, 4, WIDTH)
    whole = layer(x)
    context.needed = torch.rand(3, 4) < 0.5
    some = layer(x)
    torch.testing.assert_close(some[context.needed], whole[context.needed], rtol=1e-4, atol=1e-5)
    assert not some[~context.needed].any()


def test_needed_positions_read_the_view_of_their_sequence():
    context, (layer,) = layers()
    table, slots = context.table, torch.arange(60)
    changed = table.enter(table.base, Delta(slots, torch.randn(60, CONFIG.value_width)))
    x = torch.randn(3, 4, WIDTH)
    context.use(table.base, changed, table.base)
    whole = layer(x)
    context.needed = torch.tensor([[0, 0, 0, 1], [0, 1, 0, 1], [1, 0, 0, 0]], dtype=torch.bool)
    torch.testing.assert_close(layer(x)[context.needed], whole[context.needed], rtol=1e-4, atol=1e-5)


def test_views_are_read_anew_when_their_place_is_given_to_another():
    context, (layer,) = layers(places=2)
    table, x = context.table, torch.randn(1, 4, WIDTH)
    slots = layer.address(x)[0].unique()
    outputs = []
    for _ in range(2):
        view = table.enter(table.base, Delta(slots, torch.randn(len(slots), CONFIG.value_width)))
        context.use(view)
        outputs.append(layer(x))
        table.release(view)
    assert not torch.equal(*outputs)


def test_frozen_keys_are_normalised_once_and_again_after_a_change():
    _, (layer,) = layers()
    layer.requires_grad_(False)
    x = torch.randn(2, 3, WIDTH)
    with torch.inference_mode():
        before = layer.address(x)
    with torch.no_grad():
        layer.keys.copy_(torch.randn_like(layer.keys))
    after = layer.address(x)
    assert not torch.equal(before[0], after[0])
    layer.requires_grad_(True)
    assert all(map(torch.equal, after, layer.address(x)))


def test_a_gradient_passes_through_a_layer_that_served_before():
    _, (layer,) = layers()
    layer.requires_grad_(False)
    x = torch.randn(2, 3, WIDTH)
    with torch.inference_mode():
        served = layer(x)
    learned = layer(x.requires_grad_(True))
    learned.sum().backward()
    assert x.grad is not None
    assert x.grad.any()
    torch.testing.assert_close(learned.detach(), served.clone())


def test_a_direct_readout_is_the_bag_times_its_gain():
    config = MemoryConfig(layers=(0,), readout="direct", heads=2, top_k=4, sub_keys=8, key_width=6, value_width=WIDTH)
    table = ValueTable(torch.randn(64, WIDTH), 4, 2, "0")
    context = MemoryContext(table)
    layer = MemoryLayer(config, 0, WIDTH, context)
    context.use(table.base)
    torch.nn.init.constant_(layer.gain, 2.0)
    x = torch.randn(2, 3, WIDTH)
    slots, weights = layer.address(x)
    bag = (table.rows[slots] * weights[..., None]).sum(dim=(2, 3))
    torch.testing.assert_close(layer(x), 2 * bag)
    with pytest.raises(ValueError, match=f"value_width is {WIDTH}; a direct readout needs the model's width, 99"):
        MemoryLayer(config, 0, 99, context)


def test_reads_are_recorded_per_layer():
    context, both = layers(2)
    x = torch.randn(2, 3, WIDTH)
    context.recording = True
    for layer in both:
        layer(x)
    assert {layer: tuple(reads.shape) for layer, reads in context.reads.items()} == {
        0: (2, 3, 3, 7),
        1: (2, 3, 3, 7),
    }
