"""One step of the model: the same numbers as the model's own forward pass, whatever stands beside a token."""

from itertools import pairwise

import pytest
import torch

from model.base.attach import Place
from model.base.weights import pack
from model.engine.runner import Piece, Runner
from tests import tiny

LANGUAGES = [tiny.llama, tiny.qwen3, tiny.gemma3, tiny.gpt_neox]


def prompt(base, ids, start, end, blocks) -> Piece:
    return Piece(ids[start:end].tolist(), start, blocks, [Place(0, end - start - 1, base)])


def answer(base, token, position, blocks) -> Piece:
    return Piece([int(token)], position, blocks, [Place(0, 0, base)], is_answer=True)


@pytest.mark.parametrize("packs", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_and_answers_give_the_logits_of_the_whole_text(language, packs):
    checkpoint = tiny.build(language())
    if packs:
        pack(checkpoint.model)
    base, runner = checkpoint.table.base, Runner(checkpoint, 12)
    ids = torch.randint(0, 256, (3, 210), generator=torch.Generator().manual_seed(0))
    whole = checkpoint.model(input_ids=ids).logits
    tables = [[1, 2, 7, 8], [5, 3, 4, 6], [12, 11, 10, 9]]
    for start, end in [(0, 64), (64, 192), (192, 207)]:
        seen = runner.run([prompt(base, ids[row], start, end, tables[row]) for row in (2, 0, 1)])
        torch.testing.assert_close(seen.logits, whole[[2, 0, 1], end - 1], atol=1e-3, rtol=1e-4)
    for position in (207, 208, 209):
        seen = runner.run([answer(base, ids[row, position], position, tables[row]) for row in range(3)])
        torch.testing.assert_close(seen.logits, whole[:, position], atol=1e-3, rtol=1e-4)
    assert runner.steps == 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_s_token_has_the_same_bits_in_any_blocks_and_company(language):
    checkpoint = tiny.build(language())
    pack(checkpoint.model)
    base = checkpoint.table.base
    ids = torch.randint(0, 256, (8, 150), generator=torch.Generator().manual_seed(1))
    alone = Runner(checkpoint, 3)
    alone.run([prompt(base, ids[0], 0, 140, [1, 2, 3])])
    expected = alone.run([answer(base, 5, 140, [1, 2, 3])]).logits[0]
    together = Runner(checkpoint, 30)
    tables = [[30, 2, 15], *([3 * row, 3 * row + 1, 3 * row + 2] for row in range(1, 5)), *[[16, 18], [20], [21]]]
    lengths = [140, 140, 130, 150, 140, 100, 10, 60]
    for row, (length, table) in enumerate(zip(lengths, tables, strict=True)):
        if row:
            together.run([prompt(base, ids[row], 0, length, table)])
    together.run([prompt(base, ids[0], 0, 128, tables[0]), prompt(base, ids[3], 0, 128, tables[3])])
    together.run([answer(base, 9, 140, tables[1]), prompt(base, ids[0], 128, 140, tables[0])])
    others = [answer(base, 7, lengths[row], tables[row]) for row in (1, 2, 4, 5, 6, 7)]
    for count in range(7):
        pieces = [*others[:count], answer(base, 5, 140, tables[0]), *others[count:]]
        assert torch.equal(together.run(pieces).logits[count], expected)


def test_a_prompt_has_the_same_bits_however_it_is_cut():
    checkpoint = tiny.build()
    pack(checkpoint.model)
    base = checkpoint.table.base
    ids = torch.randint(0, 256, (200,), generator=torch.Generator().manual_seed(2))
    found = []
    for cuts in [(0, 200), (0, 64, 200), (0, 128, 192, 200)]:
        runner = Runner(checkpoint, 4)
        for start, end in pairwise(cuts):
            seen = runner.run([prompt(base, ids, start, end, [4, 2, 3, 1])])
        found.append(seen.logits[0])
    assert all(torch.equal(logits, found[0]) for logits in found)


def test_a_model_that_does_not_see_all_positions_is_refused():
    language = tiny.gemma3()
    language.sliding_window = 32
    with pytest.raises(ValueError, match=r"layers with \['sliding_attention'\]; the engine runs full attention only"):
        Runner(tiny.build(language), 16)
