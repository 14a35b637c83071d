"""How often questions of callers read each address, counted where answers begin. Knows no transformer and no database.

An address is read as a whole: a place looks into all of its ways, so its slots have its count. Behind the beginning of
an answer nothing is counted: a stem sends these places to slots that no other question reads.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from model.memory.memory import Asked, Memory


@dataclass(frozen=True)
class Traffic:
    """What `queries` questions of callers read: by address, how many of them read it; 0 where it is missing."""

    queries: int = 0
    reads: Mapping[int, int] = field(default_factory=dict)


class TrafficCounter:
    """Counts for the thread that owns the model; another one takes what was counted since it did so last."""

    def __init__(self, memory: Memory) -> None:
        config = memory.addressing.config
        self._ways = config.ways
        self._reads, self._queries = np.zeros(config.addresses, dtype=np.int64), 0
        self._counting = threading.Lock()

    def count(self, asked: Asked) -> None:
        """One more question. An address that two heads read counts once, as in the document frequency."""
        addresses = asked.slots[:, 0].cpu().numpy() // self._ways  # NumPy takes half of torch's time here
        with self._counting:
            self._reads[addresses] += 1  # of equal indices one is written
            self._queries += 1

    def take(self) -> Traffic:
        """What was counted; the next call begins anew."""
        with self._counting:
            reads, queries = self._reads, self._queries
            if not queries:
                return Traffic()
            self._reads, self._queries = np.zeros_like(reads), 0
        (addresses,) = reads.nonzero()
        return Traffic(queries, dict(zip(addresses.tolist(), reads[addresses].tolist(), strict=True)))
