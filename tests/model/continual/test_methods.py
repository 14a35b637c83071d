"""Each method learns a fact, and changes only what it is meant to change."""

import pytest
import torch

from model.augment import augment
from model.checkpoint import Checkpoint
from model.config import FinetuneConfig
from model.continual.methods import (
    AllValues,
    DenseConfig,
    Full,
    Lora,
    LoraConfig,
    Method,
    Moments,
    Sparse,
    answer_loss,
    dense_linears,
)
from model.continual.settings import GRID, TITLES, Setting
from model.evaluate import answer_nll
from model.memory import MemoryLayer
from model.study import Fact, Study
from model.text import encode, pad
from tests import tiny

STUDY = augment(Fact("Velda was born in Oslo."), limit=6)
OTHER = augment(Fact("The capital of Zorria is Prague."), limit=6)
PAPER = FinetuneConfig(
    top_t=50,
    optimizer="sgd",
    learning_rate=5.0,
    max_steps=1,
    idf_power=1.0,
    anchors=0,
    group=1,
    keep_unlearned=True,
)


def loss(method: Method) -> float:
    return answer_nll(method.checkpoint, method.view, STUDY.texts)


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in checkpoint.model.state_dict().items()}


def same(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def begin(name: str, checkpoint: Checkpoint) -> Method:
    if name == "full":
        return Full(checkpoint, DenseConfig(1e-3, 4))
    if name == "lora":
        return Lora(checkpoint, LoraConfig(1e-2, 4, rank=4))
    if name == "values":
        return AllValues(checkpoint, DenseConfig(0.2, 4))
    return Sparse(checkpoint, PAPER)


@pytest.mark.parametrize("name", ["full", "lora", "values", "paper"])
def test_teaching_lowers_the_loss_of_the_answer(name):
    method = begin(name, tiny.build())
    before = loss(method)
    cost = method.teach([STUDY])[0]
    assert loss(method) < before
    assert cost.seconds > 0
    assert cost.nbytes > 0


def test_lora_leaves_every_weight_and_row_as_it_was():
    checkpoint = tiny.build(spare_rows=0)
    names, rows = dense_linears(checkpoint), checkpoint.table.rows.clone()
    before = weights(checkpoint)
    method = Lora(checkpoint, LoraConfig(1e-2, 4, rank=2))
    cost = method.teach([STUDY])[0]
    after = {name.replace(".base_layer", ""): tensor for name, tensor in weights(checkpoint).items()}
    assert same(before, after)
    assert torch.equal(rows, checkpoint.table.rows)
    sizes = [checkpoint.model.get_submodule(name).base_layer.weight.shape for name in names]
    assert cost.nbytes == 4 * 2 * sum(sum(shape) for shape in sizes)  # rank 2, fp32
    assert cost.rows == 0


def test_lora_is_on_attention_and_feed_forward_and_on_no_memory_layer():
    checkpoint = tiny.build()
    names = dense_linears(checkpoint)
    memories = [name for name, module in checkpoint.model.named_modules() if isinstance(module, MemoryLayer)]
    assert len(names) == 4 * 4 + 3 * 3  # attention of four layers, feed-forward of the three without memory
    assert not any(name.startswith(memory) for name in names for memory in memories)
    assert "lm_head" not in names


def test_all_values_moves_rows_and_nothing_else():
    checkpoint = tiny.build(spare_rows=0)
    before, rows = weights(checkpoint), checkpoint.table.rows.clone()
    cost = AllValues(checkpoint, DenseConfig(0.2, 2)).teach([STUDY])[0]
    assert same(before, weights(checkpoint))
    changed = int((checkpoint.table.rows.detach() != rows).any(dim=1).sum())
    assert cost.rows == changed > 0
    assert cost.nbytes == rows.nbytes


def test_full_finetuning_moves_weights_and_rows():
    checkpoint = tiny.build(spare_rows=0)
    before, rows = weights(checkpoint), checkpoint.table.rows.clone()
    Full(checkpoint, DenseConfig(1e-3, 1)).teach([STUDY])
    after = weights(checkpoint)
    assert all(not torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert not torch.equal(rows, checkpoint.table.rows)


def test_kept_moments_carry_a_fact_on_into_the_next_and_fresh_ones_do_not():
    def rows_moved_by_the_second(moments: Moments, first: Study) -> torch.Tensor:
        checkpoint = tiny.build(spare_rows=0)
        method = AllValues(checkpoint, DenseConfig(1e-3, 1, moments))
        method.teach([first])
        before = checkpoint.table.rows.detach().clone()
        method.teach([OTHER])
        return checkpoint.table.rows.detach() - before

    # one step of fresh Adam is lr · sign(gradient), so rows that the first fact alone read stay where they are
    alone = (rows_moved_by_the_second("fresh", OTHER) != 0).any(dim=1)
    fresh, kept = (rows_moved_by_the_second(moments, STUDY)[~alone] for moments in ("fresh", "kept"))
    assert not fresh.any()
    assert kept.any()


def test_sparse_teaches_into_a_view_and_leaves_the_base():
    checkpoint = tiny.build()
    before, base = weights(checkpoint), checkpoint.table.rows[: checkpoint.table.slots].clone()
    method = Sparse(checkpoint, PAPER)
    cost = method.teach([STUDY])[0]
    assert same(before, weights(checkpoint))
    assert torch.equal(base, checkpoint.table.rows[: checkpoint.table.slots])
    assert cost.rows == checkpoint.table.rows_in_use > 0
    assert cost.nbytes == 50 * base.shape[1] * 2  # all chosen rows are kept, also those that did not move


def test_a_job_of_several_facts_shares_its_cost_out():
    checkpoint = tiny.build()
    method = Sparse(checkpoint, PAPER)
    costs = method.teach([STUDY, OTHER])
    used = checkpoint.table.rows_in_use
    assert len(costs) == 2
    assert costs[0].rows == costs[1].rows == round(used / 2)


def test_the_loss_of_dense_methods_is_that_of_the_measure():
    checkpoint = tiny.build()
    tokenizer = checkpoint.tokenizer
    batch = pad([encode(tokenizer, text, 256) for text in STUDY.texts], tokenizer.pad_token_id)
    trained = float(answer_loss(checkpoint, checkpoint.table.base, batch))
    assert trained == pytest.approx(answer_nll(checkpoint, checkpoint.table.base, STUDY.texts), rel=1e-4)


def test_the_grid_has_distinct_settings_of_every_method():
    assert list(GRID) == list(TITLES)
    for method, configs in GRID.items():
        assert len(set(configs)) == len(configs)
        described = [Setting(method, config).describe() for config in configs]
        assert len(set(described)) == len(described)


@pytest.mark.parametrize(
    ("method", "kind"),
    [("full", Full), ("lora", Lora), ("values", AllValues), ("tf-only", Sparse), ("paper", Sparse), ("ours", Sparse)],
)
def test_a_setting_begins_its_method(method, kind):
    setting = Setting(method, GRID[method][0])
    assert type(setting.begin(tiny.build())) is kind
    assert setting.sparse is (kind is Sparse)
