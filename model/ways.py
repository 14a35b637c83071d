"""The slots of an address, its ways: so that several facts about the same words can stand beside each other.

An address is made of words (see words.py), so all facts about one subject have addresses in common. Its first way is a
slot of its own. The others lie behind all first ways, where the addresses that share a row of the base share the ways:
which of them an address has is hashed, and what another one wrote there is closed to who asks something else. Ways are
written in their order, as in a hash table with open addressing: who looks for one stops at the first that is free.
Shapes: any, W ways.
"""

import torch
from torch import Tensor

from model.config import MemoryConfig
from model.words import hashed


class Ways:
    """Where the ways of addresses are in a table of `config.slots` slots."""

    def __init__(self, config: MemoryConfig) -> None:
        self._count = config.ways
        self._addresses, self._rows, self._sharing = config.addresses, config.base_rows, config.sharing

    def of(self, addresses: Tensor) -> Tensor:
        """The slots of addresses (…), all of which share the row of the base: (…, W)."""
        later = torch.arange(1, self._count, device=addresses.device)
        behind = self._addresses + addresses[..., None] % self._rows
        later = behind + self._rows * (hashed(addresses[..., None], later) % self._sharing)
        return torch.cat([addresses[..., None], later], dim=-1)
