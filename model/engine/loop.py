"""The central loop: schedule, run, choose. The engine's thread turns it; so does `generate`, which has no thread.

Answers that are served and answers that are measured therefore go the same way, and are the same tokens.
"""

from collections.abc import Sequence as ListOf

from torch import Tensor

from model.base.checkpoint import Checkpoint
from model.engine.blocks import BLOCK, MARK, Blocks, blocks_for
from model.engine.echo import carried
from model.engine.runner import Piece, Runner, Seen
from model.engine.sampling import TokenScores, choose, score
from model.engine.scheduler import Scheduler
from model.engine.sequence import Sequence
from model.memory.traffic import TrafficCounter


class Loop:
    """Sequences go in by the scheduler; each step takes some of them on by a token.

    rows       sequences that run at once
    queue      sequences that wait at most
    positions  of the cache, for all that run together
    """

    def __init__(self, checkpoint: Checkpoint, *, rows: int, queue: int, positions: int) -> None:
        self.blocks = Blocks(blocks_for(positions))
        self.scheduler = Scheduler(rows, queue, self.blocks)
        self.runner = Runner(checkpoint, self.blocks.count)
        self.traffic = TrafficCounter(checkpoint.memory)
        self._memory, self._ends = checkpoint.memory, checkpoint.prompts.ends

    def admit(self) -> None:
        """Let sequences run that wait, while there is room."""
        for sequence in self.scheduler.admit():
            if sequence.kept is not None:
                self.runner.pool.write(sequence.blocks, sequence.kept)
                sequence.kept = None
            if sequence.lent is not None:
                self.runner.pool.copy(sequence.lent, sequence.blocks[-1])
                self.blocks.give([sequence.lent])
                sequence.lent = None

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out; its blocks are free."""
        self.scheduler.remove(sequence)

    def step(self) -> list[tuple[Sequence, TokenScores | None]]:
        """One forward pass; the sequences whose answers it took on, with the scores of the tokens where wanted.

        A sequence that has its end token is among them with the answer that it had. One that is finished stays until
        it is removed.
        """
        work = self.scheduler.next(self._pause)
        if not work:
            return []
        pieces, seen, scored = self._run(work)
        rows: list[int] = []
        answering: list[Sequence] = []
        first = 0
        for (sequence, _), piece in zip(work, pieces, strict=True):
            last = first + len(piece.places) - 1
            self._processed(sequence, piece)
            if not sequence.reading:
                asked = seen.asked[last]
                if asked is not None and sequence.client and not piece.is_answer:
                    self.traffic.count(asked)
                sequence.saw(asked, seen.opened[last])
                rows.append(last)
                answering.append(sequence)
            first = last + 1
        for sequence, scores in scored:
            sequence.prompt_scores += scores
        return self._choose(answering, seen.logits[rows]) if rows else []

    def _run(
        self, work: ListOf[tuple[Sequence, Piece]]
    ) -> tuple[list[Piece], Seen, list[tuple[Sequence, list[TokenScores]]]]:
        """Run pieces; where tokens of prompts are scored, again with the queries that places turn out to carry."""
        pieces = [piece for _, piece in work]
        seen = self.runner.run(pieces)
        if not any(piece.places and sequence.sampling.scores_prompt and sequence.reading for sequence, piece in work):
            return pieces, seen, []
        changed, first = list(pieces), 0
        for index, (sequence, piece) in enumerate(work):
            if following := _following(sequence, piece):
                part = slice(first, first + len(piece.places))
                own = Seen(seen.logits[part], seen.asked[part], seen.opened[part])
                changed[index], sequence.chain = carried(self._memory, piece, own, following, sequence.chain)
            first += len(piece.places)
        if any(after is not before for after, before in zip(changed, pieces, strict=True)):
            seen = self.runner.run(changed)
        return changed, seen, _scored(work, changed, seen)

    def _processed(self, sequence: Sequence, piece: Piece) -> None:
        """The piece's keys are in the cache; what blocks hold of a prompt can be found by others."""
        if sequence.reading:
            before = sequence.cached // MARK
            sequence.cached += len(piece.ids)
            self.scheduler.read(sequence)
            for index in range(before, sequence.cached // MARK):
                end = MARK * (index + 1)
                self.blocks.name(sequence.blocks[(end - 1) // BLOCK], sequence.names[index], end)
        else:
            sequence.cached += 1

    def _pause(self, sequence: Sequence) -> None:
        """Copy what a sequence has in its blocks, before it leaves them to others."""
        if sequence.cached:
            sequence.kept = self.runner.pool.read(sequence.blocks[: blocks_for(sequence.cached)])

    def _choose(self, answering: list[Sequence], logits: Tensor) -> list[tuple[Sequence, TokenScores | None]]:
        """Add the next token, of logits (B, W), to B sequences."""
        tokens = choose(logits, [s.sampling for s in answering], [s.draws for s in answering])
        scores = self._scores(answering, tokens, logits)
        for sequence, token in zip(answering, tokens, strict=True):
            if token is None:
                sequence.broken = True
            elif sequence.sampling.max_tokens == 0:
                sequence.finish = "length"
            elif sequence.finish is None:
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


def _following(sequence: Sequence, piece: Piece) -> list[int]:
    """The tokens of a prompt that are scored at the places of a piece."""
    if not (sequence.sampling.scores_prompt and sequence.reading):
        return []
    return sequence.ids[piece.start + 1 : piece.start + 1 + len(piece.ids)]


def _scored(
    work: ListOf[tuple[Sequence, Piece]], pieces: ListOf[Piece], seen: Seen
) -> list[tuple[Sequence, list[TokenScores]]]:
    """The scores of the prompts' own tokens."""
    scored, first = [], 0
    for (sequence, _), piece in zip(work, pieces, strict=True):
        if following := _following(sequence, piece):
            count = sequence.sampling.logprobs or 0
            logits = seen.logits[first : first + len(following)]
            scored.append((sequence, score(logits, following, [count] * len(following))))
        first += len(piece.places)
    return scored
