"""Bases and memory folders: loaded together, refused when broken or when they do not belong together."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from model.base import source
from model.base.checkpoint import Checkpoint, load_base
from model.errors import CheckpointError
from model.memory.query import ADDRESSING, SHAPE, STATISTICS
from tests import tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    return tiny.folders(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folders(made, tmp_path) -> tuple[Path, Path]:
    """Copies that a test may break."""
    return tuple(Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in made)


def load(folders: tuple[Path, Path], **options) -> Checkpoint:
    base, memory = folders
    return Checkpoint.load(str(base), memory, spare_rows=16, places=2, **options)


def test_what_is_loaded_computes_what_the_folder_s_model_computes(made):
    checkpoint, (plain, _) = load(made), load_base(made[0])
    ids = torch.tensor([checkpoint.prompts.question("Who?").ids])
    bare = AutoModelForCausalLM.from_pretrained(made[0]).eval()
    with torch.inference_mode():
        expected = bare(ids).logits
        assert torch.equal(plain(ids).logits, expected)
        torch.testing.assert_close(checkpoint.model(ids).logits, expected, atol=0.02, rtol=0.02)  # 16 bits of weights
    assert checkpoint.positions == tiny.POSITIONS


def test_the_fingerprint_is_that_of_base_and_memory(made, tmp_path):
    base, _ = made
    first = load(made).fingerprint
    assert load(made).fingerprint == first
    assert load((base, tiny.memory(tmp_path / "other", base, seed=1))).fingerprint != first


def test_a_memory_for_another_base_is_refused_with_both_named(folders):
    base, memory = folders
    shape = json.loads((memory / SHAPE).read_text())
    (memory / SHAPE).write_text(json.dumps(shape | {"base": "f" * 64}))
    with pytest.raises(CheckpointError, match=rf"made for the base f{{64}}; {base} is {shape['base']}"):
        load(folders)


@pytest.mark.parametrize("name", [SHAPE, ADDRESSING, STATISTICS])
def test_a_memory_folder_with_a_missing_or_truncated_file_is_refused(folders, name):
    _, memory = folders
    data = (memory / name).read_bytes()
    (memory / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=f"the memory folder {memory} cannot be read"):
        load(folders)
    (memory / name).unlink()
    with pytest.raises(CheckpointError, match=f"the memory folder {memory} cannot be read"):
        load(folders)


def test_a_base_with_truncated_weights_an_unknown_architecture_or_none_is_refused(folders, tmp_path):
    base, _ = folders
    weights = base / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=f"the base {base} cannot be read"):
        source_of(base)
    weights.write_bytes(whole)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"model_type": "nobody_knows"}))
    with pytest.raises(CheckpointError, match="nobody_knows"):
        source_of(base)
    with pytest.raises(CheckpointError, match="neither a folder nor a file"):
        source.base_folder(str(tmp_path / "nowhere"))


def source_of(folder: Path) -> None:
    load_base(folder)


def test_a_base_without_a_chat_template_is_refused(folders):
    base, _ = folders
    (base / "chat_template.jinja").unlink()
    with pytest.raises(CheckpointError, match=f"the base {base}: the tokenizer has no chat template"):
        source_of(base)


def test_a_file_that_is_no_gguf_is_refused_and_leaves_nothing_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SLOTWISE_CACHE_DIR", str(tmp_path / "cache"))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and no more")
    with pytest.raises(CheckpointError, match=r"broken\.gguf cannot be read as a GGUF file"):
        source.base_folder(str(broken))
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_the_default_base_is_checked_by_its_checksum_and_its_absence_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "DEFAULT_PACKAGE", "no_such_package")
    with pytest.raises(CheckpointError, match=r"no-such-package .* is not installed"):
        source.base_folder("")
    package = tmp_path / "a_damaged_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('it is found, not imported')")
    (package / source.DEFAULT_FILE).write_bytes(b"damaged")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(source, "DEFAULT_PACKAGE", package.name)
    with pytest.raises(CheckpointError, match="it is damaged"):
        source.base_folder("")
