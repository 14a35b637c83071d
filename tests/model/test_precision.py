"""Products are made in 16 bits where the processor has them, and nowhere else."""

import pytest
import torch

from model.precision import quick


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"architecture": "arm"}, torch.float32),
    ],
)
def test_a_cpu_is_asked_what_it_multiplies(monkeypatch, capabilities, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert quick(torch.device("cpu")) == dtype
    assert quick(torch.device("cuda")) == torch.float32


def test_a_torch_that_cannot_tell_has_32_bits(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert quick(torch.device("cpu")) == torch.float32
