"""Who runs, with which blocks, and what is run next. Knows sequences and blocks, no tensors; for one thread.

Every step takes each answer on by a token, and as many tokens of prompts as it has room for. A request that was given
blocks never waits for one without: where blocks run out, the sequence that came last leaves its own to the others and
goes on later.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

from model.engine.blocks import BLOCK, Blocks, blocks_for
from model.engine.runner import Piece
from model.engine.sequence import Sequence
from model.errors import QueueFull

_PROMPT_TOKENS = 256  # that one step processes at most: longer, and those who wait for their next token notice


class Scheduler:
    """Sequences that wait, in a bounded queue, and those that run, each with blocks of the cache.

    rows   sequences that run at once
    queue  sequences that wait at most
    """

    def __init__(self, rows: int, queue: int, blocks: Blocks) -> None:
        self.blocks = blocks
        self.waiting = 0
        self.running: list[Sequence] = []  # in the order in which they came
        self._rows, self._queue = rows, queue
        self._by_client: OrderedDict[str, deque[Sequence]] = OrderedDict()  # whose turn it is comes first
        self._paused: list[Sequence] = []  # that ran before, in the order in which they came
        self._reading: deque[Sequence] = deque()  # prompts to process, in turn

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence; raises QueueFull."""
        if self.waiting >= self._queue:
            raise QueueFull(f"{self.waiting} requests wait; the queue holds {self._queue}")
        self._by_client.setdefault(sequence.client, deque()).append(sequence)
        self.waiting += 1

    def admit(self) -> list[Sequence]:
        """Let run who waits while there is room: who ran before, then one a client in turn, in order within one."""
        admitted = []
        while len(self.running) < self._rows and self._paused and self._has_room(self._paused[0]):
            admitted.append(self._resume())
        while len(self.running) < self._rows and self.waiting and not self._paused:
            client, queue = next(iter(self._by_client.items()))
            sequence = queue[0]
            if not sequence.sampling.scores_prompt:  # its places are to be read, each of them
                sequence.blocks, sequence.cached = self.blocks.find(sequence.ids)
            if not self._has_room(sequence):
                self.blocks.give(sequence.blocks)
                sequence.blocks, sequence.cached = [], 0
                break
            queue.popleft()
            if queue:
                self._by_client.move_to_end(client)
            else:
                del self._by_client[client]
            self.waiting -= 1
            if sequence.cached % BLOCK:
                self._borrow(sequence)
            self.blocks.reused += sequence.cached
            self._start(sequence)
            admitted.append(sequence)
        return admitted

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it is."""
        if sequence.runs:
            self._stop(sequence)
        elif sequence in self._paused:
            self._paused.remove(sequence)
        else:
            self._by_client[sequence.client].remove(sequence)
            if not self._by_client[sequence.client]:
                del self._by_client[sequence.client]
            self.waiting -= 1

    def next(self, pause: Callable[[Sequence], None]) -> list[tuple[Sequence, Piece]]:
        """What the next step processes, answers in front.

        pause  called with a sequence that leaves its blocks to others, while it still has them
        """
        tokens = {sequence: 1 for sequence in self.running if not sequence.reading}
        tokens |= self._prompts()
        for sequence in list(tokens):
            while sequence.runs and not self._grown(sequence, sequence.cached + tokens[sequence]):
                last = self.running[-1]
                pause(last)
                self._stop(last)
                self._paused.insert(0, last)
        runs = [sequence for sequence in tokens if sequence.runs]
        return [(s, s.prompt(tokens[s]) if s.reading else s.last()) for s in runs]

    def read(self, sequence: Sequence) -> None:
        """A piece of the sequence's prompt has been processed: the next of it comes after those of others."""
        self._reading.remove(sequence)
        if sequence.reading:
            self._reading.append(sequence)

    def _prompts(self) -> dict[Sequence, int]:
        """How many tokens of which prompts come next: a block of each in turn, until a step is full."""
        left = {sequence: len(sequence.ids) - sequence.cached for sequence in self._reading}
        taken = dict.fromkeys(left, 0)
        room, turn = _PROMPT_TOKENS, deque(left)
        while turn:
            sequence = turn.popleft()
            block = min(BLOCK - (sequence.cached + taken[sequence]) % BLOCK, left[sequence] - taken[sequence])
            if block > room:
                break
            taken[sequence] += block
            room -= block
            if taken[sequence] < left[sequence]:
                turn.append(sequence)
        return {sequence: count for sequence, count in taken.items() if count}

    def _grown(self, sequence: Sequence, positions: int) -> bool:
        """Whether the sequence has blocks for so many positions; takes those that it lacks."""
        while len(sequence.blocks) < blocks_for(positions):
            block = self.blocks.take()
            if block is None:
                return False
            sequence.blocks.append(block)
        return True

    def _has_room(self, sequence: Sequence) -> bool:
        """Whether blocks are left for a sequence, beside those that the running ones will come to need."""
        needed = sum(max(0, s.foreseen - len(s.blocks)) for s in (*self.running, sequence))
        needed += sequence.cached % BLOCK > 0 and not sequence.kept  # the last block is another's, to be copied
        return needed <= self.blocks.room or not self.running

    def _borrow(self, sequence: Sequence) -> None:
        """A block of its own for what the last one holds of its prompt; without one it is processed anew."""
        sequence.lent, own = sequence.blocks.pop(), self.blocks.take()
        if own is None:
            self.blocks.give([sequence.lent])
            sequence.lent, sequence.cached = None, BLOCK * len(sequence.blocks)
        else:
            sequence.blocks.append(own)

    def _start(self, sequence: Sequence) -> None:
        sequence.runs = True
        self.running.append(sequence)
        if sequence.reading:
            self._reading.append(sequence)

    def _stop(self, sequence: Sequence) -> None:
        sequence.runs = False
        self.running.remove(sequence)
        if sequence in self._reading:
            self._reading.remove(sequence)
        self.blocks.give(sequence.blocks)
        sequence.blocks = []

    def _resume(self) -> Sequence:
        sequence = self._paused.pop(0)
        self._grown(sequence, sequence.cached)
        self._start(sequence)
        return sequence
