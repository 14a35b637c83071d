"""Keys and values of prompts that were processed before, so that a prompt which begins alike need not be again.

They are kept by view and tokens: another version computes others. They are exact copies, and end where a prompt's
chunks end, so an answer has the same bits whether its prompt was processed or put together from here.
"""

import threading
from collections import OrderedDict
from weakref import WeakKeyDictionary

from torch import Tensor

from model.engine.runner import CHUNK
from model.values import View

Kept = list[tuple[Tensor, Tensor]]  # keys and values of CHUNK positions, (G, CHUNK, d) a layer


class PrefixCache:
    """Chunks of prompts, the least recently used forgotten. It keeps no view alive, and nothing of one that is gone.

    capacity  tokens that are kept at most
    reused    tokens that did not have to be processed
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        # By view: the tokens from a prompt's beginning to a chunk's end → the chunk, and when it was used last.
        self._kept: WeakKeyDictionary[View, OrderedDict[tuple[int, ...], tuple[int, Kept]]] = WeakKeyDictionary()
        self._lock = threading.Lock()  # over which views there are: reports ask from other threads
        self._uses = 0
        self.reused = 0

    @property
    def tokens(self) -> int:
        """How many are kept, for views that somebody uses."""
        with self._lock:
            return CHUNK * sum(len(chunks) for view, chunks in list(self._kept.items()) if view.users)

    def find(self, view: View, ids: list[int]) -> list[Kept]:
        """The chunks with which the prompt `ids` begins; at least one of its tokens is left to process."""
        chunks = self._kept.get(view)
        if chunks is None:
            return []
        found = []
        for end in range(CHUNK, len(ids), CHUNK):
            key = tuple(ids[:end])
            if key not in chunks:
                break
            found.append(chunks[key][1])
        # The beginning is marked as used after what follows it, so that it is not forgotten before that.
        for end in range(CHUNK * len(found), 0, -CHUNK):
            self._use(chunks, tuple(ids[:end]), found[end // CHUNK - 1])
        self.reused += CHUNK * len(found)
        return found

    def keep(self, view: View, ids: list[int], chunk: Kept) -> None:
        """Remember the last CHUNK of the prompt's tokens `ids`."""
        with self._lock:
            for gone in [known for known in list(self._kept) if not known.users]:
                del self._kept[gone]
            chunks = self._kept.setdefault(view, OrderedDict())
        self._use(chunks, tuple(ids), chunk)
        while self.tokens > self.capacity:
            oldest = min((chunks for chunks in list(self._kept.values()) if chunks), key=_last_use)
            oldest.popitem(last=False)

    def _use(self, chunks: OrderedDict[tuple[int, ...], tuple[int, Kept]], key: tuple[int, ...], chunk: Kept) -> None:
        self._uses += 1
        chunks[key] = self._uses, chunk
        chunks.move_to_end(key)


def _last_use(chunks: OrderedDict[tuple[int, ...], tuple[int, Kept]]) -> int:
    return next(iter(chunks.values()))[0]
