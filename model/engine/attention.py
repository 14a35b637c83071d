"""Attention over blocks, whose bits do not depend on what else is in the step, nor on the thread.

Shapes: N tokens of a step · n answers in it, one token each · H query heads · G key heads · d head width · C blocks ·
E entries, a block of an answer each · J blocks of the longest answer · T tokens of a prompt, at most BLOCK.
A product that sums over all keys adds them up in another order when there are more, even if those are masked, and
torch's fused kernel on the CPU gives the second thread other bits than the first. So keys are taken a block at a time,
in products of one shape, and what the blocks give is added in their order; a block that an answer does not have adds
exact zeros. Blocks that follow each other in the cache are multiplied where they stand, without a copy.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedConfig

from model.engine.blocks import BLOCK
from model.engine.pool import Step, Stretch

_NAME = "slotwise_blocks"
_STEP: ContextVar[Step] = ContextVar("step")


@dataclass(frozen=True)
class Plan:
    """How the answers of a step read their blocks; the same for all layers.

    runs    entries from, to, and the first of the blocks, which follow each other
    blocks  (E,) of the entries
    owner   (E,) answer of each entry
    order   (n·J,) entry of each block of each answer; E where it has none
    back    (E,) where in `order` an entry stands
    mask    (n, 1, J, BLOCK) to be added to scores
    """

    runs: Sequence[tuple[int, int, int]]
    blocks: Tensor
    owner: Tensor
    order: Tensor
    back: Tensor
    mask: Tensor

    @staticmethod
    def of(answers: Sequence[Stretch], like: Tensor) -> "Plan":
        """The plan of answers; masks have the type of `like`."""
        J = max(len(answer.blocks) for answer in answers)
        blocks = [block for answer in answers for block in answer.blocks]
        runs: list[tuple[int, int, int]] = []
        for entry, block in enumerate(blocks):
            if runs and block == runs[-1][2] + entry - runs[-1][0]:
                runs[-1] = (runs[-1][0], entry + 1, runs[-1][2])
            else:
                runs.append((entry, entry + 1, block))
        device = like.device
        counts = torch.tensor([len(answer.blocks) for answer in answers])
        owner = torch.arange(len(answers)).repeat_interleave(counts)
        has = torch.arange(J) < counts[:, None]  # (n, J)
        order = torch.where(has, has.flatten().cumsum(0).view(has.shape) - 1, len(blocks)).flatten()
        last = torch.tensor([answer.start for answer in answers])
        hidden = torch.arange(J * BLOCK).view(1, 1, J, BLOCK) > last[:, None, None, None]
        mask = torch.zeros(hidden.shape, dtype=like.dtype).masked_fill_(hidden, -torch.inf)
        parts = (torch.tensor(blocks), owner, order, has.flatten().nonzero()[:, 0], mask)
        return Plan(runs, *(part.to(device) for part in parts))


def attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, *, scaling: float, **other: Any
) -> tuple[Tensor, None]:
    """query (1, H, N, d), key and value of all blocks (C, G, BLOCK, d) → (1, N, H, d)."""
    step = _STEP.get()
    query = query[0].transpose(0, 1) * scaling  # (N, H, d)
    out = torch.zeros_like(query, memory_format=torch.contiguous_format)
    if step.answers:
        plan = step.plans.get("answers")
        if plan is None:
            plan = step.plans["answers"] = Plan.of(step.answers, query)
        out[: len(step.answers)] = _answers(query[: len(step.answers)], key, value, plan)
    for prompt in step.prompts:
        for place in range(len(prompt.blocks)):
            start, end = (min(max(0, BLOCK * n - prompt.start), prompt.length) for n in (place, place + 1))
            if start < end:
                tile = slice(prompt.first + start, prompt.first + end)
                offset = (prompt.start + start) % BLOCK
                out[tile] = _tile(query[tile], key, value, prompt.blocks[: place + 1], offset)
    return out[None], None


def _answers(query: Tensor, key: Tensor, value: Tensor, plan: Plan) -> Tensor:
    """query (n, H, d) → (n, H, d)."""
    n, H, d = query.shape
    G, E = key.shape[1], len(plan.owner)
    asking = query.index_select(0, plan.owner).view(E * G, H // G, d)
    scores = query.new_empty(E * G, H // G, BLOCK)
    _run_products(asking, key, plan, scores, turned=True)
    scores = _with_none(scores.view(E, H, BLOCK)).index_select(0, plan.order).view(n, -1, H, BLOCK).transpose(1, 2)
    weights = (scores + plan.mask).flatten(2).softmax(dim=-1, dtype=torch.float32).to(value.dtype)
    weights = weights.view(n, H, -1, BLOCK).transpose(1, 2).reshape(-1, H, BLOCK).index_select(0, plan.back)
    parts = query.new_empty(E * G, H // G, d)
    _run_products(weights.view(E * G, H // G, BLOCK), value, plan, parts, turned=False)
    ordered = _with_none(parts.view(E, H, d)).index_select(0, plan.order).view(n, -1, H, d)
    out = ordered[:, 0]
    for block in range(1, ordered.shape[1]):
        out = out + ordered[:, block]
    return out


def _run_products(left: Tensor, held: Tensor, plan: Plan, out: Tensor, *, turned: bool) -> None:
    """Multiply entries (E·G, ·, ·) with their blocks of `held` (C, G, BLOCK, d), turned or not, into `out`."""
    G = held.shape[1]
    if held.device.type != "cpu":  # a launch costs more than a copy
        right = held.index_select(0, plan.blocks).flatten(0, 1)
        torch.bmm(left, right.mT if turned else right, out=out)
        return
    flat = held.view(-1, BLOCK, held.shape[3])
    for begin, end, block in plan.runs:
        right = flat[block * G : (block + end - begin) * G]
        _multiply(left[begin * G : end * G], right.mT if turned else right, out[begin * G : end * G])


def _tile(query: Tensor, key: Tensor, value: Tensor, blocks: Sequence[int], offset: int) -> Tensor:
    """query (T, H, d) of tokens whose own block is the last of `blocks`, where they begin at `offset` → (T, H, d).

    Filled up to a whole block: so products have one shape, wherever a prompt is cut.
    """
    T, H, d = query.shape
    G = key.shape[1]
    whole = query.new_zeros(H, BLOCK, d)
    whole[:, offset : offset + T] = query.transpose(0, 1)
    asking = whole.view(G, -1, d)  # the heads that share keys stand below each other
    scores = torch.cat([_multiply(asking, key[block].mT) for block in blocks], dim=-1)
    own = scores.view(H, BLOCK, -1)[:, :, -BLOCK:]
    own += _triangle(own)
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(value.dtype)
    out = _multiply(weights[:, :, :BLOCK], value[blocks[0]])
    for place, block in enumerate(blocks[1:], start=1):
        out += _multiply(weights[:, :, place * BLOCK : (place + 1) * BLOCK], value[block])
    return out.view(H, BLOCK, d)[:, offset : offset + T].transpose(0, 1)


def _multiply(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """A product of matrices. One alone would be shared out between threads, which gives other last bits."""
    if len(left) == 1:
        product = torch.bmm(left.expand(2, -1, -1), right.expand(2, -1, -1))[:1]
        return product if out is None else out.copy_(product)
    return torch.bmm(left, right) if out is None else torch.bmm(left, right, out=out)


def _with_none(entries: Tensor) -> Tensor:
    """Entries (E, ·, ·) and one of zeros behind them."""
    return torch.cat([entries, entries.new_zeros(1, *entries.shape[1:])])


def _triangle(like: Tensor) -> Tensor:
    """What hides later tokens of a block from earlier ones, (BLOCK, BLOCK), to be added to scores."""
    step = _STEP.get()
    if "triangle" not in step.plans:
        hidden = torch.ones(BLOCK, BLOCK, dtype=torch.bool, device=like.device).triu(1)
        step.plans["triangle"] = like.new_zeros(BLOCK, BLOCK).masked_fill_(hidden, -torch.inf)
    triangle: Tensor = step.plans["triangle"]
    return triangle


@contextmanager
def attention_in_blocks(config: PreTrainedConfig, step: Step) -> Iterator[None]:
    """Let the model of `config` use `attend` for a step; learning, which has no cache, keeps the kernel that it had."""
    AttentionInterface.register(_NAME, attend)
    before, config._attn_implementation = config._attn_implementation, _NAME
    token = _STEP.set(step)
    try:
        yield
    finally:
        _STEP.reset(token)
        config._attn_implementation = before
