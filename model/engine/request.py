"""What the engine knows of a sequence beyond its tokens: who waits for it, until when, and what was given out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from model.base.checkpoint import Checkpoint
from model.base.prompts import Prompt
from model.engine.generation import Answer, Finish, Generation, Piece, TokenLogprob
from model.engine.sampling import Sampling
from model.engine.sequence import Sequence
from model.engine.text import AnswerText, Vocabulary
from model.errors import PromptTooLong
from model.memory.sketch import Spoken


@dataclass(eq=False)
class Request:
    """A sequence's other side: its caller.

    prompt    as it was submitted
    deadline  monotonic seconds
    pieces    given out so far
    ended     what ends it, told by another thread
    """

    generation: Generation
    prompt: Prompt
    text: AnswerText
    deadline: float
    on_piece: Callable[[Piece], None] | None
    pieces: list[Piece] = field(default_factory=list)
    ended: Exception | None = None

    def give(self, piece: Piece) -> None:
        """Keep a piece for the answer and hand it to the caller, if there is anything in it."""
        if piece.text or piece.logprobs:
            self.pieces.append(piece)
            if self.on_piece is not None:
                self.on_piece(piece)

    def answer(self, sequence: Sequence, finish: Finish, vocabulary: Vocabulary) -> Answer:
        """The answer that the pieces make."""
        logprobs = tuple(logprob for piece in self.pieces for logprob in piece.logprobs)
        return Answer(
            "".join(piece.text for piece in self.pieces),
            self.generation.version,
            self.generation.state_hash,
            len(sequence.answer),
            finish,
            self.generation.prompt_tokens,
            None if sequence.sampling.logprobs is None else logprobs,
            sequence.citations,
            self._of_prompt(sequence, vocabulary) if sequence.sampling.scores_prompt else None,
        )

    def _of_prompt(self, sequence: Sequence, vocabulary: Vocabulary) -> tuple[TokenLogprob, ...]:
        """The prompt's tokens from the second on, each with the characters of the text that it ends."""
        text, ends = self.prompt.turns[0], self.prompt.ends
        return tuple(
            vocabulary.named(text[start:end], scores)
            for (start, end), scores in zip(pairwise(ends), sequence.prompt_scores, strict=True)
        )


def refuse_unfit(prompt: Prompt, sampling: Sampling, limit: int, positions: int) -> None:
    """Refuse what can never be answered.

    limit      positions that a sequence can have here
    positions  of the model
    Raises PromptTooLong; ValueError where the tokens of a conversation should be echoed.
    """
    tokens, more = len(prompt.ids), 1 if sampling.max_tokens is None else sampling.max_tokens
    if tokens + more > limit:
        place = "the model" if limit == positions else "the cache"
        raise PromptTooLong(
            f"the prompt has {tokens:,} tokens and asks for {more:,} more; {place} has {limit:,} positions"
        )
    if sampling.scores_prompt and not prompt.ends:
        raise ValueError("echo is for a text that is continued as it is; this prompt is a conversation")


def what_is_asked(checkpoint: Checkpoint, prompt: Prompt, sampling: Sampling) -> tuple[Spoken, list[Spoken]]:
    """What the words of a prompt tell, and those of its beginnings where all its tokens are scored."""
    sketch = checkpoint.memory.addressing.sketch
    ends = prompt.ends if sampling.scores_prompt else ()
    return sketch.spoken(prompt.turns, prompt.around), [sketch.spoken([prompt.turns[0][:end]]) for end in ends]
