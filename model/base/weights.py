"""The weights of a model as they are kept and multiplied: packed in 16 bits, on processors without bfloat16.

Shapes: R rows of a product · K, N width before and behind it · W vocabulary · D width.
torch's fp32 product reads K × N × 4 bytes of weights for whatever number of rows, and lays them out anew each time.
FBGEMM's (https://github.com/pytorch/FBGEMM) keeps them packed as float16 and multiplies in fp32, 1.6 to 2.5 times as
fast up to 32 rows. The weights of published models are bfloat16 or float16, of which float16 holds every number that
matters. The plain copy is given up, and embeddings stay as they came: a row becomes fp32 when it is looked up.
How it takes rows together depends on how many there are, and a row among two has other last bits than among four. So
steps are filled up to numbers of rows that give a row the bits that it has among four.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

FEWEST = 4  # rows of a product
_MOST_FILLED = 16  # rows that are added at most; two or three are enough where this was tried


class PackedLinear(nn.Module):
    """A linear layer whose weights (N, K) are packed. Where a gradient is asked for it multiplies as ever, slowly."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = plain.in_features, plain.out_features
        bias = None if plain.bias is None else plain.bias.detach()
        self._packed: Any = _pack(plain.weight.detach(), bias)

    @property
    def weight(self) -> Tensor:
        """The plain weights (N, K), unpacked anew."""
        weight: Tensor = torch.ops.quantized.linear_unpack_fp16(self._packed)[0]
        return weight

    @property
    def bias(self) -> Tensor | None:
        """The bias (N,), if there is one."""
        bias: Tensor | None = torch.ops.quantized.linear_unpack_fp16(self._packed)[1]
        return bias

    def forward(self, rows: Tensor) -> Tensor:
        """rows (…, K) → (…, N)."""
        if rows.requires_grad and torch.is_grad_enabled():
            return F.linear(rows, self.weight, self.bias)
        return _product(rows, self._packed)


class KeptEmbedding(nn.Module):
    """An embedding (W, D) whose rows are kept in 16 bits where these hold its numbers, and become fp32 when looked up.

    rows  as they are kept; no parameter, as a model's parameters tell what type it computes in
    """

    def __init__(self, plain: nn.Embedding) -> None:
        super().__init__()
        self.rows = _in_few_bits(plain.weight.detach())

    @property
    def weight(self) -> Tensor:
        """All rows (W, D) in fp32, made anew."""
        return self.rows.float()

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids (…) → (…, D) fp32."""
        return F.embedding(ids, self.rows).float()


def pack(model: PreTrainedModel) -> None:
    """Pack the weights of a model in place, where that makes it quicker: in fp32 on a CPU that has FBGEMM.

    What they took before goes back to the machine.
    """
    if model.device.type != "cpu" or model.dtype != torch.float32 or not _has_fbgemm():
        return
    for name, module in list(model.named_modules()):
        if type(module) is nn.Linear:
            model.set_submodule(name, PackedLinear(module))
        elif type(module) is nn.Embedding:  # a class of a model's own may do more than look up
            model.set_submodule(name, KeptEmbedding(module))
    del module
    _give_back()


def head_rows(model: PreTrainedModel) -> Tensor:
    """The rows (W, D) of a model's head: the embeddings' own where the two are one, as packed rows must be unpacked."""
    embeddings = model.get_input_embeddings()
    if model.config.tie_word_embeddings and isinstance(embeddings, KeptEmbedding):
        return embeddings.rows
    rows: Tensor = model.get_output_embeddings().weight.detach()
    return rows


def filling(model: PreTrainedModel) -> Callable[[int], int]:
    """How many rows a step of the model with so many is filled up to."""
    return filled if isinstance(model.get_output_embeddings(), PackedLinear) else power_of_two


def power_of_two(rows: int) -> int:
    """What `rows` are filled up to where nothing else is known: a power of two, at least four."""
    return max(FEWEST, 1 << (rows - 1).bit_length())


@cache
def filled(rows: int) -> int:
    """What `rows` of packed products are filled up to: the least number among which each has its own bits."""
    for size in range(max(FEWEST, rows), rows + _MOST_FILLED):
        if _same_bits(rows, size):
            return size
    return power_of_two(rows)


def _same_bits(rows: int, size: int) -> bool:
    """Whether each of the first `rows` among `size` has the bits that it has among four."""
    packed, some = _example()
    values = some[torch.arange(size) % len(some)]
    alone = _product(some, packed)[torch.arange(rows) % len(some)]
    return torch.equal(_product(values, packed)[:rows], alone)


@cache
def _example() -> tuple[Any, Tensor]:
    drawn = torch.randn(64 + FEWEST, 64, generator=torch.Generator().manual_seed(0))
    return _pack(drawn[FEWEST:], None), drawn[:FEWEST]


def _pack(weight: Tensor, bias: Tensor | None) -> Any:
    return torch.ops.quantized.linear_prepack_fp16(weight, bias)


def _product(rows: Tensor, packed: Any) -> Tensor:
    product: Tensor = torch.ops.quantized.linear_dynamic_fp16(rows, packed)
    return product


def _in_few_bits(weight: Tensor) -> Tensor:
    """The same numbers in 16 bits, if one of the two types holds all of them."""
    for kind in (torch.bfloat16, torch.float16):
        few = weight.to(kind)
        if torch.equal(few.to(weight.dtype), weight):
            return few
    return weight


def _has_fbgemm() -> bool:
    return "fbgemm" in torch.backends.quantized.supported_engines


def _give_back() -> None:
    """Let the C library return what it holds of freed memory; only glibc has to be told."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
