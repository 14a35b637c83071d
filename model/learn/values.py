"""The value of a token: what, added behind the last block, makes the head say it, whatever the state there is.

A value begins as the linear discriminant of its token among all rows of the head, S⁻¹(w_t - mean), with S their
covariance: that direction tells a token from those that are spelt nearly like it, which its own row does not. Then
steps of Adam go down the cross entropy at the states of the places where it is to be said, until it wins by a margin.
Whether it wins is told by the head's own products; directions are made with its rows in bfloat16, which take half of
the room and hold most published heads exactly.
Shapes: M values · E states of a value · D width · W vocabulary.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from model.base.attach import last_norm
from model.base.weights import head_rows
from model.config import LearnConfig

_SHRINKAGE = 0.1  # of the covariance towards its mean variance
_SIZE = 2.0  # of a value, in norms of the states that it is added to
_STATES_AT_ONCE = 256  # whose logits are computed together
_ROWS_AT_ONCE = 1_024  # of the head, that become float32 together


class Values:
    """Trains values for one model's head. It belongs to the thread that runs the model."""

    def __init__(self, model: PreTrainedModel, config: LearnConfig) -> None:
        self._head: nn.Module = model.get_output_embeddings()
        self._norm, self._config = last_norm(model), config
        self._dtype = next(self._norm.parameters()).dtype
        self._rows = head_rows(model).to(torch.bfloat16)
        self._mean = torch.stack([part.sum(dim=0) for _, part in self._parts()]).sum(dim=0) / len(self._rows)
        covariance = torch.zeros(self._rows.shape[1], self._rows.shape[1], device=self._rows.device)
        for _, part in self._parts():
            covariance.addmm_((part - self._mean).T, part - self._mean, alpha=1 / len(self._rows))
        ridge = _SHRINKAGE * covariance.diagonal().mean() * torch.eye(len(covariance), device=covariance.device)
        self._cholesky = torch.linalg.cholesky(covariance + ridge)
        self._scale = _scale_of(self._norm, len(self._mean)).to(covariance.device)

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

    @torch.no_grad()
    def said(self, states: Tensor) -> list[int]:
        """The token that the head says at each of `states` (P, D), behind whatever was added there."""
        parts = (states[start : start + _STATES_AT_ONCE] for start in range(0, len(states), _STATES_AT_ONCE))
        return [token for part in parts for token in self._logits(part).argmax(dim=1).tolist()]

    def _discriminants(self, tokens: Tensor) -> Tensor:
        rows = self._rows[tokens].float() - self._mean
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
            normed = self._norm((states[start : start + few] + part[:, None]).to(self._dtype)).flatten(0, 1)
            with torch.no_grad():
                error = self._head(normed).float().softmax(dim=1)  # (M·E, W), by the logits
                error[torch.arange(len(error)), tokens[start : start + few].repeat_interleave(E)] -= 1
            (gradients[start : start + few],) = torch.autograd.grad(normed, part, self._before_head(error).to(normed))
        return gradients

    def _before_head(self, error: Tensor) -> Tensor:
        """Gradients by the logits (·, W) to those by what the head is given: (·, D)."""
        gradient = error.new_zeros(len(error), self._rows.shape[1])
        for start, part in self._parts():
            gradient.addmm_(error[:, start : start + len(part)], part)
        return gradient

    def _parts(self) -> Iterator[tuple[int, Tensor]]:
        """The head's rows in float32, some at a time, and the number of the first of them."""
        for start in range(0, len(self._rows), _ROWS_AT_ONCE):
            yield start, self._rows[start : start + _ROWS_AT_ONCE].float()

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
