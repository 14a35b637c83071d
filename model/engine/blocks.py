"""Blocks of the cache: which are free, who uses them, and which hold the beginning of a prompt. Knows no tensors.

A block has room for BLOCK positions of one sequence. One that is full of a prompt's tokens gets a name, a digest of
these tokens and of the name of the block before it, as in nano-vllm (https://github.com/GeeeekExplorer/nano-vllm): a
prompt that begins alike uses it too. A named block that nobody uses any more is kept until its room is needed.

The memory is read behind the last block of the model, so keys and values never depend on the version: a beginning is
shared by all versions, and a switch forgets none.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import sha256

BLOCK = 64  # positions


def blocks_for(positions: int) -> int:
    """How many blocks so many positions take."""
    return -(-positions // BLOCK)


class Blocks:
    """Blocks 1 to `count`; number 0 belongs to nobody, and takes what fills a step up.

    reused  positions that were found, and did not have to be processed
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.reused = 0
        self._free = list(range(count, 0, -1))  # the lowest is taken first: what was never used takes no memory
        self._users = [0] * (count + 1)
        self._named: dict[bytes, int] = {}
        self._names: dict[int, bytes] = {}
        self._unused: OrderedDict[int, None] = OrderedDict()  # named, without users; the least recently used first

    @property
    def room(self) -> int:
        """How many can be taken."""
        return len(self._free) + len(self._unused)

    @property
    def kept(self) -> int:
        """How many have a name."""
        return len(self._named)

    def find(self, ids: Sequence[int]) -> list[int]:
        """The blocks with which the prompt `ids` begins, with one user more; at least one token is left to process."""
        found: list[int] = []
        for name in names(ids[: len(ids) - 1]):
            block = self._named.get(name)
            if block is None:
                break
            self._unused.pop(block, None)
            self._users[block] += 1
            found.append(block)
        return found

    def take(self) -> int | None:
        """A block with one user, if there is one: a free one, or that whose name was not asked for the longest time."""
        if self._free:
            block = self._free.pop()
        elif self._unused:
            block, _ = self._unused.popitem(last=False)
            del self._named[self._names.pop(block)]
        else:
            return None
        self._users[block] = 1
        return block

    def name(self, block: int, name: bytes) -> None:
        """Let others find a block that is full of a prompt; the first of that name counts."""
        if self._named.setdefault(name, block) == block:
            self._names[block] = name

    def give(self, blocks: Sequence[int]) -> None:
        """Take a user from each block of a sequence; ends are forgotten before beginnings."""
        for block in reversed(blocks):
            self._users[block] -= 1
            if self._users[block]:
                continue
            if block in self._names:
                self._unused[block] = None
            else:
                self._free.append(block)


def names(ids: Sequence[int]) -> Iterator[bytes]:
    """The names of the full blocks of a prompt, each made from its tokens and the name before it."""
    name = b""
    for start in range(0, len(ids) - BLOCK + 1, BLOCK):
        name = sha256(name + array("q", ids[start : start + BLOCK]).tobytes()).digest()
        yield name
