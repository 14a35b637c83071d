"""From what the decoder says of a token to logits: the largest product of a step, with its weights packed once.

Shapes: B rows · D width · W vocabulary.
torch's product on the CPU lays the W × D weights out anew at each step. oneDNN takes them packed, as `torch.compile`
uses it: on an AMD EPYC (W = 8192, D = 256, fp32, one thread) 0.18 ms instead of 1.0 ms for 4 rows, 1.5 instead of
2.7 ms for 32. It costs a second copy of these weights.
"""

import torch
from torch import Tensor, nn

_ROWS = 4  # of a product at least, see runner.py


class Head:
    """Logits of a model whose output weights do not change any more."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._packed: Tensor | None = None
        if _can_be_packed(module) and isinstance(module, nn.Linear):
            with torch.inference_mode():
                self._packed = torch.ops.mkldnn._reorder_linear_weight(module.weight.detach(), None)

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Tensor:
        """hidden (B, D), B a power of two → (B, W) fp32."""
        B = len(hidden)
        rows = hidden.repeat(_ROWS // B, 1) if B < _ROWS else hidden
        if self._packed is None:
            logits: Tensor = self._module(rows)
        else:
            logits = torch.ops.mkldnn._linear_pointwise(rows, self._packed, None, "none", [], "")
        return logits[:B].float()


def _can_be_packed(module: nn.Module) -> bool:
    """Whether it is a plain fp32 product on a CPU, and this build of torch has oneDNN."""
    if type(module) is not nn.Linear or module.bias is not None or not torch.backends.mkldnn.is_available():
        return False
    return module.weight.device.type == "cpu" and module.weight.dtype == torch.float32
