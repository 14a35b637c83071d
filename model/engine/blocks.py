"""Blocks of the cache: which are free, who uses them, and which hold the beginning of a prompt. Knows no tensors.

A block has room for BLOCK positions of one sequence. What it holds of a prompt gets names, one every MARK positions: a
digest of its tokens up to there and of the name of the block before it, as in nano-vllm
(https://github.com/GeeeekExplorer/nano-vllm). A prompt that begins alike uses a full block too; of one that goes on
otherwise it copies the beginning. A named block that nobody uses any more is kept until its room is needed; of those
that are not full a few are, the beginnings of many short prompts.

The memory is read behind the last block of the model, so keys and values never depend on the version: a beginning is
shared by all versions, and a switch forgets none.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import sha256

BLOCK = 64  # positions
MARK = 8  # positions
_BEGUN = 16  # blocks without users that are kept though they are not full


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
        self._names: dict[int, list[bytes]] = {}
        self._full: set[int] = set()
        # named, without users; the least recently used first
        self._unused: OrderedDict[int, None] = OrderedDict()
        self._begun: OrderedDict[int, None] = OrderedDict()  # those that are not full

    @property
    def room(self) -> int:
        """How many can be taken."""
        return len(self._free) + len(self._begun) + len(self._unused)

    @property
    def kept(self) -> int:
        """How many have a name."""
        return len(self._names)

    def find(self, ids: Sequence[int]) -> tuple[list[int], int]:
        """The blocks with which the prompt `ids` begins, with one user more, and how many positions they hold of it.

        At least one token is left to process. Where these are no whole blocks, the last one is to be copied.
        """
        named = list(names(ids[: len(ids) - 1]))
        found, held = list[int](), 0
        while held % BLOCK == 0 and (longer := self._held(named, held)) > held:
            block, held = self._named[named[longer // MARK - 1]], longer
            self._unused.pop(block, None)
            self._begun.pop(block, None)
            self._users[block] += 1
            found.append(block)
        return found, held

    def _held(self, named: Sequence[bytes], start: int) -> int:
        """Up to where a prompt of these names is held by the block that begins at `start`; `start` where by none."""
        last = min(start + BLOCK, MARK * len(named))
        return next((end for end in range(last, start, -MARK) if named[end // MARK - 1] in self._named), start)

    def take(self) -> int | None:
        """A block with one user, if there is one: a free one, or that whose name was not asked for the longest time."""
        if not self._free and (kept := self._begun or self._unused):
            self._forget(kept)
        if not self._free:
            return None
        block = self._free.pop()
        self._users[block] = 1
        return block

    def name(self, block: int, name: bytes, position: int) -> None:
        """Let others find what a block holds of a prompt up to `position`; the first of that name counts."""
        if name not in self._named:
            self._named[name] = block
            self._names.setdefault(block, []).append(name)
        if position % BLOCK == 0 and self._named[name] == block:
            self._full.add(block)

    def give(self, blocks: Sequence[int]) -> None:
        """Take a user from each block of a sequence; ends are forgotten before beginnings."""
        for block in reversed(blocks):
            self._users[block] -= 1
            if self._users[block]:
                continue
            if block not in self._names:
                self._free.append(block)
            elif block in self._full:
                self._unused[block] = None
            else:
                self._begun[block] = None
                if len(self._begun) > _BEGUN:
                    self._forget(self._begun)

    def _forget(self, kept: OrderedDict[int, None]) -> None:
        """Free the block that was not used for the longest time."""
        block, _ = kept.popitem(last=False)
        for name in self._names.pop(block):
            del self._named[name]
        self._full.discard(block)
        self._free.append(block)


def names(ids: Sequence[int]) -> Iterator[bytes]:
    """The names of a prompt, one every MARK positions."""
    name = b""
    for start in range(0, len(ids), BLOCK):
        told = sha256(name)
        for end in range(start + MARK, min(start + BLOCK, len(ids)) + 1, MARK):
            told.update(array("q", ids[end - MARK : end]).tobytes())
            name = told.digest()
            yield name
