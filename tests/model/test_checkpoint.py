"""Checkpoint folders: what is saved is what is loaded, to the bit; nothing that does not fit is accepted."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.checkpoint import Checkpoint, fingerprint_of
from model.config import MemoryConfig
from model.delta import Delta
from model.engine import Prompt, generate, tokenize
from model.errors import CheckpointError, WrongState
from tests import tiny


def saved(folder, **change):
    built = tiny.build(**change)
    built.save(folder)
    return built


def answer(checkpoint, question="What is a?"):
    ids = tokenize(checkpoint, checkpoint.question_prompt(question))
    return generate(checkpoint, [Prompt(ids, checkpoint.table.base, 12)])[0].ids


@pytest.mark.parametrize("language", [tiny.llama(), tiny.qwen3()], ids=["llama", "qwen3"])
@pytest.mark.parametrize("placement", ["replace", "beside"])
def test_a_round_trip_keeps_every_bit(tmp_path, language, placement):
    memory = MemoryConfig((1, 2), placement, heads=2, top_k=4, sub_keys=16, key_width=8, value_width=32)
    built = saved(tmp_path, language=language, memory=memory)
    loaded = Checkpoint.load(tmp_path)
    for name, tensor in built.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    slots = memory.slots
    assert torch.equal(loaded.table.rows[:slots], built.table.rows[:slots])
    assert loaded.config == memory
    assert loaded.measure == built.measure
    assert torch.equal(loaded.background.counts, built.background.counts)
    assert answer(loaded) == answer(built)


def test_the_fingerprint_covers_every_byte(tmp_path):
    saved(tmp_path)
    before = fingerprint_of(tmp_path)
    assert Checkpoint.load(tmp_path).fingerprint == before
    path = tmp_path / "memory.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert fingerprint_of(tmp_path) != before


def test_sixteen_bit_checkpoints_load_to_the_same_bits_every_time(tmp_path):
    built = tiny.build()
    built.weight_dtype = torch.bfloat16
    built.save(tmp_path, values=built.table.rows[: built.table.slots].bfloat16())
    first, second = Checkpoint.load(tmp_path), Checkpoint.load(tmp_path)
    base = slice(first.table.base_rows)
    assert torch.equal(first.table.rows[base], second.table.rows[base])
    assert first.table.rows.dtype == torch.float32


def test_no_pickle_lies_in_the_folder(tmp_path):
    saved(tmp_path)
    suffixes = {path.suffix for path in tmp_path.iterdir()}
    assert suffixes <= {".json", ".safetensors", ".jinja"}


def test_an_empty_folder_is_refused_by_name(tmp_path):
    with pytest.raises(CheckpointError, match=f"{tmp_path} is not a checkpoint"):
        Checkpoint.load(tmp_path)


def test_a_table_of_another_shape_is_refused(tmp_path):
    saved(tmp_path)
    shape = json.loads((tmp_path / "memory.json").read_text())
    shape["memory"]["sub_keys"] = 8
    (tmp_path / "memory.json").write_text(json.dumps(shape))
    with pytest.raises(CheckpointError, match=r"values are \(256, 32\); memory.json says \(64, 32\)"):
        Checkpoint.load(tmp_path)


def test_missing_weights_are_refused(tmp_path):
    saved(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop("model.layers.2.mlp.keys")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing \['model.layers.2.mlp.keys'\]"):
        Checkpoint.load(tmp_path)


@pytest.mark.parametrize("memory", [tiny.MEMORY, tiny.WORDS], ids=["hidden", "words"])
def test_an_exported_version_answers_as_its_view(tmp_path, memory):
    saved(tmp_path / "base", memory=memory)
    checkpoint = Checkpoint.load(tmp_path / "base")
    table, slots = checkpoint.table, torch.arange(0, 256, 2)
    delta = Delta(slots, torch.randn(128, 32) * 3)
    view = table.enter(table.base, delta)
    ids = tokenize(checkpoint, checkpoint.question_prompt("What is a?"))
    served = generate(checkpoint, [Prompt(ids, view, 12)])[0].ids
    checkpoint.export(delta, tmp_path / "exported")
    exported = Checkpoint.load(tmp_path / "exported", spare_rows=0, places=1)
    assert answer(exported) == served
    exported.export(None, tmp_path / "again")
    assert answer(Checkpoint.load(tmp_path / "again", spare_rows=0, places=1)) == served
    assert served != answer(checkpoint)
    assert exported.extra["exported_from"] == checkpoint.fingerprint


def test_a_checkpoint_moves_to_a_device_and_keeps_its_rows_exact():
    checkpoint = tiny.build()
    rows = checkpoint.table.rows[: checkpoint.table.base_rows].clone()
    moved = checkpoint.to(torch.device("cpu"), torch.bfloat16)
    assert moved is checkpoint
    assert {tensor.dtype for tensor in checkpoint.model.parameters()} == {torch.bfloat16}
    angles = [buffer.dtype for name, buffer in checkpoint.model.named_buffers() if name.endswith("inv_freq")]
    assert set(angles) == {torch.float32}
    assert torch.equal(checkpoint.table.rows[: len(rows)], rows)
    assert isinstance(answer(checkpoint), list)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device that must be missing")
def test_a_device_that_is_not_there_is_named():
    with pytest.raises(CheckpointError, match="cannot be moved to the device cuda:7"):
        tiny.build().to(torch.device("cuda:7"))


def test_a_delta_of_a_larger_table_cannot_be_exported(tmp_path):
    checkpoint = tiny.build()
    with pytest.raises(WrongState, match="is outside of a table"):
        checkpoint.export(Delta(torch.tensor([checkpoint.table.slots]), torch.zeros(1, 32)), tmp_path)
