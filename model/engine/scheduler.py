"""Who runs and what is run next. Knows sequences and rows, no tensors; not safe for several threads by itself."""

from collections import OrderedDict, deque
from collections.abc import Iterator

from model.engine.runner import padded
from model.engine.sequence import WAITING, Sequence
from model.errors import QueueFull

_PROMPT_TOKENS = 256  # that one step processes at most: longer, and those who wait for their next token notice


class Scheduler:
    """Sequences that wait, in a bounded queue, and those that run, each in a row of the cache.

    rows   sequences that run at once
    queue  sequences that wait at most
    """

    def __init__(self, rows: int, queue: int) -> None:
        self._queue = queue
        self.waiting = 0
        self._by_client: OrderedDict[str, deque[Sequence]] = OrderedDict()  # whose turn it is comes first
        self._rows: list[Sequence | None] = [None] * rows
        self._reading: deque[Sequence] = deque()  # prompts to process, in turn
        self._prompts_last = False

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence; raises QueueFull."""
        if self.waiting >= self._queue:
            raise QueueFull(f"{self.waiting} requests wait; the queue holds {self._queue}")
        self._by_client.setdefault(sequence.client, deque()).append(sequence)
        self.waiting += 1

    def admit(self) -> list[Sequence]:
        """Give free rows to those who wait, one a client in turn, in order within one."""
        free = [row for row, holder in enumerate(self._rows) if holder is None]
        admitted = []
        for row in free[: self.waiting]:
            client, queue = next(iter(self._by_client.items()))
            sequence = queue.popleft()
            if queue:
                self._by_client.move_to_end(client)
            else:
                del self._by_client[client]
            self.waiting -= 1
            sequence.row = row
            self._rows[row] = sequence
            self._reading.append(sequence)
            admitted.append(sequence)
        return admitted

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it is."""
        if sequence.row == WAITING:
            self._by_client[sequence.client].remove(sequence)
            if not self._by_client[sequence.client]:
                del self._by_client[sequence.client]
            self.waiting -= 1
            return
        if sequence.reading:
            self._reading.remove(sequence)
        self._rows[sequence.row] = None
        sequence.row = WAITING

    @property
    def running(self) -> list[Sequence]:
        """Those that have a row."""
        return [holder for holder in self._rows if holder is not None]

    def prompts(self) -> list[Sequence]:
        """Whose prompts the next step processes a chunk of; empty where it is the turn of answers, or nothing to read.

        Prompts and answers take turns, so that neither waits for more than one step of the other. A long prompt goes
        to the end of the line after each chunk.
        """
        answering = any(not sequence.reading for sequence in self.running)
        self._prompts_last = bool(self._reading) and not (self._prompts_last and answering)
        if not self._prompts_last:
            return []
        width = self._reading[0].next_chunk().width
        alike = [sequence for sequence in self._reading if sequence.next_chunk().width == width]
        return alike[: _PROMPT_TOKENS // width]

    def read(self, sequence: Sequence) -> None:
        """A chunk of the sequence's prompt has been processed."""
        self._reading.remove(sequence)
        if sequence.reading:
            self._reading.append(sequence)

    def batch(self) -> list[Sequence | None]:
        """The rows of the cache up to the last that is taken."""
        taken = [row for row, holder in enumerate(self._rows) if holder is not None]
        return self._rows[: taken[-1] + 1] if taken else []

    def moves(self) -> Iterator[tuple[Sequence, int]]:
        """Sequences and the lower rows that they go to, while that makes the batch smaller; each has moved then."""
        while len(batch := self.batch()) and padded(len(batch)) > padded(len(self.running)):
            sequence, hole = self.running[-1], batch.index(None)
            yield sequence, hole
            self._rows[hole], self._rows[sequence.row] = sequence, None
            sequence.row = hole
