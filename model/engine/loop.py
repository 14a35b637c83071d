"""The central loop: schedule, run, choose. The engine's thread turns it; so does `generate`, which has no thread.

Answers that are served and answers that are measured therefore go the same way, and are the same tokens.
"""

from collections.abc import Sequence as ListOf

from torch import Tensor

from model.checkpoint import Checkpoint
from model.engine.prefix import PrefixCache
from model.engine.runner import CHUNK, Runner
from model.engine.sampling import TokenScores, choose, score
from model.engine.scheduler import Scheduler
from model.engine.sequence import WAITING, Sequence


class Loop:
    """Sequences go in by the scheduler; each step takes some of them on by a token.

    rows    sequences that run at once
    queue   sequences that wait at most
    limit   positions that a sequence can have, its prompt and its answer together
    """

    def __init__(self, checkpoint: Checkpoint, *, rows: int, queue: int, limit: int, prefix_tokens: int) -> None:
        self.scheduler = Scheduler(rows, queue)
        self.runner = Runner(checkpoint, rows, limit)
        self.prefix = PrefixCache(prefix_tokens)
        ends = checkpoint.model.generation_config.eos_token_id  # one, several or none
        self._ends = frozenset([checkpoint.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])])

    def step(self) -> list[tuple[Sequence, TokenScores | None]]:
        """One forward pass; the sequences whose answers it took on, with the scores of the tokens where wanted.

        A sequence that has its end token is among them with the answer that it had. One that is finished stays in its
        row until it is removed.
        """
        if prompts := self.scheduler.prompts():
            return self._read(prompts)
        for sequence, row in self.scheduler.moves():
            self.runner.cache.move(sequence.row, row, sequence.cached)
        batch = self.scheduler.batch()
        logits = self.runner.tokens([None if sequence is None else sequence.last() for sequence in batch])
        rows = [row for row, sequence in enumerate(batch) if sequence is not None and not sequence.reading]
        answering = [sequence for sequence in batch if sequence is not None and not sequence.reading]
        for sequence in answering:
            sequence.cached += 1
        return self._choose(answering, logits if len(rows) == len(logits) else logits[rows])

    def admit(self) -> None:
        """Give free rows to sequences that wait; what is known of their prompts need not be processed."""
        for sequence in self.scheduler.admit():
            for kept in self.prefix.find(sequence.view, sequence.ids):
                self.runner.cache.write(sequence.row, sequence.cached, kept)
                sequence.cached += CHUNK

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out; its row is free."""
        if sequence.row != WAITING and sequence.finish is None:
            # Of one that is finished, the last logits were numbers, and so is all that they were computed from.
            self.runner.cache.clear(sequence.row)
        self.scheduler.remove(sequence)

    def _read(self, prompts: list[Sequence]) -> list[tuple[Sequence, TokenScores | None]]:
        chunks = [sequence.next_chunk() for sequence in prompts]
        logits = self.runner.prompts(chunks)
        for sequence, chunk in zip(prompts, chunks, strict=True):
            sequence.cached += len(chunk.ids)
            self.scheduler.read(sequence)
            if len(chunk.ids) == CHUNK and self.prefix.capacity >= CHUNK:
                kept = self.runner.cache.read(chunk.row, chunk.start, sequence.cached)
                self.prefix.keep(sequence.view, sequence.ids[: sequence.cached], kept)
        rows = [row for row, sequence in enumerate(prompts) if not sequence.reading]
        return self._choose([prompts[row] for row in rows], logits[rows]) if rows else []

    def _choose(self, answering: list[Sequence], logits: Tensor) -> list[tuple[Sequence, TokenScores | None]]:
        """Add the next token, of logits (B, W), to B sequences."""
        tokens = choose(logits, [s.sampling for s in answering], [s.draws for s in answering])
        scores = self._scores(answering, tokens, logits)
        for sequence, token in zip(answering, tokens, strict=True):
            if token is None:
                sequence.broken = True
            else:
                sequence.add(token, self._ends)
        return [(sequence, scores.get(sequence)) for sequence in answering]

    def _scores(
        self, answering: list[Sequence], tokens: ListOf[int | None], logits: Tensor
    ) -> dict[Sequence, TokenScores]:
        wanted = [
            (row, sequence, token, sequence.sampling.logprobs)
            for row, (sequence, token) in enumerate(zip(answering, tokens, strict=True))
            if sequence.sampling.logprobs is not None and token is not None
        ]
        if not wanted:
            return {}
        rows, sequences, chosen, counts = zip(*wanted, strict=True)
        return dict(zip(sequences, score(logits[list(rows)], chosen, counts), strict=True))
