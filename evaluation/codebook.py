"""A codebook beside one layer, as GRACE has it: Hartvigsen et al. 2023, https://arxiv.org/abs/2211.11031.

A key is what the last block's feed-forward part is given at a place of an answer; where a state is nearer to a key than
the key's radius, that part gives the key's value instead. Where keys of other tokens would be too near, both radii
shrink to half of the distance. Kinder than the original, which has one key a fact: every token of an answer has its
own, and values are made as ours are.
Shapes: M keys · D width.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from evaluation.base import Base
from evaluation.rival import wordings
from evaluation.sets import Chat
from model.config import LearnConfig
from model.facts import Fact
from model.learn.values import Values


class Codebook:
    """The base with a codebook beside its last block.

    radius  of a new key, in medians of the distances between keys of different facts
    """

    def __init__(self, folder: Path, device: str, radius: float) -> None:
        self._base, self._radius = Base(folder, device), radius
        self._layer = len(self._base.model.get_decoder().layers) - 1
        self._keys = self._values = self._radii = torch.empty(0)

    def teach(self, facts: Sequence[Fact]) -> None:
        """A key with its value for every token of every wording's answer."""
        examples = [
            self._base.example(question, each.answer) for each in wordings(facts) for question in each.questions
        ]
        keys, states, tokens = list[Tensor](), list[Tensor](), list[int]()
        for example, seen in self._base.seen(examples, [self._layer]):
            begins = len(example.prompt.ids) - 1
            keys.append(seen.states[self._layer][begins:].float())
            states.append((seen.hidden - seen.added[self._layer])[begins:].float())
            tokens += example.answer
        self._keys, wanted = torch.cat(keys), torch.tensor(tokens)
        self._values, _, _ = Values(self._base.model, LearnConfig()).trained(wanted, torch.cat(states)[:, None])
        self._radii = _radii(self._keys, wanted, self._radius)
        self._base.model.get_decoder().layers[self._layer].mlp.register_forward_hook(self._replaced)

    def answers(self, chats: Sequence[Chat], tokens: int) -> list[str]:
        """What the base says with the codebook beside it."""
        return self._base.answers([self._base.prompt(chat) for chat in chats], tokens)

    def scores(self, asked: Sequence[tuple[Chat, str]]) -> list[float]:
        """How likely the base with the codebook beside it is to say it."""
        return self._base.scores([self._base.prompt(chat) for chat, _ in asked], [answer for _, answer in asked])

    def size(self) -> int:
        """Of keys, values and radii."""
        return sum(each.numel() * each.element_size() for each in (self._keys, self._values, self._radii))

    def _replaced(self, _: nn.Module, given: tuple[Tensor, ...], added: Tensor) -> Tensor:
        """At the last place of each row, the value of the nearest key that is near enough."""
        distances = torch.cdist(given[0][:, -1].float(), self._keys)
        nearest = distances.argmin(dim=1)
        open_ = distances.gather(1, nearest[:, None])[:, 0] <= self._radii[nearest]
        changed = added.clone()
        changed[open_, -1] = self._values[nearest[open_]].to(added)
        return changed


def _radii(keys: Tensor, tokens: Tensor, share: float) -> Tensor:
    """The radius of each key, none of which reaches a key of another token: (M,)."""
    distances = torch.cdist(keys, keys)
    typical = distances.flatten()[:: max(1, distances.numel() // 100_000)].median()
    others = distances.masked_fill(tokens[:, None] == tokens, torch.inf)
    return torch.minimum(share * typical, others.amin(dim=1) / 2)
