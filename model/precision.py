"""Which products are made in 16 bits: those of the encoder, and of the head while a fact is learned."""

import torch

_NATIVE = ("avx512_bf16", "amx_bf16")


def quick(device: torch.device) -> torch.dtype:
    """bfloat16 on a CPU that multiplies it in hardware, two to three times as fast as float32; else float32.

    A GPU is quick enough in float32, and elsewhere bfloat16 would be slower.
    """
    tell = getattr(torch.cpu, "get_capabilities", dict)  # the oldest torch that we take has none
    capabilities: dict[str, object] = tell() if device.type == "cpu" else {}
    return torch.bfloat16 if any(capabilities.get(name) for name in _NATIVE) else torch.float32
