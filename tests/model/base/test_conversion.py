"""A GGUF file becomes a folder once, however many processes want it at the same time."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
from filelock import FileLock

from model.base.checkpoint import fingerprint_of_base
from tests import tiny

_WIDTH, _INNER, _HEADS = 32, 64, 2
_ASKS = """
import sys
from model.base.source import base_folder
print(base_folder(sys.argv[1], lambda line: print(line, flush=True)))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A GGUF file of a Llama of one layer with a byte tokenizer."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    drawn = np.random.default_rng(0)
    vocabulary = tiny.byte_tokenizer().get_vocab()
    tokens = [*sorted(vocabulary, key=vocabulary.__getitem__), "ab"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(tiny.POSITIONS)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.NORMAL])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(vocabulary[tiny.START])
    writer.add_eos_token_id(vocabulary[tiny.END])
    writer.add_chat_template(tiny.TEMPLATE)
    shapes = {"token_embd": (len(tokens), _WIDTH), "output_norm": (_WIDTH,), "output": (len(tokens), _WIDTH)}
    shapes |= {f"blk.0.attn_{name}": (_WIDTH, _WIDTH) for name in ("q", "k", "v", "output")}
    shapes |= {f"blk.0.{name}_norm": (_WIDTH,) for name in ("attn", "ffn")}
    shapes |= {f"blk.0.ffn_{name}": (_INNER, _WIDTH) for name in ("gate", "up")} | {"blk.0.ffn_down": (_WIDTH, _INNER)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", drawn.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_of_processes_that_want_a_base_at_the_same_time_one_converts_it(file, tmp_path):
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    target = tmp_path / checksum
    environment = {**os.environ, "SLOTWISE_CACHE_DIR": str(tmp_path)}
    with FileLock(f"{target}.lock"):  # so both come before either can begin
        processes = [
            subprocess.Popen([sys.executable, "-c", _ASKS, file], env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout.readline() == f"Waiting for another process that makes {target}\n"
    said = [process.communicate()[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(said, key=len) == [[str(target)], [f"Converting tiny.gguf once, for {target}", str(target)]]
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == {target}  # nothing half made is left
    assert fingerprint_of_base(target) == checksum
