"""The value of a token: what, added behind the last block, makes the head say it, whatever the state there is.

A value begins as the linear discriminant of its token among all rows of the head, S⁻¹(w_t - mean), with S their
covariance: that direction tells a token from those that are spelt nearly like it, which its own row does not. Then
steps of Adam go down the cross entropy at the states of the places where it is to be said, until it wins by a margin.
Shapes: M values · E states of a value · D width · W vocabulary.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from model.base.attach import last_norm
from model.config import LearnConfig

_SHRINKAGE = 0.1  # of the covariance towards its mean variance
_SIZE = 2.0  # of a value, in norms of the states that it is added to
_STATES_AT_ONCE = 256  # whose logits are computed together


class Values:
    """Trains values for one model's head. It belongs to the thread that runs the model."""

    def __init__(self, model: PreTrainedModel, config: LearnConfig) -> None:
        head = model.get_output_embeddings()
        self._head: nn.Module = head
        self._norm, self._config = last_norm(model), config
        self._dtype: torch.dtype = head.weight.dtype
        rows = head.weight.detach().float()
        self._mean = rows.mean(dim=0)
        centred = rows - self._mean
        covariance = centred.T @ centred / len(rows)
        ridge = _SHRINKAGE * covariance.diagonal().mean() * torch.eye(len(covariance), device=rows.device)
        self._cholesky = torch.linalg.cholesky(covariance + ridge)
        self._rows = rows
        self._scale = _scale_of(self._norm, len(self._mean)).to(rows.device)

    def trained(self, tokens: Tensor, states: Tensor) -> tuple[Tensor, Tensor, int]:
        """Values for `tokens` (M,) at `states` (M, E, D): the values (M, D), by how many nats each wins, steps taken.

        A value is rounded to 16 bits before it is judged, as it will be kept.
        """
        values = self._discriminants(tokens) * (_SIZE * states.norm(dim=-1).mean())
        margins = self._margins(values, tokens, states)
        moments = [torch.zeros_like(values), torch.zeros_like(values)]
        steps = 0
        while steps < self._config.max_steps and bool((open_ := margins < self._config.margin).any()):
            steps += 1
            gradient = self._gradient(values[open_], tokens[open_], states[open_])
            values[open_] += self._step(values[open_], gradient, moments, open_, steps)
            margins[open_] = self._margins(values[open_], tokens[open_], states[open_])
        return values.half().float(), margins, steps

    def _discriminants(self, tokens: Tensor) -> Tensor:
        rows = self._rows[tokens] - self._mean
        return F.normalize(torch.cholesky_solve(rows.T, self._cholesky).T / self._scale, dim=1)

    def _step(self, values: Tensor, gradient: Tensor, moments: list[Tensor], which: Tensor, number: int) -> Tensor:
        """One step of Adam, whose length goes with the values' own."""
        first = moments[0][which] = 0.9 * moments[0][which] + 0.1 * gradient
        second = moments[1][which] = 0.99 * moments[1][which] + 0.01 * gradient**2
        direction = first / (1 - 0.9**number) / ((second / (1 - 0.99**number)).sqrt() + 1e-12)
        length = self._config.learning_rate * values.norm(dim=1, keepdim=True) / direction.shape[1] ** 0.5
        step: Tensor = -length * direction
        return step

    def _gradient(self, values: Tensor, tokens: Tensor, states: Tensor) -> Tensor:
        """Of the summed cross entropy at all states, by the values: (M, D)."""
        M, E, _ = states.shape
        gradients = torch.zeros_like(values)
        few = max(1, _STATES_AT_ONCE // E)
        for start in range(0, M, few):
            part = values[start : start + few].clone().requires_grad_()
            logits = self._logits(states[start : start + few] + part[:, None])
            target = tokens[start : start + few, None].expand(-1, E)
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum")
            (gradients[start : start + few],) = torch.autograd.grad(loss, part)
        return gradients

    @torch.no_grad()
    def _margins(self, values: Tensor, tokens: Tensor, states: Tensor) -> Tensor:
        """By how many nats each token beats every other one, at the worst of its states: (M,)."""
        values = values.half().float()
        few = max(1, _STATES_AT_ONCE // states.shape[1])
        found = []
        for start in range(0, len(values), few):
            part = slice(start, start + few)
            logits = self._logits(states[part] + values[part, None])
            index = tokens[part, None, None].expand(-1, logits.shape[1], 1)
            own = logits.gather(2, index)[..., 0]
            best = logits.scatter(2, index, -torch.inf).amax(dim=2)
            found.append((own - best).amin(dim=1))
        return torch.cat(found)

    def _logits(self, states: Tensor) -> Tensor:
        logits: Tensor = self._head(self._norm(states.to(self._dtype))).float()
        return logits


@torch.no_grad()
def _scale_of(norm: nn.Module, width: int) -> Tensor:
    """By what a norm multiplies each dimension (D,), found by trying: some keep it as a difference from one."""
    example = next(norm.parameters())
    signs = torch.ones(width, dtype=example.dtype, device=example.device)
    signs[1::2] = -1
    scale: Tensor = (norm(signs) - norm(-signs)) / (2 * signs)
    return scale.float()
