"""One step of the model: the same numbers as the model's own forward pass, and shapes that neighbours do not change."""

import pytest
import torch
from torch import nn

from model.engine.head import Head
from model.engine.runner import Chunk, Last, Runner, padded
from tests import tiny


@pytest.mark.parametrize("memory", [tiny.MEMORY, tiny.WORDS])
@pytest.mark.parametrize("language", [tiny.llama, tiny.qwen3])
def test_chunks_and_tokens_give_the_logits_of_the_whole_text(language, memory):
    checkpoint = tiny.build(language(), memory)
    base, runner = checkpoint.table.base, Runner(checkpoint, 4, 256)
    ids = torch.randint(0, 256, (3, 140), generator=torch.Generator().manual_seed(0))
    checkpoint.context.use(base)
    whole = checkpoint.model(input_ids=ids).logits
    rows = [2, 0, 1]
    for start, end in [(0, 64), (64, 128), (128, 137)]:
        chunks = [Chunk(row, start, ids[row, start:end].tolist(), base) for row in rows]
        logits = runner.prompts(chunks)
        torch.testing.assert_close(logits, whole[rows, end - 1], atol=1e-3, rtol=1e-4)
    for position in (137, 138, 139):
        logits = runner.tokens([Last(int(ids[row, position]), position, base) for row in range(3)])
        torch.testing.assert_close(logits, whole[:, position], atol=1e-3, rtol=1e-4)
    assert runner.steps == 6


@pytest.mark.parametrize("memory", [tiny.MEMORY, tiny.WORDS])
def test_a_row_that_moves_goes_on_with_the_same_bits(memory):
    checkpoint = tiny.build(memory=memory)
    base, runner = checkpoint.table.base, Runner(checkpoint, 4, 256)
    runner.prompts([Chunk(row, 0, list(range(row, row + 20)), base) for row in (1, 3)])
    stayed = runner.tokens([None, Last(5, 20, base), None, Last(6, 20, base)])[3]
    runner.cache.move(3, 0, 20)
    assert torch.equal(runner.tokens([Last(6, 20, base)])[0], stayed)


def test_numbers_of_rows_are_powers_of_two_from_four():
    assert [padded(count) for count in (1, 3, 4, 5, 8, 9, 33)] == [4, 4, 4, 8, 8, 16, 64]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_packed_head_is_the_model_s_and_no_row_changes_another(dtype):
    module = nn.Linear(64, 500, bias=False, dtype=dtype)
    hidden = torch.randn(32, 64, generator=torch.Generator().manual_seed(1)).to(dtype)
    logits = Head(module).logits(hidden)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, module(hidden).float(), atol=1e-5, rtol=1e-5)
    if dtype == torch.float32:
        assert all(torch.equal(Head(module).logits(hidden[:count]), logits[:count]) for count in (1, 2, 4, 8, 16))
